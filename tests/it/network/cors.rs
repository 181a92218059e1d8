//! What other origins let a page read.

use std::sync::Arc;

use background_fetch::network::FetchParams;
use background_fetch::network::NetworkErrorKind;
use background_fetch::spec::CredentialsMode;
use background_fetch::spec::RequestMode;
use background_fetch::spec::ResponseType;

use crate::network::harness::*;
use crate::network::server::*;

#[tokio::test]
async fn another_origin_has_to_allow_it() {
  let server = Server::start(answer(CORS_OK)).await;
  let url = server.url("/");
  let response = network().fetch(params(page(), &url)).await.unwrap();
  assert_eq!(response.response.response_type, ResponseType::Cors);
  assert!(!response.response.headers.contains("etag"));
  assert!(response.response.internal_headers().contains("etag"));
  let request = server.request(0);
  assert!(
    request.contains("origin: http://page.localhost\r\n"),
    "{request}"
  );
  assert!(request.contains("referer: http://page.localhost/\r\n"));

  let silent = Server::start(answer(OK)).await;
  let refused = kind_of(params(page(), &silent.url("/"))).await;
  assert_eq!(refused, NetworkErrorKind::Refused);
}

#[tokio::test]
async fn an_unusual_request_asks_first_and_remembers() {
  let server = Server::start(Arc::new(|request: &str| {
    if request.starts_with("OPTIONS") {
      b"HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: PUT\r\nAccess-Control-Allow-Headers: x-a\r\nAccess-Control-Max-Age: 60\r\n\r\n".to_vec()
    } else {
      CORS_OK.into()
    }
  }))
  .await;
  let network = network();
  let put = || {
    let mut params = params(page(), &server.url("/"));
    params.request.method = "PUT".into();
    params.request.headers.append("X-A", "1");
    params
  };
  for _ in 0..2 {
    network.fetch(put()).await.unwrap();
  }
  let lines = server.request_lines();
  assert_eq!(
    lines,
    ["OPTIONS / HTTP/1.1", "PUT / HTTP/1.1", "PUT / HTTP/1.1"]
  );
  let preflight = server.request(0);
  assert!(preflight.contains("access-control-request-method: PUT\r\n"));
  assert!(preflight.contains("access-control-request-headers: x-a\r\n"));
  assert!(!preflight.contains("\r\nx-a:"), "{preflight}");

  let mut patch = put();
  patch.request.method = "PATCH".into();
  let error = network.fetch(patch).await.err().unwrap();
  assert_eq!(error.kind, NetworkErrorKind::Refused);
  assert!(error.message.contains("PATCH"), "{error}");
}

/// An answer with these header lines.
fn with_lines(lines: &str) -> Handler {
  raw(format!(
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"v1\"\r\nX-Secret: 1\r\n{lines}\r\nhello"
  ))
}

async fn including(lines: &str) -> FetchParams {
  let server = Server::start(with_lines(lines)).await;
  let mut params = params(page(), &server.url("/"));
  params.request.credentials = CredentialsMode::Include;
  params
}

const ORIGIN: &str = "Access-Control-Allow-Origin: http://page.localhost\r\n";
const CREDENTIALS: &str = "Access-Control-Allow-Credentials: true\r\n";

#[tokio::test]
async fn with_credentials_a_star_allows_nothing() {
  let star = format!("Access-Control-Allow-Origin: *\r\n{CREDENTIALS}");
  let message = refused(including(&star).await).await;
  assert!(message.contains("Access-Control-Allow-Origin"), "{message}");
  let message = refused(including(ORIGIN).await).await;
  assert!(message.contains("Allow-Credentials"), "{message}");
  let both = including(&format!("{ORIGIN}{CREDENTIALS}")).await;
  network().fetch(both).await.unwrap();
}

#[tokio::test]
async fn another_origin_names_the_headers_that_are_shown() {
  let expose = format!("{ORIGIN}Access-Control-Expose-Headers: etag\r\n");
  let server = Server::start(with_lines(&expose)).await;
  let params = params(page(), &server.url("/"));
  let shown = network().fetch(params).await.unwrap().response.headers;
  assert!(shown.contains("etag") && shown.contains("content-length"));
  assert!(!shown.contains("x-secret"));
}

