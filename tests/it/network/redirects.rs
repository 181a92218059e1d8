//! Where redirects lead.

use std::sync::Arc;
use std::sync::Mutex;

use background_fetch::network::NetworkErrorKind;
use background_fetch::spec::RedirectMode;
use background_fetch::spec::ResponseType;
use url::Url;

use crate::network::harness::*;
use crate::network::server::*;

#[tokio::test]
async fn redirects_are_followed_and_listed() {
  let last = Server::start(answer(CORS_OK)).await;
  let target = last.url("/end");
  let first = Server::start(Arc::new(move |_: &str| {
    format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n").into()
  }))
  .await;
  let asked: Arc<Mutex<Vec<String>>> = Arc::default();
  let log = asked.clone();
  let mut params = with_body(params(page(), &first.url("/start#f")), &["body"]);
  params.net_check = Some(Arc::new(move |url: &Url| {
    log.lock().unwrap().push(url.path().to_string());
    Ok(())
  }));
  let response = network().fetch(params).await.unwrap();
  let urls = &response.response.url_list;
  assert_eq!(urls[1].as_str(), last.url("/end#f"));
  assert_eq!(*asked.lock().unwrap(), ["/start", "/end"]);
  assert!(first.request(0).starts_with("POST /start "));
  let request = last.request(0);
  assert!(request.starts_with("GET /end "), "{request}");
  // It went from one foreign origin to another.
  assert!(request.contains("origin: null\r\n"), "{request}");
}

#[tokio::test]
async fn a_redirect_may_be_refused_or_shown() {
  let server = Server::start(answer(
    "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
  ))
  .await;
  let with_mode = |mode| {
    let mut params = params(program(), &server.url("/"));
    params.request.redirect = mode;
    params
  };
  let refused = kind_of(with_mode(RedirectMode::Error)).await;
  assert_eq!(refused, NetworkErrorKind::Refused);
  let manual = network()
    .fetch(with_mode(RedirectMode::Manual))
    .await
    .unwrap();
  assert_eq!(manual.response.response_type, ResponseType::OpaqueRedirect);
  assert_eq!(manual.response.status, 0);
  assert_eq!(server.request_lines().len(), 2);
  let refused = kind_of(with_mode(RedirectMode::Follow)).await;
  assert_eq!(refused, NetworkErrorKind::Refused);
  assert_eq!(server.request_lines().len(), 2 + 21);
}

/// The request that follows a redirect with `status` of a `method` with a
/// body.
async fn followed(status: u16, method: &str) -> String {
  let server = Server::start(Arc::new(move |request: &str| {
    if request.contains(" /end ") {
      return OK.into();
    }
    format!(
      "HTTP/1.1 {status} X\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n"
    )
    .into()
  }))
  .await;
  let start = params(program(), &server.url("/"));
  let mut params = with_body(start, &["the ", "body"]);
  params.request.method = method.into();
  params.request.headers.append("Content-Type", "text/x");
  network().fetch(params).await.unwrap();
  server.request(1)
}

#[tokio::test]
async fn a_post_becomes_a_get_without_its_body() {
  for (status, method) in
    [(301, "POST"), (302, "POST"), (303, "POST"), (303, "PUT")]
  {
    let request = followed(status, method).await;
    assert!(request.starts_with("GET /end "), "{status}: {request}");
    assert_eq!(header(&request, "content-type"), None, "{status}");
    assert_eq!(header(&request, "content-length"), None, "{status}");
    assert!(request.ends_with("\r\n\r\n"), "{status}: {request}");
  }
}

#[tokio::test]
async fn other_redirects_send_the_body_again() {
  for (status, method) in
    [(307, "POST"), (308, "POST"), (301, "PUT"), (302, "PUT")]
  {
    let request = followed(status, method).await;
    let line = format!("{method} /end ");
    assert!(request.starts_with(&line), "{status}: {request}");
    let sent = header(&request, "content-type");
    assert_eq!(sent.as_deref(), Some("text/x"), "{status}");
    assert!(request.ends_with("\r\n\r\nthe body"), "{request}");
  }
}

#[tokio::test]
async fn authorization_and_cookies_stay_with_the_origin_they_are_for() {
  let last = Server::start(answer(OK)).await;
  let elsewhere = last.url("/end");
  let first = Server::start(Arc::new(move |request: &str| {
    let location = match request.starts_with("GET /here ") {
      true => &elsewhere,
      false => "/here",
    };
    format!(
      "HTTP/1.1 302 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    )
    .into()
  }))
  .await;
  let mut params = params(program(), &first.url("/"));
  params.request.headers.append("Authorization", "secret");
  params.request.headers.append("Cookie", "secret=1");
  params
    .request
    .headers
    .append("Proxy-Authorization", "secret");
  params.request.headers.append("X-Kept", "1");
  network().fetch(params).await.unwrap();
  for name in ["authorization", "cookie", "proxy-authorization"] {
    assert!(header(&first.request(1), name).is_some(), "{name}");
    assert_eq!(header(&last.request(0), name), None, "{name}");
  }
  assert!(header(&last.request(0), "x-kept").is_some());
}

#[tokio::test]
async fn twenty_redirects_are_followed() {
  let server = Server::start(Arc::new(|request: &str| {
    let path = request.split(' ').nth(1).unwrap();
    let n: u32 = path[1..].parse().unwrap();
    if n == 20 {
      return OK.into();
    }
    format!(
      "HTTP/1.1 302 X\r\nLocation: /{}\r\nContent-Length: 0\r\n\r\n",
      n + 1
    )
    .into()
  }))
  .await;
  let params = params(program(), &server.url("/0"));
  let response = network().fetch(params).await.unwrap();
  assert_eq!(response.response.url_list.len(), 21);
}

#[tokio::test]
async fn a_redirect_has_to_lead_to_http_without_credentials() {
  let refused_at = async |location: &str| {
    let server = Server::start(redirect_to(302, location)).await;
    refused(params(page(), &server.url("/"))).await
  };
  for location in ["ftp://a.test/", "data:,x", "file:///etc/passwd"] {
    let message = refused_at(location).await;
    assert!(message.contains("neither http"), "{message}");
  }
  let message = refused_at("http://me:secret@a.test/").await;
  assert!(message.contains("credentials"), "{message}");
  assert!(!message.contains("secret"), "{message}");
  let message = refused_at("http://a.test:25/").await;
  assert!(message.contains("port"), "{message}");
}

#[tokio::test]
async fn a_location_that_is_no_url_is_a_bad_answer() {
  let server = Server::start(redirect_to(302, "http://[")).await;
  let kind = kind_of(params(program(), &server.url("/"))).await;
  assert_eq!(kind, NetworkErrorKind::BadAnswer);
}

#[tokio::test]
async fn a_redirect_back_home_is_still_under_cors() {
  let home = Server::start(Arc::new(|request: &str| {
    let allowed = request.contains("origin: null\r\n");
    assert!(allowed, "{request}");
    OK.into()
  }))
  .await;
  let away = Server::start(redirect_to(302, &home.url("/end"))).await;
  let params = params(page_at(&home.url("/page")), &away.url("/"));
  let message = refused(params).await;
  assert!(message.contains("CORS"), "{message}");
  assert_eq!(home.request_lines().len(), 1);
}
