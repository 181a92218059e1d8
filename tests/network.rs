//! One fetch on the wire, against small servers on the loopback interface.

#[path = "network/server.rs"]
mod server;

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use background_fetch::network::Environment;
use background_fetch::network::FetchParams;
use background_fetch::network::FetchResponse;
use background_fetch::network::MemoryCookieStore;
use background_fetch::network::Network;
use background_fetch::network::NetworkConfig;
use background_fetch::network::NetworkError;
use background_fetch::network::NetworkErrorKind;
use background_fetch::network::NetworkPolicy;
use background_fetch::network::Proxy;
use background_fetch::network::RangeStart;
use background_fetch::network::RequestBody;
use background_fetch::spec::CredentialsMode;
use background_fetch::spec::RedirectMode;
use background_fetch::spec::Request;
use background_fetch::spec::RequestMode;
use background_fetch::spec::ResponseType;
use bytes::Bytes;
use futures::StreamExt;
use futures::TryStreamExt;
use url::Url;

use self::server::Handler;
use self::server::Server;
use self::server::answer;

fn config() -> NetworkConfig {
  NetworkConfig {
    proxy: Proxy::Direct,
    ..NetworkConfig::default()
  }
}

fn network() -> Network {
  Network::new(config()).unwrap()
}

/// A page at `http://page.localhost/`, to which every server is another
/// origin.
fn page() -> Environment {
  page_at("http://page.localhost/dir/?q#f")
}

fn page_at(url: &str) -> Environment {
  Environment {
    url: Url::parse(url).unwrap(),
    policy: NetworkPolicy::Browser,
    csp: Vec::new(),
    referrer_policy: String::new(),
  }
}

fn program() -> Environment {
  Environment {
    policy: NetworkPolicy::Server,
    ..page()
  }
}

fn params(environment: Environment, url: &str) -> FetchParams {
  FetchParams {
    request: Request::get(Url::parse(url).unwrap()),
    environment,
    range: None,
    body: None,
    transmitted: Arc::new(|_| {}),
    net_check: None,
  }
}

