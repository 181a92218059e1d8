//! What embedders get, as far as its manifests say it.

use std::process::Command;

use serde_json::Value;

/// What cargo knows of this workspace and its dependencies.
fn metadata() -> Value {
  let output = Command::new(env!("CARGO"))
    .args(["metadata", "--format-version=1", "--locked", "--offline"])
    .args([
      "--manifest-path",
      concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
    ])
    .output()
    .unwrap();
  assert!(
    output.status.success(),
    "`cargo fetch` downloads what is missing: {output:?}"
  );
  serde_json::from_slice(&output.stdout).unwrap()
}

fn version(text: &str) -> Vec<u32> {
  let mut parts: Vec<u32> =
    text.split('.').map(|part| part.parse().unwrap()).collect();
  parts.resize(3, 0);
  parts
}

/// That the library's own code needs no newer one is clippy's to say, with
/// `clippy::incompatible_msrv`.
#[test]
fn no_dependency_needs_a_newer_rust_than_the_packages_promise() {
  let metadata = metadata();
  let packages = metadata["packages"].as_array().unwrap();
  let promised = env!("CARGO_PKG_RUST_VERSION");
  let newer = packages.iter().filter_map(|package| {
    let needs = package["rust_version"].as_str()?;
    let is_newer = version(needs) > version(promised);
    is_newer.then(|| format!("{} needs {needs}", package["id"]))
  });
  let newer: Vec<_> = newer.collect();
  assert!(newer.is_empty(), "{promised} is promised: {newer:#?}");
}

#[test]
fn what_is_published_has_all_that_a_registry_shows() {
  let metadata = metadata();
  let packages = metadata["packages"].as_array().unwrap();
  let own = |name: &str| packages.iter().find(|p| p["name"] == name).unwrap();
  for name in ["background_fetch", "background_fetch_build"] {
    let package = own(name);
    for key in ["license", "description", "documentation", "rust_version"] {
      let value = package[key].as_str().unwrap_or_default();
      assert!(!value.is_empty(), "{name} has no {key}");
    }
    for key in ["keywords", "categories"] {
      let value = package[key].as_array().unwrap();
      assert!((1..=5).contains(&value.len()), "{name}: {key}");
    }
  }
}
