//! Puts the JavaScript of the extensions into the binary.
//!
//! `deno_core` only records where the files of an extension lie, and reads
//! them from there when a runtime starts without a snapshot: on another
//! machine than the one that has built the program there is nothing to read.
//! (A snapshot would solve that for V8 and not for QuickJS, and would have
//! every embedder build these crates twice.)

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// The crates whose extensions a realm has, beside our own.
const CRATES: [&str; 5] = [
  "deno_webidl",
  "deno_web",
  "deno_net",
  "deno_fetch",
  "deno_crypto",
];

/// Our folders of scripts: the extension that each belongs to, and how the
/// names of its files begin there.
const FOLDERS: [(&str, &str, &str); 5] = [
  ("background_fetch", "background_fetch", "background_fetch/"),
  ("browser", "background_fetch_browser", ""),
  ("common", "background_fetch", "common/"),
  ("globals", "background_fetch_globals", ""),
  ("service_worker", "background_fetch", "service_worker/"),
];

/// What a machine may lack that some tests need; see `TESTS_WITHOUT` in
/// `tests/support/src/cannot_run.rs`.
const NEEDS: [&str; 6] = [
  "mount",
  "strace",
  "other-user",
  "other-disk",
  "chromium",
  "window",
];

fn main() {
  leave_out_tests();
  println!("cargo:rerun-if-changed=build.rs");
  println!("cargo:rerun-if-changed=js");
  println!("cargo:rerun-if-changed=Cargo.toml");
  println!("cargo:rerun-if-env-changed=CARGO_HOME");
  let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap());
  let mut arms = String::new();
  for (folder, extension, prefix) in FOLDERS {
    let directory = format!("js/{folder}");
    for file in scripts(&manifest.join(&directory)) {
      let specifier = format!("ext:{extension}/{prefix}{}", name(&file));
      arm(
        &mut arms,
        &specifier,
        "CARGO_MANIFEST_DIR",
        &directory,
        &file,
      );
    }
  }
  let out = PathBuf::from(env::var("OUT_DIR").unwrap());
  for (extension, directory) in directories(&manifest) {
    // Copied, for cargo's directory may lie elsewhere the next time.
    fs::create_dir_all(out.join(&extension)).unwrap();
    for file in scripts(&directory) {
      fs::copy(&file, out.join(&extension).join(name(&file))).unwrap();
      let specifier = format!("ext:{extension}/{}", name(&file));
      arm(&mut arms, &specifier, "OUT_DIR", &extension, &file);
    }
  }
  let table = format!("match specifier {{\n{arms}  _ => return None,\n}}\n");
  fs::write(out.join("scripts.rs"), table).unwrap();
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

fn name(file: &Path) -> &str {
  file.file_name().unwrap().to_str().unwrap()
}

fn scripts(directory: &Path) -> Vec<PathBuf> {
  let entries = fs::read_dir(directory).unwrap();
  let mut files: Vec<PathBuf> = entries
    .map(|entry| entry.unwrap().path())
    .filter(|path| path.extension().is_some_and(|e| e == "js"))
    .collect();
  files.sort();
  files
}

/// One line of the table. The file is named by way of a variable, so that the
/// table stays true when the sources move and the target directory does not.
fn arm(
  arms: &mut String,
  specifier: &str,
  root: &str,
  directory: &str,
  file: &Path,
) {
  let file = name(file);
  writeln!(
    arms,
    "  {specifier:?} => include_str!(concat!(env!({root:?}), \"/{directory}/{file}\")),"
  )
  .unwrap();
}

/// Where the sources of the crates lie, as cargo itself says.
///
/// This package's own `cargo metadata` would want crates of other platforms
/// and of its tests, which a build has not downloaded. So cargo is asked about
/// a package that has these dependencies and no others: anyone who compiles
/// this has them all.
fn directories(manifest: &Path) -> Vec<(String, PathBuf)> {
  let own = metadata(&manifest.join("Cargo.toml"), &["--no-deps"]);
  let probe = PathBuf::from(env::var("OUT_DIR").unwrap()).join("probe");
  fs::create_dir_all(&probe).unwrap();
  fs::write(probe.join("lib.rs"), "").unwrap();
  fs::write(probe.join("Cargo.toml"), probe_manifest(&own)).unwrap();
  let target = env::var("TARGET").unwrap();
  let resolved =
    metadata(&probe.join("Cargo.toml"), &["--filter-platform", &target]);
  let packages = resolved["packages"].as_array().unwrap();
  CRATES
    .map(|name| {
      let package = packages.iter().find(|package| package["name"] == name);
      let path = package.and_then(|found| found["manifest_path"].as_str());
      let directory = path.and_then(|path| Path::new(path).parent());
      let directory = directory.unwrap_or_else(|| fail(name, "not resolved"));
      (name.to_string(), directory.to_path_buf())
    })
    .into()
}

/// A package that depends on the crates as this one does, with no features of
/// its own and in no workspace.
fn probe_manifest(own: &serde_json::Value) -> String {
  let name = env::var("CARGO_PKG_NAME").unwrap();
  let packages = own["packages"].as_array().unwrap();
  let own = packages.iter().find(|package| package["name"] == *name);
  let dependencies = own.and_then(|own| own["dependencies"].as_array());
  let dependencies = dependencies.unwrap_or_else(|| fail(&name, "not found"));
  let mut text = "[package]\nname = \"probe\"\nversion = \"0.0.0\"\n\
     edition = \"2024\"\n[lib]\npath = \"lib.rs\"\n[workspace]\n\
     [dependencies]\n"
    .to_string();
  for dependency in dependencies {
    let name = dependency["name"].as_str().unwrap_or_default();
    if CRATES.contains(&name) {
      let defaults = &dependency["uses_default_features"];
      let (version, features) = (&dependency["req"], &dependency["features"]);
      writeln!(
        text,
        "{name} = {{ version = {version}, features = {features}, \
         default-features = {defaults} }}"
      )
      .unwrap();
    }
  }
  text
}

fn metadata(manifest: &Path, more: &[&str]) -> serde_json::Value {
  let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
  let output = Command::new(cargo)
    .args(["metadata", "--format-version=1", "--offline"])
    .arg("--manifest-path")
    .arg(manifest)
    .args(more)
    .output();
  let what = manifest.display().to_string();
  let output = output.unwrap_or_else(|error| fail(&what, error));
  if !output.status.success() {
    fail(&what, String::from_utf8_lossy(&output.stderr));
  }
  serde_json::from_slice(&output.stdout)
    .unwrap_or_else(|error| fail(&what, error))
}

/// A program without these scripts would read them from cargo's directory of
/// the machine that built it, if it is there. So there is no such program.
fn fail(what: &str, why: impl std::fmt::Display) -> ! {
  eprintln!(
    "error: the JavaScript of {} cannot be built into the program, since \
     cargo does not say where these crates are.\n{what}: {why}\n\
     Build with the cargo that has downloaded or vendored them, and with its \
     configuration where this directory finds it.",
    CRATES.join(", ")
  );
  std::process::exit(1)
}
