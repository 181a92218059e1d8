//! For the build script of a program with `deno_core` extensions: puts their
//! JavaScript into the program.
//!
//! `deno_core` only records where the files of an extension lie, and reads
//! them from there when a runtime starts without a snapshot: on another
//! machine than the one that has built the program there is nothing to read.
//! (A snapshot would solve that for V8 and not for QuickJS, and would have
//! every embedder build these crates twice.)
//!
//! The build script writes a table of sources:
//!
//! ```no_run
//! // build.rs
//! background_fetch_build::Scripts::new()
//!   // The scripts of a dependency.
//!   .dependency("deno_cache")
//!   // `js/*.js` of this package, of its extension `player`.
//!   .folder("js", "player", "")
//!   .write("scripts.rs");
//! ```
//!
//! The program gives it to `background_fetch::extension::with_scripts`:
//!
//! ```text
//! fn scripts(specifier: &str) -> Option<&'static str> {
//!   include!(concat!(env!("OUT_DIR"), "/scripts.rs"))
//! }
//! let cache = with_scripts(deno_cache::deno_cache::init(None), scripts);
//! ```

#![warn(missing_debug_implementations, missing_docs, unreachable_pub)]

mod sources;

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// Which scripts a program needs. Every function of it ends the build with a
/// message when it cannot do what it should: a program without its scripts
/// would work on the machine that has built it, and nowhere else.
#[derive(Debug, Default)]
#[must_use]
pub struct Scripts {
  dependencies: Vec<String>,
  folders: Vec<Folder>,
}

#[derive(Debug)]
struct Folder {
  path: String,
  extension: String,
  prefix: String,
}

impl Scripts {
  /// None yet.
  pub fn new() -> Self {
    Self::default()
  }

  /// The scripts of a crate that this package depends on, whose extension has
  /// the crate's name, as those of Deno have. The dependency's version is exact
  /// (`"=0.193.0"`), or it has a path.
  pub fn dependency(mut self, name: &str) -> Self {
    self.dependencies.push(name.to_string());
    self
  }

  /// The scripts `*.js` in a folder of this package, as
  /// `ext:EXTENSION/PREFIX…`.
  pub fn folder(mut self, path: &str, extension: &str, prefix: &str) -> Self {
    self.folders.push(Folder {
      path: path.to_string(),
      extension: extension.to_string(),
      prefix: prefix.to_string(),
    });
    self
  }

  /// Writes the table into the file `name` of `OUT_DIR`: an expression for the
  /// body of a `fn(specifier: &str) -> Option<&'static str>`.
  pub fn write(self, name: &str) {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=Cargo.toml");
    println!("cargo:rerun-if-env-changed=CARGO_HOME");
    let manifest = directory("CARGO_MANIFEST_DIR");
    let out = directory("OUT_DIR");
    let mut arms = String::new();
    for folder in &self.folders {
      let Folder {
        path,
        extension,
        prefix,
      } = folder;
      println!("cargo:rerun-if-changed={path}");
      for file in scripts(&manifest.join(path)) {
        let specifier = format!("ext:{extension}/{prefix}{file}");
        arm(&mut arms, &specifier, "CARGO_MANIFEST_DIR", path, &file);
      }
    }
    for (extension, from) in sources::find(&self.dependencies, &manifest, &out)
    {
      // Copied, for cargo's directory may lie elsewhere the next time.
      let to = out.join(&extension);
      create(&to);
      for file in scripts(&from) {
        let copied = fs::copy(from.join(&file), to.join(&file));
        copied.unwrap_or_else(|error| fail(&from.join(&file), error));
        let specifier = format!("ext:{extension}/{file}");
        arm(&mut arms, &specifier, "OUT_DIR", &extension, &file);
      }
    }
    let table = format!("match specifier {{\n{arms}  _ => None,\n}}\n");
    let path = out.join(name);
    fs::write(&path, table).unwrap_or_else(|error| fail(&path, error));
  }
}

fn directory(variable: &str) -> PathBuf {
  let value = env::var_os(variable);
  let value = value.unwrap_or_else(|| {
    fail(Path::new(variable), "cargo sets it for build scripts only")
  });
  value.into()
}

fn create(directory: &Path) {
  let made = fs::create_dir_all(directory);
  made.unwrap_or_else(|error| fail(directory, error));
}

/// The names of the scripts in a folder, in order.
fn scripts(folder: &Path) -> Vec<String> {
  let entries = fs::read_dir(folder);
  let entries = entries.unwrap_or_else(|error| fail(folder, error));
  let names = entries.filter_map(|entry| {
    let name = entry.ok()?.file_name().into_string().ok()?;
    name.ends_with(".js").then_some(name)
  });
  let mut names: Vec<String> = names.collect();
  names.sort();
  names
}

/// One line of the table. The file is named by way of a variable, so that the
/// table stays true when the sources move and the target directory does not.
fn arm(
  arms: &mut String,
  specifier: &str,
  root: &str,
  folder: &str,
  file: &str,
) {
  let _ = writeln!(
    arms,
    "  {specifier:?} => Some(include_str!(concat!(env!({root:?}), \
     \"/{folder}/{file}\"))),"
  );
}

fn fail(what: &Path, why: impl std::fmt::Display) -> ! {
  eprintln!(
    "error: scripts of extensions cannot be built into the program.\n{}: {why}",
    what.display()
  );
  std::process::exit(1)
}
