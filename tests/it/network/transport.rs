//! What goes wrong on the wire, and what goes well.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use background_fetch::network::Network;
use background_fetch::network::NetworkConfig;
use background_fetch::network::NetworkErrorKind;
use background_fetch::network::RangeStart;
use background_fetch::spec::ResponseType;

use crate::network::harness::*;
use crate::network::server::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

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
  assert!(
    request.contains("accept-encoding: identity\r\n"),
    "{request}"
  );
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
    last_byte: None,
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
  params.body.as_mut().unwrap().length = Some(9);
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
async fn a_transfer_coding_that_is_not_removed_is_a_bad_answer() {
  for codings in ["gzip, chunked", "chunked, gzip", "GZIP", "xchunked"] {
    let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {codings}\r\n");
    let server =
      Server::start(raw(format!("{head}\r\n5\r\nhello\r\n0\r\n\r\n"))).await;
    let kind = kind_of(params(program(), &server.url("/"))).await;
    assert_eq!(kind, NetworkErrorKind::BadAnswer, "{codings}");
  }
  for codings in ["Chunked", " chunked ", "identity, chunked"] {
    let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {codings}\r\n");
    let server =
      Server::start(raw(format!("{head}\r\n5\r\nhello\r\n0\r\n\r\n"))).await;
    let params = params(program(), &server.url("/"));
    let response = network().fetch(params).await.unwrap();
    assert_eq!(text(response).await.unwrap(), "hello", "{codings}");
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
  for answer in [
    "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-A: a\0b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nhello",
  ] {
    let server = Server::start(raw(answer.into())).await;
    let kind = kind_of(params(program(), &server.url("/"))).await;
    assert_eq!(kind, NetworkErrorKind::BadAnswer, "{answer}");
  }
  let many = "X: 1\r\n".repeat(1001);
  let raw = format!("HTTP/1.1 200 OK\r\n{many}\r\n");
  let server = Server::start(Arc::new(move |_: &str| raw.clone().into())).await;
  let kind = kind_of(params(program(), &server.url("/"))).await;
  assert_eq!(kind, NetworkErrorKind::BadAnswer);
}

/// What browsers and curl read, and what reaches who fetches.
#[tokio::test]
async fn a_head_that_is_not_quite_right_is_read() {
  for (lines, expected) in [
    ("X-A: 1\r\n  2\r\n", Some("1 2")),
    ("X-A: 1\r\n\t2\r\n", Some("1 2")),
    ("X-A : 1\r\n", Some("1")),
    ("X-A: \u{e9}\r\n", Some("\u{c3}\u{a9}")),
    ("X-A: a\u{1}b\r\n", None),
    (": nothing\r\n", None),
    ("no colon\r\n", None),
    ("X(A): 1\r\n", None),
    ("X-A: 1\n", Some("1")),
  ] {
    let head = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 5\r\n\r\n");
    let server = Server::start(raw(head + "hello")).await;
    let fetch = network().fetch(params(program(), &server.url("/"))).await;
    let response = fetch.expect(lines);
    let value = response.response.headers.first("x-a");
    let value = value.map(|v| v.split_whitespace().collect::<Vec<_>>());
    let value = value.map(|words| words.join(" "));
    assert_eq!(value.as_deref(), expected, "{lines}");
    assert_eq!(text(response).await.unwrap(), "hello", "{lines}");
  }
}

#[tokio::test]
async fn three_hundred_headers_and_answers_before_the_answer_are_read() {
  let early = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(20);
  let many = "X: 1\r\n".repeat(300);
  let head = format!("HTTP/1.1 200 OK\r\n{many}Content-Length: 5\r\n\r\n");
  let server = Server::start(raw(early + &head + "hello")).await;
  let fetch = network().fetch(params(program(), &server.url("/"))).await;
  let response = fetch.unwrap();
  assert_eq!(response.response.status, 200);
  assert_eq!(response.response.headers.values("x").count(), 300);
  assert_eq!(text(response).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_url_that_cannot_be_sent_says_why() {
  let server = Server::start(answer(OK)).await;
  let url = server.url(&format!("/x?{}", "q".repeat(70_000)));
  let message = refused(params(program(), &url)).await;
  assert!(message.contains("its URL is too long"), "{message}");
  assert!(!message.contains("qqq"), "{message}");
  let longest = server.url(&format!("/x?{}", "q".repeat(65_000)));
  network().fetch(params(program(), &longest)).await.unwrap();
}

#[tokio::test]
async fn more_headers_than_can_be_sent_are_refused() {
  let mut params = params(program(), "http://server.test/");
  for i in 0..30_000 {
    params.request.headers.append(format!("x-{i}"), "1");
  }
  assert!(refused(params).await.contains("too many headers"));
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

#[tokio::test]
async fn a_reset_in_the_middle_is_interrupted_and_named() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(100_000, 1).script([ResetAfter(50_000)]);
  let url = server.serve("/r", resource);
  let response = network().fetch(params(program(), &url)).await.unwrap();
  let error = text(response).await.unwrap_err();
  assert_eq!(error.kind, NetworkErrorKind::Interrupted, "{error}");
  assert!(error.message.contains("reset"), "{error}");
}

#[tokio::test]
async fn headers_without_end_are_a_bad_answer() {
  let server = FaultServer::start().await;
  let resource = Resource::text("").script([EndlessHeaders]);
  let url = server.serve("/r", resource);
  assert_eq!(
    kind_of(params(program(), &url)).await,
    NetworkErrorKind::BadAnswer
  );
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_interrupted() {
  let server = FaultServer::start().await;
  let resource = Resource::text("hello").script([LyingContentLength(9)]);
  let url = server.serve("/r", resource);
  let response = network().fetch(params(program(), &url)).await.unwrap();
  let error = text(response).await.unwrap_err();
  assert_eq!(error.kind, NetworkErrorKind::Interrupted, "{error}");
}

#[tokio::test]
async fn a_body_ends_where_its_length_says() {
  let server = FaultServer::start().await;
  let resource = Resource::text("hello").script([LyingContentLength(4)]);
  let url = server.serve("/r", resource);
  let response = network().fetch(params(program(), &url)).await.unwrap();
  assert_eq!(text(response).await.unwrap(), "hell");
}

#[tokio::test]
async fn a_body_without_a_length_ends_with_the_connection() {
  let server = FaultServer::start().await;
  let resource = Resource::text("hello").script([UntilClose]);
  let url = server.serve("/r", resource);
  let response = network().fetch(params(program(), &url)).await.unwrap();
  assert_eq!(text(response).await.unwrap(), "hello");
}

#[tokio::test]
async fn slower_than_a_byte_in_the_idle_timeout_is_interrupted() {
  // The head has to come in time.
  let config = NetworkConfig {
    idle_timeout: Duration::from_secs(2),
    ..config()
  };
  let network = Network::new(config).unwrap();
  let server = FaultServer::start().await;
  let minute = Duration::from_secs(60);
  let resource = Resource::text("hello").script([OneBytePer(minute)]);
  let url = server.serve("/r", resource);
  let response = network.fetch(params(program(), &url)).await.unwrap();
  let error = text(response).await.unwrap_err();
  assert_eq!(error.kind, NetworkErrorKind::Interrupted, "{error}");
  assert!(error.message.contains("sent nothing for 2 s"), "{error}");
}