fn with_body(mut params: FetchParams, chunks: &[&'static str]) -> FetchParams {
  let chunks: Vec<&'static str> = chunks.to_vec();
  let length = chunks.iter().map(|chunk| chunk.len() as u64).sum();
  params.request.method = "POST".into();
  params.request.body_length = Some(length);
  params.body = Some(RequestBody {
    length,
    open: Arc::new(move || {
      let chunks = chunks.clone().into_iter();
      futures::stream::iter(chunks.map(|c| Ok(Bytes::from(c)))).boxed()
    }),
  });
  params
}

async fn text(response: FetchResponse) -> Result<String, NetworkError> {
  let chunks: Vec<Bytes> = response.body.try_collect().await?;
  Ok(String::from_utf8(chunks.concat()).unwrap())
}

async fn kind_of(params: FetchParams) -> NetworkErrorKind {
  network().fetch(params).await.err().expect("no error").kind
}

const OK: &str =
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"v1\"\r\n\r\nhello";
const CORS_OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"v1\"\r\nAccess-Control-Allow-Origin: *\r\n\r\nhello";

#[tokio::test]
async fn a_program_gets_the_whole_answer() {
  let server = Server::start(answer(OK)).await;
  let url = server.url("/x");
  let response = network().fetch(params(program(), &url)).await.unwrap();
  assert_eq!(response.response.status, 200);
  assert_eq!(response.response.status_message, "OK");
  assert_eq!(response.response.response_type, ResponseType::Default);
  assert_eq!(response.response.headers.first("etag"), Some("\"v1\""));
  assert_eq!(response.response.url_list.len(), 1);
  assert_eq!(text(response).await.unwrap(), "hello");
  let request = server.request(0);
  assert!(request.starts_with("GET /x HTTP/1.1\r\n"), "{request}");
  for absent in ["origin:", "referer:", "range:", "cookie:", "sec-fetch"] {
    assert!(!request.contains(absent), "{request}");
  }
  assert!(request.contains("accept-encoding: gzip, deflate, br, zstd\r\n"));
}

#[tokio::test]
async fn a_page_may_read_its_own_origin() {
  let server = Server::start(answer(OK)).await;
  let mut params = params(page_at(&server.url("/dir/?q#f")), &server.url("/"));
  params.request.headers.append("Cookie", "forged");
  params.request.headers.append("X-Kept", "yes");
  let response = network().fetch(params).await.unwrap();
  assert_eq!(response.response.response_type, ResponseType::Basic);
  assert!(response.response.headers.contains("etag"));
  let request = server.request(0);
  let referer = format!("referer: {}\r\n", server.url("/dir/?q"));
  assert!(request.contains(&referer), "{request}");
  assert!(request.contains("x-kept: yes"), "{request}");
  assert!(!request.contains("origin:"), "{request}");
  assert!(!request.contains("forged"), "{request}");
}

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

#[tokio::test]
async fn the_permission_is_asked_for_before_anything_is_sent() {
  let server = Server::start(answer(OK)).await;
  let mut params = params(program(), &server.url("/"));
  params.net_check = Some(Arc::new(|_: &Url| Err("not allowed".into())));
  let error = network().fetch(params).await.err().unwrap();
  assert_eq!(error.kind, NetworkErrorKind::Refused);
  assert_eq!(error.message, "not allowed");
  assert!(server.request_lines().is_empty());
}

// steps: complete.8
#[tokio::test]
async fn a_range_is_asked_for_with_its_validator() {
  let server = Server::start(answer(
    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\nAccess-Control-Allow-Origin: *\r\n\r\nworld",
  ))
  .await;
  let mut params = params(page(), &server.url("/"));
  params.range = Some(RangeStart {
    first_byte: 5,
    validator: Some("\"v1\"".into()),
  });
  let response = network().fetch(params).await.unwrap();
  assert_eq!(response.response.status, 206);
  assert!(
    response
      .response
      .internal_headers()
      .contains("content-range")
  );
  assert_eq!(text(response).await.unwrap(), "world");
  // No preflight: neither header is the author's.
  let request = server.request(0);
  assert!(request.contains("\r\nrange: bytes=5-\r\n"), "{request}");
  assert!(request.contains("\r\nif-range: \"v1\"\r\n"), "{request}");
  assert!(
    request.contains("\r\naccept-encoding: identity\r\n"),
    "{request}"
  );
}

#[tokio::test]
async fn a_body_is_sent_with_its_length_and_counted() {
  let server = Server::start(answer(OK)).await;
  let counts: Arc<Mutex<Vec<u64>>> = Arc::default();
  let log = counts.clone();
  let post = params(program(), &server.url("/"));
  let mut params = with_body(post, &["hello ", "wide ", "world"]);
  params.transmitted = Arc::new(move |n| log.lock().unwrap().push(n));
  network().fetch(params).await.unwrap();
  let request = server.request(0);
  assert!(request.contains("\r\ncontent-length: 16\r\n"), "{request}");
  assert!(!request.contains("transfer-encoding"), "{request}");
  assert!(request.ends_with("\r\n\r\nhello wide world"), "{request}");
  assert_eq!(*counts.lock().unwrap(), [6, 11, 16]);
}

#[tokio::test]
async fn a_body_that_the_store_has_lost_is_no_network_fault() {
  let server = Server::start(answer(OK)).await;
  let mut params = with_body(params(program(), &server.url("/")), &["short"]);
  params.body.as_mut().unwrap().length = 9;
  assert_eq!(kind_of(params).await, NetworkErrorKind::Refused);
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
  let port = {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
  };
  let url = format!("http://127.0.0.1:{port}/");
  let error = network()
    .fetch(params(program(), &url))
    .await
    .err()
    .unwrap();
  assert_eq!(error.kind, NetworkErrorKind::Unreachable);
  let expected =
    format!("could not connect to 127.0.0.1:{port}: connection refused");
  assert_eq!(error.message, expected);
}

#[tokio::test]
async fn a_truncated_body_is_interrupted() {
  for head in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
    let raw = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n9\r\nhell");
    let server =
      Server::start(Arc::new(move |_: &str| raw.clone().into())).await;
    let params = params(program(), &server.url("/"));
    let response = network().fetch(params).await.unwrap();
    let error = text(response).await.unwrap_err();
    assert_eq!(error.kind, NetworkErrorKind::Interrupted, "{error}");
  }
}