#[tokio::test]
async fn a_mode_without_cors_reaches_another_origin_unseen_or_not_at_all() {
  let server = Server::start(answer(CORS_OK)).await;
  let mut foreign = params(page(), &server.url("/"));
  foreign.request.mode = RequestMode::SameOrigin;
  refused(foreign).await;
  assert!(server.request_lines().is_empty());
  let mut foreign = params(page(), &server.url("/"));
  foreign.request.mode = RequestMode::NoCors;
  let opaque = network().fetch(foreign).await.unwrap();
  assert_eq!(opaque.response.response_type, ResponseType::Opaque);
  for mode in [RequestMode::NoCors, RequestMode::SameOrigin] {
    let mut own = params(page_at(&server.url("/p")), &server.url("/"));
    own.request.mode = mode;
    network().fetch(own).await.unwrap();
  }
}

#[tokio::test]
async fn a_same_origin_request_may_not_be_redirected_elsewhere() {
  let elsewhere = Server::start(answer(CORS_OK)).await;
  let server = Server::start(redirect_to(302, &elsewhere.url("/"))).await;
  let mut params = params(page_at(&server.url("/p")), &server.url("/"));
  params.request.mode = RequestMode::SameOrigin;
  let message = refused(params).await;
  assert!(message.contains("same-origin"), "{message}");
  assert!(elsewhere.request_lines().is_empty());
}

/// Answers a preflight with `preflight`, and all else with [`CORS_OK`].
fn after(preflight: String) -> Handler {
  Arc::new(move |request: &str| match request.starts_with("OPTIONS") {
    true => preflight.clone().into(),
    false => CORS_OK.into(),
  })
}

fn delete(url: &str) -> FetchParams {
  let mut params = params(page(), url);
  params.request.method = "DELETE".into();
  params
}

#[tokio::test]
async fn a_refused_preflight_keeps_the_request_from_being_sent() {
  for answer in [
    // No word about CORS, a status that is not ok, a redirect.
    "HTTP/1.1 204 No Content\r\n\r\n".to_string(),
    format!(
      "HTTP/1.1 403 No\r\n{ORIGIN}Access-Control-Allow-Methods: DELETE\r\nContent-Length: 0\r\n\r\n"
    ),
    format!(
      "HTTP/1.1 307 X\r\nLocation: /y\r\n{ORIGIN}Access-Control-Allow-Methods: DELETE\r\nContent-Length: 0\r\n\r\n"
    ),
    format!(
      "HTTP/1.1 204 No Content\r\n{ORIGIN}Access-Control-Allow-Methods: PUT\r\n\r\n"
    ),
  ] {
    let server = Server::start(after(answer)).await;
    let message = refused(delete(&server.url("/"))).await;
    assert!(message.contains("preflight"), "{message}");
    assert_eq!(server.request_lines(), ["OPTIONS / HTTP/1.1"]);
  }
}

#[tokio::test]
async fn a_preflight_is_remembered_as_long_as_it_says_and_no_longer() {
  let allow = |age| {
    format!(
      "HTTP/1.1 204 No Content\r\n{ORIGIN}Access-Control-Allow-Methods: DELETE\r\nAccess-Control-Max-Age: {age}\r\n\r\n"
    )
  };
  for (age, preflights) in [(60, 1), (0, 2)] {
    let server = Server::start(after(allow(age))).await;
    let network = network();
    for _ in 0..2 {
      network.fetch(delete(&server.url("/"))).await.unwrap();
    }
    let lines = server.request_lines();
    let asked = lines.iter().filter(|l| l.starts_with("OPTIONS")).count();
    assert_eq!(asked, preflights, "{lines:?}");
  }
}

#[tokio::test]
async fn a_preflight_carries_no_credentials() {
  let allow = format!(
    "HTTP/1.1 204 No Content\r\n{ORIGIN}{CREDENTIALS}Access-Control-Allow-Methods: DELETE\r\nAccess-Control-Allow-Headers: authorization\r\n\r\n"
  );
  let answer = format!(
    "HTTP/1.1 200 OK\r\n{ORIGIN}{CREDENTIALS}Content-Length: 0\r\n\r\n"
  );
  let server = Server::start(Arc::new(move |request: &str| {
    match request.starts_with("OPTIONS") {
      true => allow.clone().into(),
      false => answer.clone().into(),
    }
  }))
  .await;
  let mut params = delete(&server.url("/"));
  params.request.credentials = CredentialsMode::Include;
  params.request.headers.append("Authorization", "secret");
  network().fetch(params).await.unwrap();
  assert_eq!(header(&server.request(0), "authorization"), None);
  let sent = header(&server.request(1), "authorization");
  assert_eq!(sent.as_deref(), Some("secret"));
}
