//! Puts the JavaScript of the extensions into the binary, and says early what
//! a build of QuickJS lacks.

use std::env;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use background_fetch_build::Scripts;

/// What a machine may lack that some tests need; see `TESTS_WITHOUT` in
/// `tests/support/src/cannot_run.rs`.
const NEEDS: [&str; 7] = [
  "mount",
  "strace",
  "other-user",
  "other-disk",
  "typescript",
  "chromium",
  "window",
];

fn main() {
  check_quickjs();
  leave_out_tests();
  let mut scripts = Scripts::new()
    .folder(
      "js/background_fetch",
      "background_fetch",
      "background_fetch/",
    )
    .folder("js/browser", "background_fetch_browser", "")
    .folder(
      "js/browser/indexed_db",
      "background_fetch_browser",
      "indexed_db/",
    )
    .folder("js/common", "background_fetch", "common/")
    .folder("js/globals", "background_fetch_globals", "")
    .folder("js/no_net", "deno_net", "")
    .folder("js/service_worker", "background_fetch", "service_worker/")
    .dependency("deno_webidl")
    .dependency("deno_web")
    .dependency("deno_fetch");
  if env::var("CARGO_FEATURE_CRYPTO").is_ok() {
    scripts = scripts.dependency("deno_crypto");
  }
  scripts.write("scripts.rs");
}

/// Tests that cannot run on this machine are compiled as ignored ones, for the
/// list of tests to say so.
fn leave_out_tests() {
  println!("cargo:rerun-if-env-changed=TESTS_WITHOUT");
  let left_out = env::var("TESTS_WITHOUT").unwrap_or_default();
  for need in NEEDS {
    let name = format!("without_{}", need.replace('-', "_"));
    println!("cargo:rustc-check-cfg=cfg({name})");
    if left_out.split(',').any(|part| part.trim() == need) {
      println!("cargo:rustc-cfg={name}");
    }
  }
}

/// Where QuickJS's WebAssembly part clones SIMDe from.
const SIMDE: &str = "https://github.com/simd-everywhere/simde";

/// The same places as in `cmake/simde.cmake`.
const PREFIXES: [&str; 4] = [
  "/usr/include",
  "/usr/local/include",
  "/opt/homebrew/include",
  concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/setup/cmeel.prefix/include"
  ),
];

/// QuickJS is compiled for minutes before its WebAssembly part asks for
/// `cmake`, and for headers that it clones from the network unless the
/// environment says where they are. No build script can say so for another
/// crate, but it can tell at once what is going to be missing.
fn check_quickjs() {
  const TOOLCHAIN: &str = "CMAKE_TOOLCHAIN_FILE";
  println!("cargo:rerun-if-env-changed={TOOLCHAIN}");
  println!("cargo:rerun-if-env-changed=WAMR_LIB_DIR");
  let is_windows = env::var("CARGO_CFG_WINDOWS").is_ok();
  let needs_none =
    env::var("CARGO_FEATURE_QUICKJS").is_err() || env::var("DOCS_RS").is_ok();
  if needs_none || env::var("WAMR_LIB_DIR").is_ok() {
    return;
  }
  if !succeeds(Command::new("cmake").arg("--version")) {
    fail(
      "QuickJS's WebAssembly part is built with cmake, which is not installed.\n\
       Install it: apt-get install cmake (Debian), brew install cmake (macOS)",
    );
  }
  let own = concat!(env!("CARGO_MANIFEST_DIR"), "/cmake/simde.cmake");
  let installed = PREFIXES
    .iter()
    .any(|prefix| Path::new(prefix).join("simde/wasm/simd128.h").exists());
  let is_told = env::var_os(TOOLCHAIN).is_some_and(|file| {
    installed || Path::new(&file).file_name() != Path::new(own).file_name()
  });
  if is_told || is_windows {
    return;
  }
  let install = match installed {
    true => "They are installed: to use them",
    false => {
      "Install them: apt-get install libsimde-dev (Debian), brew install simde \
       (macOS); then"
    }
  };
  let say = format!(
    "{install} build with\n\n  {TOOLCHAIN}={own}\n\nin the environment, or in \
     your project's .cargo/config.toml:\n\n  [env]\n  {TOOLCHAIN} = {own:?}\n"
  );
  let mut ask = Command::new("git");
  ask
    .args(["ls-remote", "--quiet", SIMDE, "v0.8.2"])
    .env("GIT_TERMINAL_PROMPT", "0");
  if succeeds(&mut ask) {
    println!(
      "cargo:warning=QuickJS's WebAssembly part clones the headers of SIMDe \
       from {SIMDE}; with {TOOLCHAIN}={own} it takes the installed ones"
    );
  } else {
    fail(&format!(
      "QuickJS's WebAssembly part needs the headers of SIMDe, and cannot clone \
       them from {SIMDE}.\n{say}"
    ));
  }
}

/// Whether the command ends well, in time.
fn succeeds(command: &mut Command) -> bool {
  command.stdin(Stdio::null());
  command.stdout(Stdio::null()).stderr(Stdio::null());
  let Ok(mut child) = command.spawn() else {
    return false;
  };
  let until = Instant::now() + Duration::from_secs(30);
  while Instant::now() < until {
    match child.try_wait() {
      Ok(Some(status)) => return status.success(),
      Ok(None) => std::thread::sleep(Duration::from_millis(20)),
      Err(_) => return false,
    }
  }
  let _ = child.kill();
  false
}

fn fail(why: &str) -> ! {
  eprintln!("error: {why}");
  std::process::exit(1)
}