#[tokio::test]
async fn no_answer_at_all_is_interrupted() {
  let server = Server::start(answer("")).await;
  let kind = kind_of(params(program(), &server.url("/"))).await;
  assert_eq!(kind, NetworkErrorKind::Interrupted);
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_a_bad_answer() {
  for raw in [
    "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
  ] {
    let server = Server::start(answer(raw)).await;
    let kind = kind_of(params(program(), &server.url("/"))).await;
    assert_eq!(kind, NetworkErrorKind::BadAnswer, "{raw}");
  }
  let many = "X: 1\r\n".repeat(300);
  let raw = format!("HTTP/1.1 200 OK\r\n{many}\r\n");
  let server = Server::start(Arc::new(move |_: &str| raw.clone().into())).await;
  let kind = kind_of(params(program(), &server.url("/"))).await;
  assert_eq!(kind, NetworkErrorKind::BadAnswer);
}

#[tokio::test]
async fn silence_is_interrupted_before_and_after_the_head() {
  let config = NetworkConfig {
    idle_timeout: Duration::from_millis(100),
    ..config()
  };
  let network = Network::new(config).unwrap();
  for raw in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhell"] {
    let server = Server::start_silent(answer(raw)).await;
    let params = params(program(), &server.url("/"));
    let error = match network.fetch(params).await {
      Ok(response) => text(response).await.unwrap_err(),
      Err(error) => error,
    };
    assert_eq!(error.kind, NetworkErrorKind::Interrupted);
    assert!(error.message.contains("sent nothing for 0.1 s"), "{error}");
  }
}

fn gzip(data: &[u8]) -> Vec<u8> {
  use std::io::Write;
  let level = flate2::Compression::default();
  let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
  encoder.write_all(data).unwrap();
  encoder.finish().unwrap()
}

fn gzipped(encoded: Vec<u8>) -> Handler {
  Arc::new(move |_: &str| {
    let head = format!(
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
      encoded.len()
    );
    [head.as_bytes(), &encoded].concat()
  })
}

#[tokio::test]
async fn a_coding_is_taken_off() {
  let data = "hello world ".repeat(20_000);
  let server = Server::start(gzipped(gzip(data.as_bytes()))).await;
  let url = server.url("/");
  let response = network().fetch(params(program(), &url)).await.unwrap();
  assert!(response.response.decoded);
  assert_eq!(text(response).await.unwrap(), data);

  let mut broken = gzip(data.as_bytes());
  broken.truncate(broken.len() / 2);
  let server = Server::start(gzipped(broken)).await;
  let params = params(program(), &server.url("/"));
  let response = network().fetch(params).await.unwrap();
  let error = text(response).await.unwrap_err();
  assert_eq!(error.kind, NetworkErrorKind::BadAnswer, "{error}");
}

#[tokio::test]
async fn integrity_is_verified_at_the_end() {
  let server = Server::start(answer(OK)).await;
  let with = |integrity: &str| {
    let mut params = params(program(), &server.url("/"));
    params.request.integrity = integrity.into();
    params
  };
  // `printf hello | openssl dgst -sha256 -binary | base64`
  let good = "sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
  let response = network().fetch(with(good)).await.unwrap();
  assert_eq!(text(response).await.unwrap(), "hello");
  let response = network().fetch(with("sha256-AAAA")).await.unwrap();
  let error = text(response).await.unwrap_err();
  assert_eq!(error.kind, NetworkErrorKind::Refused);
}

#[tokio::test]
async fn cookies_go_back_with_credentials_only() {
  let server = Server::start(answer(
    "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n",
  ))
  .await;
  let config = NetworkConfig {
    cookies: Some(Arc::new(MemoryCookieStore::new())),
    ..config()
  };
  let network = Network::new(config).unwrap();
  for credentials in [
    CredentialsMode::SameOrigin,
    CredentialsMode::SameOrigin,
    CredentialsMode::Omit,
  ] {
    let mut params = params(page_at(&server.url("/")), &server.url("/"));
    params.request.credentials = credentials;
    let response = network.fetch(params).await.unwrap();
    assert!(!response.response.headers.contains("set-cookie"));
  }
  let sent = |n| server.request(n).contains("cookie: a=1");
  assert_eq!([sent(0), sent(1), sent(2)], [false, true, false]);
}

#[tokio::test]
async fn what_a_page_may_not_reach_is_refused() {
  let secure = || page_at("https://page.test/");
  let blocked_by_csp = Environment {
    csp: vec!["connect-src 'self'".into()],
    ..secure()
  };
  let mut same_origin = params(secure(), "https://other.test/");
  same_origin.request.mode = RequestMode::SameOrigin;
  for params in [
    params(secure(), "http://other.test/"),
    params(blocked_by_csp, "https://other.test/"),
    params(secure(), "https://other.test:25/"),
    params(secure(), "ftp://other.test/"),
    same_origin,
  ] {
    assert_eq!(kind_of(params).await, NetworkErrorKind::Refused);
  }
}
