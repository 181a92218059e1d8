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
  SharedWorker,
  ShadowRealm,
}

impl Scope {
  /// Why a test in this scope cannot run.
  pub fn not_run(self) -> Option<&'static str> {
    match self {
      Self::ShadowRealm => Some("there are no shadow realms"),
      Self::Window
      | Self::DedicatedWorker
      | Self::SharedWorker
      | Self::ServiceWorker => None,
    }
  }
}

/// One page of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
  /// Path and query of the page: the test's name in reports.
  pub id: String,
  /// Path and query of what is run: the page, or a worker's script.
  pub entry: String,
  pub scope: Scope,
  /// Whether the worker's script is a module.
  pub is_module: bool,
  pub https: bool,
  /// Whether the page is for a server that speaks HTTP/2.
  pub h2: bool,
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
    if let Some(test) = generated(root, path) {
      tests.push(test);
      continue;
    }
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

/// The test whose page `path` is not a file: it is made of a script, or is a
/// variant of a page.
fn generated(root: &Path, path: &str) -> Option<Test> {
  if root.join(path).exists() {
    return None;
  }
  let file = path.split_once('?').map_or(path, |(file, _)| file);
  let source = match file.split_once(".any.") {
    Some((stem, _)) => format!("{stem}.any.js"),
    None if root.join(file).is_file() => file.to_string(),
    None => format!("{}.js", file.strip_suffix(".html")?),
  };
  let text = fs::read(root.join(&source)).ok()?;
  let id = format!("/{path}");
  let tests = tests_of_file(&source, &String::from_utf8_lossy(&text));
  tests.into_iter().find(|test| test.id == id)
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
    vec![Page::window(format!("{stem}.window.html"))]
  } else if let Some(stem) = path.strip_suffix(".worker.js") {
    vec![Page {
      id: format!("{stem}.worker.html"),
      entry: path.clone(),
      scope: Scope::DedicatedWorker,
      is_module: false,
    }]
  } else if let Some(stem) = path.strip_suffix(".any.js") {
    any_pages(stem, meta.globals.as_deref())
  } else {
    Vec::new()
  };
  let mut tests = Vec::new();
  for page in pages {
    for variant in &or_one_without(meta.variants.clone()) {
      tests.push(Test {
        id: format!("{}{variant}", page.id),
        entry: format!("{}{variant}", page.entry),
        scope: page.scope,
        is_module: page.is_module,
        // A service worker has to be secure.
        https: https
          || page.scope == Scope::ServiceWorker
          || has_flag(variant, "https"),
        h2: is_h2(&path) || has_flag(variant, "h2"),
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
    is_module: false,
    https: https || has_flag(&variant, "https"),
    h2: is_h2(path) || has_flag(&variant, "h2"),
    long_timeout,
  });
  tests.collect()
}

fn is_h2(path: &str) -> bool {
  path.contains(".h2.")
}

/// Whether the query of a page asks for this server.
fn has_flag(variant: &str, flag: &str) -> bool {
  let mut pairs = variant.trim_start_matches('?').split('&');
  pairs.any(|pair| pair.strip_prefix("wpt_flags=") == Some(flag))
}

/// A test without variants is one test.
fn or_one_without(mut variants: Vec<String>) -> Vec<String> {
  if variants.is_empty() {
    variants.push(String::new());
  }
  variants
}

/// A page that is generated for a script.
struct Page {
  id: String,
  entry: String,
  scope: Scope,
  is_module: bool,
}

impl Page {
  fn window(id: String) -> Self {
    Self {
      entry: id.clone(),
      id,
      scope: Scope::Window,
      is_module: false,
    }
  }
}

/// A global scope that `global=` can ask for.
struct Global {
  name: &'static str,
  /// What stands for this scope and for others.
  also: &'static str,
  /// Between the test's name and `.html`.
  page: &'static str,
  scope: Scope,
  is_module: bool,
}

const GLOBALS: [Global; 7] = [
  global("window", "", "", Scope::Window),
  global(
    "dedicatedworker",
    "worker",
    ".worker",
    Scope::DedicatedWorker,
  ),
  module(
    "dedicatedworker-module",
    ".worker-module",
    Scope::DedicatedWorker,
  ),
  global(
    "sharedworker",
    "worker",
    ".sharedworker",
    Scope::SharedWorker,
  ),
  module(
    "sharedworker-module",
    ".sharedworker-module",
    Scope::SharedWorker,
  ),
  global(
    "serviceworker",
    "worker",
    ".serviceworker",
    Scope::ServiceWorker,
  ),
  module(
    "serviceworker-module",
    ".serviceworker-module",
    Scope::ServiceWorker,
  ),
];

const fn global(
  name: &'static str,
  also: &'static str,
  page: &'static str,
  scope: Scope,
) -> Global {
  Global {
    name,
    also,
    page,
    scope,
    is_module: false,
  }
}

const fn module(
  name: &'static str,
  page: &'static str,
  scope: Scope,
) -> Global {
  Global {
    name,
    also: "",
    page,
    scope,
    is_module: true,
  }
}

/// A page for every global that `global=` asks for.
fn any_pages(stem: &str, globals: Option<&[String]>) -> Vec<Page> {
  let default = ["window".to_string(), "dedicatedworker".to_string()];
  let asked = globals.unwrap_or(&default);
  let has = |name: &str| !name.is_empty() && asked.iter().any(|g| g == name);
  let mut pages = Vec::new();
  for global in GLOBALS {
    let refused = has(&format!("!{}", global.name));
    if refused || !(has(global.name) || has(global.also)) {
      continue;
    }
    let id = format!("{stem}.any{}.html", global.page);
    pages.push(match global.scope {
      Scope::Window => Page::window(id),
      // A worker's script has the same name whichever kind of worker runs it.
      _ => Page {
        id,
        entry: match global.is_module {
          true => format!("{stem}.any.worker-module.js"),
          false => format!("{stem}.any.worker.js"),
        },
        scope: global.scope,
        is_module: global.is_module,
      },
    });
  }
  // One of them stands for a family of scopes.
  if asked.iter().any(|global| global.starts_with("shadowrealm")) {
    let id = format!("{stem}.any.shadowrealm.html");
    pages.push(Page {
      scope: Scope::ShadowRealm,
      ..Page::window(id)
    });
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
      "/x.any.sharedworker.html",
      "/x.any.serviceworker.html",
    ];
    assert_eq!(ids("x.any.js", "// META: global=window,worker\n"), expected);
    assert_eq!(ids("x.any.js", ""), expected[..2]);
    let no_service_worker = "// META: global=worker,!serviceworker\n";
    assert_eq!(ids("x.any.js", no_service_worker), expected[1..3]);
  }

  #[test]
  fn a_module_worker_has_a_page_and_a_script_of_its_own() {
    let source =
      "// META: global=dedicatedworker-module,serviceworker-module\n";
    let tests = tests_of_file("x.any.js", source);
    let ids: Vec<_> = tests.iter().map(|test| test.id.as_str()).collect();
    let expected = [
      "/x.any.worker-module.html",
      "/x.any.serviceworker-module.html",
    ];
    assert_eq!(ids, expected);
    assert!(tests.iter().all(|test| test.is_module));
    assert_eq!(tests[1].entry, "/x.any.worker-module.js");
  }

  #[test]
  fn what_has_no_realm_is_still_found() {
    let source = "// META: global=sharedworker,shadowrealm\n";
    let tests = tests_of_file("x.any.js", source);
    let is_run = tests.iter().map(|test| test.scope.not_run().is_none());
    assert_eq!(is_run.collect::<Vec<_>>(), [true, false]);
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
  fn a_generated_page_can_be_named() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("x.any.js"), "// META: global=worker\n")
      .unwrap();
    let find = |path: &str| discover(root.path(), &[path.to_string()]);
    let tests = find("x.any.serviceworker.html").unwrap();
    assert_eq!(tests.len(), 1);
    assert_eq!(tests[0].scope, Scope::ServiceWorker);
    assert!(find("x.any.html").is_err());
    assert_eq!(find("x.any.js").unwrap().len(), 3);
  }

  #[test]
  fn a_variant_can_be_named() {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
      fs::write(root.path().join(name), text).unwrap();
    };
    write("w.worker.js", "// META: variant=?a\n// META: variant=?b\n");
    write("p.html", HARNESS_AND_VARIANT);
    let find = |path: &str| discover(root.path(), &[path.to_string()]);
    for page in ["w.worker.html?b", "p.html?a"] {
      let tests = find(page).unwrap();
      assert_eq!(tests.len(), 1);
      assert_eq!(tests[0].id, format!("/{page}"));
    }
    write("f.window.js", "// META: variant=?wss&wpt_flags=https\n");
    assert!(find("f.window.html?wss&wpt_flags=https").unwrap()[0].https);
    assert!(find("w.worker.html?c").is_err());
    assert!(find("p.html?c").is_err());
  }

  const HARNESS_AND_VARIANT: &str = "<meta name=variant content='?a'>\
    <script src=/resources/testharness.js></script>";

  #[test]
  fn helpers_are_no_tests() {
    assert!(ids("d/sw.js", "").is_empty());
    assert!(ids("d/page.html", "<p>").is_empty());
  }
}
