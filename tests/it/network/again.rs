//! Requests that their server did not take, and bodies that end too early.

use background_fetch::network::FetchParams;
use background_fetch::network::Network;
use background_fetch::network::NetworkConfig;
use background_fetch::network::NetworkErrorKind;
use h2::Reason;

use crate::network::harness::*;
use crate::network::server::Server;
use crate::network::server::answer;
use support::Behaviour::*;
use support::FaultServer;
use support::Protocol;
use support::Resource;

fn trusting(server: &FaultServer) -> Network {
  let config = NetworkConfig {
    root_certificates: server.root_certificates(),
    system_roots: false,
    ..config()
  };
  Network::new(config).unwrap()
}

fn post(url: &str) -> FetchParams {
  with_body(params(program(), url), &["hello ", "world"])
}

#[tokio::test]
async fn what_a_server_did_not_take_is_sent_again_whatever_its_method() {
  let server = FaultServer::start_with(Protocol::Http2).await;
  let refused = || RefuseStream(Reason::REFUSED_STREAM);
  for method in ["GET", "POST"] {
    let script = [refused(), refused(), Normal];
    let url = server.serve("/r", Resource::text("hello").script(script));
    let params = match method {
      "GET" => params(program(), &url),
      _ => post(&url),
    };
    let response = trusting(&server).fetch(params).await.unwrap();
    assert_eq!(text(response).await.unwrap(), "hello");
    let seen = server.requests_for("/r");
    let seen = seen.iter().filter(|r| r.method == method);
    assert_eq!(seen.count(), 3, "{method}");
  }
}

#[tokio::test]
async fn a_server_that_never_takes_it_is_asked_four_times() {
  let server = FaultServer::start_with(Protocol::Http2).await;
  let refused = RefuseStream(Reason::REFUSED_STREAM);
  let url = server.serve("/r", Resource::text("x").script([refused]));
  let error = trusting(&server).fetch(post(&url)).await.err().unwrap();
  assert_eq!(error.kind, NetworkErrorKind::Unreachable, "{error}");
  assert!(error.message.contains("did not take"), "{error}");
  assert_eq!(server.requests().len(), 4);
}

/// Other codes do not say whether the request was looked at.
#[tokio::test]
async fn what_a_server_may_have_taken_is_not_sent_again() {
  let server = FaultServer::start_with(Protocol::Http2).await;
  let broken = RefuseStream(Reason::INTERNAL_ERROR);
  let url = server.serve("/r", Resource::text("x").script([broken]));
  let network = trusting(&server);
  for params in [params(program(), &url), post(&url)] {
    let error = network.fetch(params).await.err().unwrap();
    assert_eq!(error.kind, NetworkErrorKind::Interrupted, "{error}");
  }
  assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_connection_that_was_used_before_may_be_gone_without_harm() {
  for protocol in [Protocol::Plain, Protocol::Tls, Protocol::Http2] {
    let server = FaultServer::start_with(protocol).await;
    server.requests_per_connection(1);
    let url = server.serve("/r", Resource::text("hello"));
    let network = trusting(&server);
    for _ in 0..3 {
      let response = network.fetch(params(program(), &url)).await.unwrap();
      assert_eq!(text(response).await.unwrap(), "hello", "{protocol:?}");
    }
    assert_eq!(server.connections(), 3, "{protocol:?}");
    assert_eq!(server.requests().len(), 3, "{protocol:?}");
  }
}

/// Nothing says that a new connection was closed before the request was seen.
#[tokio::test]
async fn a_new_connection_that_breaks_is_a_failure() {
  let server = Server::start(answer("")).await;
  let kind = kind_of(params(program(), &server.url("/"))).await;
  assert_eq!(kind, NetworkErrorKind::Interrupted);
  assert_eq!(server.request_lines().len(), 1);
}

#[tokio::test]
async fn an_end_before_the_promised_one_is_interrupted_over_http2() {
  let server = FaultServer::start_with(Protocol::Http2).await;
  let network = trusting(&server);
  let chunked = |cut| All(vec![Chunked, cut]);
  let error = |reason| ResetStreamAfter(60_000, reason);
  for (name, behaviour) in [
    ("reset", error(Reason::NO_ERROR)),
    ("reset, no length", chunked(error(Reason::NO_ERROR))),
    ("cancelled", error(Reason::CANCEL)),
    ("going away", GoAwayAfter(60_000, Reason::NO_ERROR)),
    (
      "going away, no length",
      chunked(GoAwayAfter(60_000, Reason::NO_ERROR)),
    ),
    ("half-closed, no length", chunked(HalfClose)),
    ("more promised than sent", LyingContentLength(100_001)),
  ] {
    let resource = Resource::bytes(100_000, 1).script([behaviour]);
    let url = server.serve("/r", resource);
    let response = network.fetch(params(program(), &url)).await.unwrap();
    let error = body_error(response).await.expect(name);
    assert_eq!(error, NetworkErrorKind::Interrupted, "{name}");
  }
  let trailer = Trailer("x-sum".into(), "7".into());
  for behaviour in [Chunked, trailer, Normal] {
    let resource = Resource::bytes(100_000, 1).script([behaviour]);
    let url = server.serve("/r", resource);
    let response = network.fetch(params(program(), &url)).await.unwrap();
    assert_eq!(body_error(response).await, None);
  }
}

#[tokio::test]
async fn chunks_that_are_none_are_an_interruption_in_the_middle() {
  let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for chunks in [
    "5\r\nhello\r\nzz\r\n",
    "5\r\nhelloX",
    "5\r\nhello\r\nffffffffffffffffff\r\n",
    "5\r\nhello\r\n-1\r\n",
  ] {
    let server =
      Server::start(crate::network::server::raw(format!("{head}{chunks}")));
    let params = params(program(), &server.await.url("/"));
    let response = network().fetch(params).await.unwrap();
    let error = body_error(response).await.expect(chunks);
    assert_eq!(error, NetworkErrorKind::Interrupted, "{chunks:?}");
  }
}

/// One answer that breaks the rules ends a connection of HTTP/2 for all.
#[tokio::test]
async fn a_request_does_not_fail_for_the_answer_to_another() {
  let server = FaultServer::start_with(Protocol::Http2).await;
  let network = trusting(&server);
  // Without a body, since one may be cut later on.
  let held = Resource::text("").script([Hold, Normal]);
  let held = server.serve("/held", held);
  let endless = Resource::text("").script([EndlessHeaders]);
  let endless = server.serve("/endless", endless);
  let innocent = tokio::spawn({
    let network = network.clone();
    async move { network.fetch(params(program(), &held)).await }
  });
  server.wait_until_stalled("/held", BOUND).await;
  let fetched = network.fetch(params(program(), &endless)).await;
  let error = fetched.err().unwrap();
  assert_eq!(error.kind, NetworkErrorKind::BadAnswer, "{error}");
  // Over the shared connection twice, and then over one of its own.
  assert_eq!(server.requests_for("/endless").len(), 3);
  let response = innocent.await.unwrap().unwrap();
  assert_eq!(response.response.status, 200);
  assert!(server.requests_for("/held").len() > 1);
}
