//! The types for scripts, against the scripts that are here: TypeScript's
//! compiler reads both.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use support::Need;

use crate::documents;

fn repository() -> &'static Path {
  Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `scripts/setup.sh` puts it.
fn compiler() -> PathBuf {
  repository().join("target/setup/node_modules/typescript/lib/tsc.js")
}

/// What the compiler says of the scripts that a configuration names.
fn check(configuration: &Path) -> String {
  let output = Command::new("node")
    .arg(compiler())
    .arg("--project")
    .arg(configuration)
    .output();
  let Ok(output) = output else {
    Need::Typescript.is_missing();
  };
  let said = String::from_utf8_lossy(&output.stdout).into_owned();
  assert!(output.stderr.is_empty(), "{output:?}");
  assert_eq!(output.status.success(), said.is_empty(), "{output:?}");
  said
}

#[test]
#[cfg_attr(
  without_typescript,
  ignore = "needs node, and TypeScript's compiler from npm"
)]
fn every_example_and_every_helper_fits_the_types() {
  for name in ["pages", "service_workers", "wpt_pages", "wpt_workers"] {
    let file = repository().join(format!("tests/types/{name}.json"));
    let said = check(&file);
    assert!(said.is_empty(), "{name}:\n{said}");
  }
}

/// Blocks that begin with ```` ```js ext ```` are of extensions, whose modules
/// no compiler knows.
#[test]
#[cfg_attr(
  without_typescript,
  ignore = "needs node, and TypeScript's compiler from npm"
)]
fn every_script_of_the_documents_fits_the_types() {
  let directory = tempfile::tempdir().unwrap();
  let types = repository().join("js/lib.background_fetch.serviceworker.d.ts");
  let mut files = vec![types.display().to_string()];
  let scripts = documents::fences();
  for (number, fence) in scripts.iter().enumerate() {
    if fence.info == "js" {
      let file = format!("{number}.js");
      let text = format!("// {}\n{}", fence.at, fence.block);
      std::fs::write(directory.path().join(&file), text).unwrap();
      files.push(file);
    }
  }
  assert!(files.len() > 1, "no document has a script");
  let configuration = serde_json::json!({
    "extends": repository().join("tests/types/service_workers.json"),
    "files": files,
    "include": [],
  });
  let file = directory.path().join("tsconfig.json");
  std::fs::write(&file, configuration.to_string()).unwrap();
  let said = check(&file);
  assert!(said.is_empty(), "{said}");
}

#[test]
#[cfg_attr(
  without_typescript,
  ignore = "needs node, and TypeScript's compiler from npm"
)]
fn what_the_api_does_not_have_is_an_error() {
  let directory = tempfile::tempdir().unwrap();
  let types = repository().join("js/lib.background_fetch.serviceworker.d.ts");
  let script = "
    addEventListener('backgroundfetchclick', (event) => event.updateUI());
    const { backgroundFetch } = registration;
    backgroundFetch.fetch('id', ['/a', 7]);
    backgroundFetch.fetch('id', '/a', { title: 1 });
    backgroundFetch.fetch('id', [new URL('https://a.test/'), '/b']);
    const reason: 'timeout' = (await backgroundFetch.get('id')).failureReason;
  ";
  std::fs::write(directory.path().join("sw.ts"), script).unwrap();
  let configuration = serde_json::json!({
    "extends": repository().join("tests/types/service_workers.json"),
    "compilerOptions": { "strict": true },
    "files": [types, "sw.ts"],
    "include": [],
  });
  let file = directory.path().join("tsconfig.json");
  std::fs::write(&file, configuration.to_string()).unwrap();
  let said = check(&file);
  for wrong in [
    "'updateUI' does not exist on type 'BackgroundFetchEvent'",
    "'number' is not assignable to type 'BackgroundFetchRequest'",
    "'number' is not assignable to type 'string'",
    "possibly 'undefined'",
  ] {
    assert!(said.contains(wrong), "{wrong} is not in:\n{said}");
  }
  assert_eq!(said.matches("error TS").count(), 5, "{said}");
}
