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
const CRATES: [&str; 4] = ["deno_webidl", "deno_web", "deno_net", "deno_fetch"];

/// Our files that belong to the extension with the globals.
const GLOBALS: [&str; 2] = ["globals.js", "start_globals.js"];

/// Our files that belong to the extension with what browsers have besides.
const BROWSER: &str = "js/browser";

fn main() {
  println!("cargo:rerun-if-changed=build.rs");
  println!("cargo:rerun-if-changed=js");
  println!("cargo:rerun-if-changed=Cargo.lock");
  let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap());
  let mut arms = String::new();
  for file in scripts(&manifest.join("js")) {
    let extension = match GLOBALS.contains(&name(&file)) {
      true => "background_fetch_globals",
      false => "background_fetch",
    };
    arm(&mut arms, extension, "CARGO_MANIFEST_DIR", "js", &file);
  }
  for file in scripts(&manifest.join(BROWSER)) {
    let extension = "background_fetch_browser";
    arm(&mut arms, extension, "CARGO_MANIFEST_DIR", BROWSER, &file);
  }
  let out = PathBuf::from(env::var("OUT_DIR").unwrap());
  for (extension, directory) in directories(&manifest) {
    // Copied, for cargo's directory may lie elsewhere the next time.
    fs::create_dir_all(out.join(&extension)).unwrap();
    for file in scripts(&directory) {
      fs::copy(&file, out.join(&extension).join(name(&file))).unwrap();
      arm(&mut arms, &extension, "OUT_DIR", &extension, &file);
    }
  }
  let table = format!("match specifier {{\n{arms}  _ => return None,\n}}\n");
  fs::write(out.join("scripts.rs"), table).unwrap();
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
  extension: &str,
  root: &str,
  directory: &str,
  file: &Path,
) {
  let file = name(file);
  writeln!(
    arms,
    "  \"ext:{extension}/{file}\" => \
     include_str!(concat!(env!({root:?}), \"/{directory}/{file}\")),"
  )
  .unwrap();
}

/// Where the sources of the crates lie, as cargo has resolved them.
fn directories(manifest: &Path) -> Vec<(String, PathBuf)> {
  let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
  let metadata = Command::new(cargo)
    .args([
      "metadata",
      "--format-version=1",
      "--offline",
      "--manifest-path",
    ])
    .arg(manifest.join("Cargo.toml"))
    .output();
  let found = metadata.ok().filter(|output| output.status.success());
  let found = found.and_then(|output| {
    let json: serde_json::Value =
      serde_json::from_slice(&output.stdout).ok()?;
    let packages = json["packages"].as_array()?.iter();
    let wanted = packages.filter_map(|package| {
      let name = package["name"].as_str()?;
      let path = Path::new(package["manifest_path"].as_str()?).parent()?;
      CRATES
        .contains(&name)
        .then(|| (name.to_string(), path.to_path_buf()))
    });
    Some(wanted.collect::<Vec<_>>())
  });
  let found = found.unwrap_or_default();
  if found.len() != CRATES.len() {
    println!(
      "cargo:warning=the JavaScript of {} is not part of the program: it \
       will be read from cargo's directory when the program runs",
      CRATES.join(", ")
    );
    return Vec::new();
  }
  found
}
