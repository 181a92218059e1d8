//! Where the sources of dependencies lie, as cargo itself says.
//!
//! The package's own `cargo metadata` would want crates of other platforms and
//! of its tests, which a build has not downloaded. So cargo is asked about a
//! package that has these dependencies and no others: anyone who compiles the
//! package has them all.

use std::env;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::create;
use crate::fail;

/// The directory of each of the `crates`, which the package in `manifest`
/// depends on.
pub(crate) fn find(
  crates: &[String],
  manifest: &Path,
  out: &Path,
) -> Vec<(String, PathBuf)> {
  if crates.is_empty() {
    return Vec::new();
  }
  let own = metadata(manifest, &["--no-deps"], manifest);
  let name = env::var("CARGO_PKG_NAME").unwrap_or_default();
  let own = named(&own, &name);
  let own = own.unwrap_or_else(|| fail(manifest, "cargo does not know it"));
  let probe = out.join("probe");
  create(&probe);
  write(&probe.join("lib.rs"), "");
  write(&probe.join("Cargo.toml"), &probe_manifest(crates, own));
  let target = env::var("TARGET").unwrap_or_default();
  let filter = ["--filter-platform", &target];
  // The configuration of cargo is found from the directory that it is called
  // in: the embedder's, as a rule, has the target directory, and not a package
  // of the registry.
  let resolved = metadata(&probe, &filter, &probe);
  let directory = |name: &String| {
    let manifest = named(&resolved, name)?["manifest_path"].as_str()?;
    Some(Path::new(manifest).parent()?.to_path_buf())
  };
  let both = crates.iter().map(|name| {
    let found = directory(name);
    let found = found.unwrap_or_else(|| {
      fail(Path::new(name), "cargo does not know where it lies")
    });
    (name.clone(), found)
  });
  both.collect()
}

fn named<'a>(metadata: &'a Value, name: &str) -> Option<&'a Value> {
  let packages = metadata["packages"].as_array()?;
  packages.iter().find(|package| package["name"] == name)
}

/// A package that depends on the crates as `own` does, with no features of its
/// own and in no workspace.
fn probe_manifest(crates: &[String], own: &Value) -> String {
  let mut text = "[package]\nname = \"probe\"\nversion = \"0.0.0\"\n\
     edition = \"2024\"\n[lib]\npath = \"lib.rs\"\n[workspace]\n\
     [dependencies]\n"
    .to_string();
  let dependencies = own["dependencies"].as_array();
  for name in crates {
    let mut all = dependencies.into_iter().flatten();
    let found = all.find(|one| one["name"] == **name && one["kind"].is_null());
    let dependency = found.unwrap_or_else(|| {
      fail(Path::new(name), "the package does not depend on it")
    });
    let _ = writeln!(text, "{name} = {{ {} }}", source(name, dependency));
  }
  text
}

fn source(name: &str, dependency: &Value) -> String {
  let defaults = &dependency["uses_default_features"];
  let features = &dependency["features"];
  let common = format!("features = {features}, default-features = {defaults}");
  if let Some(path) = dependency["path"].as_str() {
    return format!("path = {path:?}, {common}");
  }
  let version = dependency["req"].as_str().unwrap_or_default();
  if !version.starts_with('=') {
    fail(
      Path::new(name),
      format!(
        "its version is \"{version}\" and has to be exact (\"=1.2.3\"): the \
         scripts have to be those of the crate that is linked"
      ),
    );
  }
  format!("version = {version:?}, {common}")
}

fn write(path: &Path, text: &str) {
  fs::write(path, text).unwrap_or_else(|error| fail(path, error));
}

fn metadata(package: &Path, more: &[&str], called_in: &Path) -> Value {
  let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
  let output = Command::new(cargo)
    .args(["metadata", "--format-version=1", "--offline"])
    .arg("--manifest-path")
    .arg(package.join("Cargo.toml"))
    .args(more)
    .current_dir(called_in)
    .output();
  let output = output.unwrap_or_else(|error| fail(package, error));
  if !output.status.success() {
    let said = String::from_utf8_lossy(&output.stderr);
    fail(
      package,
      format!(
        "{said}\nBuild with the cargo that has downloaded or vendored the \
         dependencies, and with its configuration where this directory finds it"
      ),
    );
  }
  let parsed = serde_json::from_slice(&output.stdout);
  parsed.unwrap_or_else(|error| fail(package, error))
}
