//! What a test file says about itself in its first lines:
//! <https://web-platform-tests.org/writing-tests/testharness.html#auto-generated-test-boilerplate>.

/// The `// META:` lines of a script, up to the first line that is none.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Meta {
  pub title: Option<String>,
  /// URLs, relative to the test.
  pub scripts: Vec<String>,
  pub long_timeout: bool,
  pub globals: Option<Vec<String>>,
  /// What is put behind the test's URL, beginning with `?` or `#`.
  pub variants: Vec<String>,
}

impl Meta {
  pub fn parse(source: &str) -> Self {
    let mut meta = Self::default();
    for line in source.lines() {
      let Some(rest) = line.strip_prefix("//") else {
        break;
      };
      let Some(entry) = rest.trim_start().strip_prefix("META:") else {
        break;
      };
      let Some((key, value)) = entry.trim().split_once('=') else {
        continue;
      };
      match (key, value) {
        ("title", _) => meta.title = Some(value.into()),
        ("script", _) => meta.scripts.push(value.into()),
        ("timeout", "long") => meta.long_timeout = true,
        ("global", _) => {
          let names = value.split(',').map(|name| name.trim().to_string());
          meta.globals = Some(names.collect());
        }
        ("variant", _) => meta.variants.push(value.into()),
        _ => {}
      }
    }
    meta
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn lines_are_read_until_the_first_other_one() {
    let meta = Meta::parse(
      "// META: script=a.js\n// META: timeout=long\n//META: global=window, worker\n\
       // META: variant=?x\n'use strict';\n// META: script=late.js\n",
    );
    assert_eq!(meta.scripts, ["a.js"]);
    assert!(meta.long_timeout);
    assert_eq!(meta.globals.unwrap(), ["window", "worker"]);
    assert_eq!(meta.variants, ["?x"]);
  }
}
