//! Who gets an answer, and what every answer says.

use background_fetch::dashboard::Dashboard;
use background_fetch::dashboard::Token;
use reqwest::Method;
use reqwest::Response;

use super::harness::Page;
use crate::engine::harness::bounded;
use crate::engine::harness::in_memory;

const PAUSE: &str = "{\"command\":\"pause\",\"key\":1}";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_without_the_token() {
  let engine = in_memory();
  let page = Page::of(&engine).await;
  let other = Token::random().unwrap();
  for path in [
    String::new(),
    "x/".to_string(),
    format!("{other}/"),
    format!("{other}/events"),
    format!("{other}/page.js"),
    format!("{other}/../{}x/", page.token),
    format!("?{}", page.token),
  ] {
    let url = format!("{}/{path}", page.origin());
    let response = page.request(Method::GET, &url, &[], "").await;
    assert_eq!(response.status(), 403, "{path}");
    assert_guarded(&response);
    let said = response.text().await.unwrap();
    assert!(!said.contains(&page.token.to_string()), "{said}");
  }
  for path in ["", "page.css", "page.js", "icon.svg", "events"] {
    let response = page.get(path).await;
    assert_eq!(response.status(), 200, "{path}");
    assert_guarded(&response);
  }
  assert_eq!(page.get("other").await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_needs_the_token_in_a_header_too() {
  let engine = in_memory();
  let page = Page::of(&engine).await;
  let (token, origin) = (page.token.to_string(), page.origin());
  let json = ("content-type", "application/json");
  let own = ("x-dashboard-token", token.as_str());
  for (headers, status) in [
    (&[json] as &[_], 403),
    (&[json, ("x-dashboard-token", "x")], 403),
    (&[json, own, ("origin", "http://evil.test")], 403),
    (&[json, own, ("origin", "null")], 403),
    // What a form can send.
    (&[own, ("content-type", "text/plain")], 415),
    // There is no such background fetch.
    (&[json, own, ("origin", &origin)], 404),
    (&[json, own], 404),
  ] {
    let url = page.url("command");
    let response = page.request(Method::POST, &url, headers, PAUSE).await;
    assert_eq!(response.status(), status, "{headers:?}");
    assert_guarded(&response);
  }
  let url = page.url("command");
  let got = page.request(Method::GET, &url, &[own], "").await;
  assert_eq!(got.status(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_another_person_owns_is_refused() {
  let engine = in_memory();
  let page = Page::of(&engine).await;
  for (host, status) in [
    ("evil.test", 421),
    ("localhost.evil.test", 421),
    ("127.0.0.1.evil.test:80", 421),
    ("127.0.0.2", 421),
    ("evil.test@localhost", 421),
    ("", 421),
    ("localhost", 200),
    ("LOCALHOST:8080", 200),
    ("[::1]:8080", 200),
    ("127.0.0.1:1", 200),
  ] {
    let headers = [("host", host)];
    let url = page.url("");
    let response = page.request(Method::GET, &url, &headers, "").await;
    let is_allowed = response.status() == 200;
    assert_eq!(is_allowed, status == 200, "{host}: {}", response.status());
    assert_guarded(&response);
  }
  let named = Dashboard::of(&engine).allow_host("store.test");
  let named = Page::serve(named).await;
  let headers = [("host", "store.test")];
  let url = named.url("");
  let response = named.request(Method::GET, &url, &headers, "").await;
  assert_eq!(response.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedder_mounts_it_anywhere() {
  let engine = in_memory();
  let token = Token::random().unwrap();
  let page = Dashboard::of(&engine).router(&token);
  let app = axum::Router::new().nest("/a/b", page);
  let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
  let address = listener.local_addr().unwrap();
  let server = tokio::spawn(async { axum::serve(listener, app).await });
  let client = reqwest::Client::builder().no_proxy().build().unwrap();
  for (path, status) in [
    (format!("a/b/{token}/"), 200),
    (format!("a/b/{token}/page.js"), 200),
    ("a/b/x/".to_string(), 403),
  ] {
    let url = format!("http://{address}/{path}");
    let response = bounded(client.get(url).send()).await.unwrap();
    assert_eq!(response.status(), status, "{path}");
  }
  server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_nothing_from_elsewhere() {
  let engine = in_memory();
  let page = Page::of(&engine).await;
  for path in ["", "page.css", "page.js"] {
    let text = page.get(path).await.text().await.unwrap();
    // The one URL is an example in a field.
    let text = text.replace("https://example.com/film.mp4", "");
    assert!(!text.contains("://"), "{path}");
    assert!(!text.contains("innerHTML"), "{path}");
    assert!(!text.contains("style="), "{path}");
  }
}

/// These hold for refusals, too.
#[track_caller]
fn assert_guarded(response: &Response) {
  let header = |name: &str| response.headers()[name].to_str().unwrap();
  let policy = header("content-security-policy");
  let directives: Vec<&str> = policy.split("; ").collect();
  for directive in [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ] {
    assert!(directives.contains(&directive), "{policy}");
  }
  assert!(!policy.contains("unsafe"), "{policy}");
  assert_eq!(header("referrer-policy"), "no-referrer");
  assert_eq!(header("cache-control"), "no-store");
  assert_eq!(header("x-content-type-options"), "nosniff");
}
