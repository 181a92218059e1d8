//! Which tests there are, and under which URLs they run.

use std::fs;
use std::io;
use std::path::Path;

use crate::meta::Meta;
use crate::runner::elements;

/// The global scope that a test runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
  Window,
  DedicatedWorker,
  ServiceWorker,
}

/// One page of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
  /// Path and query of the page: the test's name in reports.
  pub id: String,
  /// Path and query of what is run: the page, or a worker's script.
  pub entry: String,
  pub scope: Scope,
  pub https: bool,
  pub long_timeout: bool,
}

/// The tests below `paths` (files or folders, relative to `root`), in order.
///
/// # Errors
///
/// A path does not exist or cannot be read.
pub fn discover(root: &Path, paths: &[String]) -> io::Result<Vec<Test>> {
  let mut tests = Vec::new();
  for path in paths {
    let path = path.trim_matches('/');
    let full = root.join(path);
    if !full.exists() {
      return Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!("there is no test or folder {path:?} in {}", root.display()),
      ));
    }
    collect(root, path, &mut tests)?;
  }
  Ok(tests)
}

fn collect(root: &Path, path: &str, tests: &mut Vec<Test>) -> io::Result<()> {
  let full = root.join(path);
  if !full.is_dir() {
    let source = fs::read(&full)?;
    tests.extend(tests_of_file(path, &String::from_utf8_lossy(&source)));
    return Ok(());
  }
  let mut names = Vec::new();
  for entry in fs::read_dir(&full)? {
    names.push(entry?.file_name().to_string_lossy().into_owned());
  }
  names.sort();
  for name in names {
    // What is in these folders helps the tests and is none.
    if !["resources", "support", "tools"].contains(&name.as_str()) {
      collect(root, &format!("{path}/{name}"), tests)?;
    }
  }
  Ok(())
}

/// The tests in the file at `path`, which is relative to the root.
pub fn tests_of_file(path: &str, source: &str) -> Vec<Test> {
  let path = format!("/{path}");
  let https = path.contains(".https.");
  if [".html", ".htm", ".xhtml"]
    .iter()
    .any(|end| path.ends_with(end))
  {
    return page_tests(&path, source, https);
  }
  let meta = Meta::parse(source);
  let pages: Vec<_> = if let Some(stem) = path.strip_suffix(".window.js") {
    let page = format!("{stem}.window.html");
    vec![(page.clone(), page, Scope::Window)]
  } else if let Some(stem) = path.strip_suffix(".worker.js") {
    vec![(
      format!("{stem}.worker.html"),
      path.clone(),
      Scope::DedicatedWorker,
    )]
  } else if let Some(stem) = path.strip_suffix(".any.js") {
    any_pages(stem, meta.globals.as_deref())
  } else {
    Vec::new()
  };
  let mut tests = Vec::new();
  for (page, entry, scope) in pages {
    for variant in &or_one_without(meta.variants.clone()) {
      tests.push(Test {
        id: format!("{page}{variant}"),
        entry: format!("{entry}{variant}"),
        scope,
        // A service worker has to be secure.
        https: https || scope == Scope::ServiceWorker,
        long_timeout: meta.long_timeout,
      });
    }
  }
  tests
}

/// The tests of a page that is written out: one for each `variant` that its
/// metadata has.
fn page_tests(path: &str, source: &str, https: bool) -> Vec<Test> {
  if !source.contains("/resources/testharness.js") {
    return Vec::new();
  }
  let metadata: Vec<_> = elements(source)
    .into_iter()
    .filter(|element| element.name == "meta")
    .collect();
  let contents = |name: &str| -> Vec<String> {
    let named = metadata
      .iter()
      .filter(|m| m.attribute("name") == Some(name));
    named
      .filter_map(|element| element.attribute("content").map(str::to_owned))
      .collect()
  };
  let long_timeout = contents("timeout").iter().any(|value| value == "long");
  let variants = or_one_without(contents("variant"));
  let tests = variants.into_iter().map(|variant| Test {
    id: format!("{path}{variant}"),
    entry: format!("{path}{variant}"),
    scope: Scope::Window,
    https,
    long_timeout,
  });
  tests.collect()
}

/// A test without variants is one test.
fn or_one_without(mut variants: Vec<String>) -> Vec<String> {
  if variants.is_empty() {
    variants.push(String::new());
  }
  variants
}

/// Page, entry and scope for every global that `global=` asks for. Scopes that
/// this project has no realm for are left out.
fn any_pages(
  stem: &str,
  globals: Option<&[String]>,
) -> Vec<(String, String, Scope)> {
  let default = ["window".to_string(), "dedicatedworker".to_string()];
  let globals = globals.unwrap_or(&default);
  let wants = |names: &[&str]| {
    let positive = globals.iter().any(|global| names.contains(&&**global));
    let negative = globals
      .iter()
      .any(|global| global.strip_prefix('!') == Some(names[0]));
    positive && !negative
  };
  let mut pages = Vec::new();
  if wants(&["window"]) {
    let page = format!("{stem}.any.html");
    pages.push((page.clone(), page, Scope::Window));
  }
  // A worker's script has the same name whichever kind of worker runs it.
  let worker = format!("{stem}.any.worker.js");
  if wants(&["dedicatedworker", "worker"]) {
    let page = format!("{stem}.any.worker.html");
    pages.push((page, worker.clone(), Scope::DedicatedWorker));
  }
  if wants(&["serviceworker", "worker"]) {
    let page = format!("{stem}.any.serviceworker.html");
    pages.push((page, worker, Scope::ServiceWorker));
  }
  pages
}

#[cfg(test)]
mod tests {
  use super::*;

  fn ids(path: &str, source: &str) -> Vec<String> {
    let tests = tests_of_file(path, source);
    tests.into_iter().map(|test| test.id).collect()
  }

  #[test]
  fn a_window_script_has_one_page_for_each_variant() {
    let source = "// META: variant=?a\n// META: variant=?b\n";
    let expected = ["/d/x.https.window.html?a", "/d/x.https.window.html?b"];
    assert_eq!(ids("d/x.https.window.js", source), expected);
    assert!(tests_of_file("d/x.https.window.js", source)[0].https);
  }

  #[test]
  fn worker_stands_for_every_kind_of_worker() {
    let expected = [
      "/x.any.html",
      "/x.any.worker.html",
      "/x.any.serviceworker.html",
    ];
    assert_eq!(ids("x.any.js", "// META: global=window,worker\n"), expected);
    assert_eq!(ids("x.any.js", ""), expected[..2]);
    let no_service_worker = "// META: global=worker,!serviceworker\n";
    assert_eq!(ids("x.any.js", no_service_worker), expected[1..2]);
  }

  #[test]
  fn a_page_has_one_test_for_each_variant() {
    let source = "<meta name=variant content='?a'><meta content='?b' \
                  name=\"variant\"><meta name=timeout content=long>\
                  <script src=/resources/testharness.js></script>";
    for name in ["x.html", "x.htm", "x.xhtml"] {
      let expected = [format!("/{name}?a"), format!("/{name}?b")];
      assert_eq!(ids(name, source), expected);
      assert!(tests_of_file(name, source)[0].long_timeout);
    }
  }

  #[test]
  fn helpers_are_no_tests() {
    assert!(ids("d/sw.js", "").is_empty());
    assert!(ids("d/page.html", "<p>").is_empty());
  }
}
