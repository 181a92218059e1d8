use super::*;
use crate::spec::test_support::url;

fn matches_from(page: &str, list: &str, text: &str, redirects: u32) -> bool {
  let list: Vec<String> =
    list.split_ascii_whitespace().map(String::from).collect();
  let origin = url(page).origin();
  does_url_match_source_list(&url(text), &list, &origin, redirects)
}

fn matches(list: &str, text: &str) -> bool {
  matches_from("https://page.test", list, text, 0)
}

#[test]
fn an_empty_list_and_none_match_nothing() {
  assert!(!matches("", "https://page.test"));
  assert!(!matches("'none'", "https://page.test"));
  assert!(matches("'none' b.test", "https://b.test"));
}

#[test]
fn a_star_matches_what_http_reaches() {
  assert!(matches("*", "http://b.test:81"));
  assert!(matches("*", "http://127.0.0.1"));
  assert!(!matches("*", "ftp://b.test"));
}

#[test]
fn self_is_the_origin_or_its_secure_twin() {
  let from_http = |text| matches_from("http://page.test", "'SELF'", text, 0);
  assert!(from_http("http://page.test/x"));
  assert!(from_http("https://page.test/x"));
  assert!(!from_http("https://page.test:444/"));
  assert!(!from_http("http://sub.page.test"));
  assert!(!matches("'self'", "http://page.test"));
  assert!(matches_from(
    "http://localhost:8000",
    "'self'",
    "http://localhost:8000/x",
    0
  ));
}

#[test]
fn a_scheme_may_be_upgraded_and_not_downgraded() {
  assert!(matches("http:", "https://b.test"));
  assert!(matches("HTTPS:", "https://b.test"));
  assert!(!matches("https:", "http://b.test"));
  assert!(matches("http://b.test", "https://b.test"));
  assert!(!matches("b.test", "http://b.test"));
  assert!(matches_from("http://p.test", "b.test", "https://b.test", 0));
}

#[test]
fn a_wildcard_stands_for_subdomains_only() {
  assert!(matches("*.B.test", "https://a.b.test"));
  assert!(matches("*.b.test", "https://z.a.b.test"));
  assert!(!matches("*.b.test", "https://b.test"));
  assert!(!matches("*.b.test", "https://ab.test"));
  assert!(!matches("b.test", "https://a.b.test"));
}

#[test]
fn a_port_is_exact_or_a_star() {
  assert!(matches("b.test:443", "https://b.test"));
  assert!(matches("b.test:8443", "https://b.test:8443"));
  assert!(matches("b.test:*", "https://b.test:1234"));
  assert!(!matches("b.test", "https://b.test:8443"));
  assert!(!matches("b.test:80", "https://b.test"));
  assert!(!matches("b.test:99999", "https://b.test"));
}

#[test]
fn a_path_is_exact_or_a_directory() {
  assert!(matches("b.test/x", "https://b.test/x?q"));
  assert!(matches("b.test/d/", "https://b.test/d/e/f"));
  assert!(matches("b.test/%61", "https://b.test/a"));
  assert!(matches("b.test/", "https://b.test/any"));
  assert!(!matches("b.test/x", "https://b.test/x/y"));
  assert!(!matches("b.test/d/", "https://b.test/d"));
  assert!(!matches("b.test/x?q", "https://b.test/x?q"));
}

#[test]
fn a_redirect_forgets_the_path_and_nothing_else() {
  let page = "https://page.test";
  assert!(matches_from(page, "b.test/x", "https://b.test/y", 1));
  assert!(!matches_from(page, "b.test/x", "https://c.test/x", 1));
}

#[test]
fn an_address_matches_itself() {
  assert!(matches("127.0.0.1:*", "https://127.0.0.1:8000"));
  assert!(!matches("127.0.0.1", "https://127.0.0.2"));
}

#[test]
fn what_is_no_expression_matches_nothing() {
  for list in ["'nonce-abc'", "b..test", "b.test:", "://b.test", "b_.test"] {
    assert!(!matches(list, "https://b.test"), "{list}");
  }
}
