//! The cookies of `get`: one jar over all files and redirects, filled from
//! what the user names.

use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use background_fetch::network::CookieContext;
use background_fetch::network::CookieStore;
use background_fetch::network::MemoryCookieStore;
use url::Url;

/// Cookies in memory, the same ones for every page: there is one user.
#[derive(Default)]
pub struct Jar(MemoryCookieStore);

impl Jar {
  /// A cookie `NAME=VALUE` for all of a URL's host.
  pub fn add_pair(&self, url: &Url, pair: &str) {
    self.set(url, &format!("{pair}; Path=/"));
  }

  /// The cookies in a file of Netscape's format.
  ///
  /// # Errors
  ///
  /// The number of a line, and what is wrong with it.
  pub fn add_file(&self, text: &str) -> Result<(), String> {
    for (index, line) in text.lines().enumerate() {
      let line = line.strip_prefix("#HttpOnly_").unwrap_or(line);
      if line.trim().is_empty() || line.starts_with('#') {
        continue;
      }
      self.add_line(line).ok_or_else(|| {
        format!(
          "line {} is not a cookie in Netscape's format: it has to have 7 \
           fields, parted by tabs",
          index + 1
        )
      })?;
    }
    Ok(())
  }

  fn add_line(&self, line: &str) -> Option<()> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [domain, subdomains, path, secure, expires, name, rest @ ..] =
      &fields[..]
    else {
      return None;
    };
    let value = rest.join("\t");
    let host = domain.trim_start_matches('.');
    let is_true = |field: &str| field.eq_ignore_ascii_case("true");
    let mut cookie = format!("{name}={value}; Path={path}");
    if is_true(subdomains) {
      cookie += &format!("; Domain={host}");
    }
    if is_true(secure) {
      cookie += "; Secure";
    }
    match expires.parse::<u64>().ok()? {
      // Until the program that has written it ends, which is of no use here.
      0 => {}
      expires => {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_secs());
        cookie += &format!("; Max-Age={}", expires.saturating_sub(now));
      }
    }
    let scheme = if is_true(secure) { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{host}{path}")).ok()?;
    self.set(&url, &cookie);
    Some(())
  }

  fn set(&self, url: &Url, set_cookie: &str) {
    let context = CookieContext {
      url,
      partition: "",
      same_site: true,
    };
    self.0.set_cookie(&context, set_cookie);
  }
}

impl CookieStore for Jar {
  fn cookies(&self, context: &CookieContext<'_>) -> Option<String> {
    self.0.cookies(&unpartitioned(context))
  }

  fn set_cookie(&self, context: &CookieContext<'_>, set_cookie: &str) {
    self.0.set_cookie(&unpartitioned(context), set_cookie);
  }
}

fn unpartitioned<'a>(context: &CookieContext<'a>) -> CookieContext<'a> {
  CookieContext {
    partition: "",
    ..*context
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  fn sent(file: &str, url: &str) -> Option<String> {
    let jar = Jar::default();
    jar.add_file(file).unwrap();
    let url = Url::parse(url).unwrap();
    jar.cookies(&CookieContext {
      url: &url,
      partition: "https://page.test",
      same_site: true,
    })
  }

  #[test]
  fn cookies_are_read_from_a_browsers_file() {
    let file = "# Netscape HTTP Cookie File\n\n\
      .a.test\tTRUE\t/\tFALSE\t0\tall\t1\n\
      #HttpOnly_a.test\tFALSE\t/x\tTRUE\t99999999999\town\t2\n\
      a.test\tFALSE\t/\tFALSE\t1\told\t3\n";
    assert_eq!(sent(file, "https://b.a.test/").as_deref(), Some("all=1"));
    assert_eq!(
      sent(file, "https://a.test/x").as_deref(),
      Some("own=2; all=1")
    );
    assert_eq!(sent(file, "http://a.test/x").as_deref(), Some("all=1"));
    assert_eq!(sent(file, "https://c.test/"), None);
  }

  #[test]
  fn a_line_that_is_no_cookie_is_named() {
    let wrong = Jar::default().add_file("# x\na=b\n").unwrap_err();
    assert!(wrong.starts_with("line 2 "), "{wrong}");
  }
}
