//! The same over HTTP/2, seen through a client that hides nothing.

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use tokio::time::timeout;

use crate::support_self_test::client::{BOUND, SEED, SIZE, expected};
use crate::support_self_test::tls_client;
use support::Behaviour::*;
use support::{Behaviour, Ending, FaultServer, Protocol, Resource};
use support::{SeenRequest, content};

/// What came of one request.
#[derive(Debug)]
struct Reply {
  status: u16,
  headers: HeaderMap,
  body: Vec<u8>,
  trailers: Option<HeaderMap>,
  /// Why the body is not whole.
  error: Option<h2::Error>,
}

async fn server(script: &[Behaviour]) -> FaultServer {
  let server = FaultServer::start_with(Protocol::Http2).await;
  let resource = Resource::bytes(SIZE, SEED).etag("\"v1\"");
  server.serve("/r", resource.script(script.to_vec()));
  server
}

async fn connect(server: &FaultServer) -> SendRequest<Bytes> {
  let tls = tls_client::connect(server, "h2").await;
  let (client, connection) = h2::client::Builder::new()
    .initial_window_size(1 << 20)
    .initial_connection_window_size(1 << 20)
    .handshake(tls)
    .await
    .unwrap();
  tokio::spawn(connection);
  client
}

async fn send(
  client: &mut SendRequest<Bytes>,
  server: &FaultServer,
  method: &str,
  range: Option<&str>,
  body: &'static [u8],
) -> Result<Reply, h2::Error> {
  let mut request = Request::builder().method(method).uri(server.url("/r"));
  if let Some(range) = range {
    request = request.header("range", range);
  }
  let request = request.body(()).unwrap();
  let exchange = async {
    let (answer, mut stream) = client.send_request(request, body.is_empty())?;
    if !body.is_empty() {
      stream.send_data(Bytes::from_static(body), true)?;
    }
    let (head, mut stream) = answer.await?.into_parts();
    let mut reply = Reply {
      status: head.status.as_u16(),
      headers: head.headers,
      body: Vec::new(),
      trailers: None,
      error: None,
    };
    while let Some(piece) = stream.data().await {
      match piece {
        Ok(piece) => {
          let _ = stream.flow_control().release_capacity(piece.len());
          reply.body.extend_from_slice(&piece);
        }
        Err(error) => {
          reply.error = Some(error);
          break;
        }
      }
    }
    if reply.error.is_none() {
      reply.trailers = stream.trailers().await?;
    }
    Ok(reply)
  };
  timeout(BOUND, exchange).await.expect("an answer that ends")
}

async fn get(script: &[Behaviour]) -> (FaultServer, Reply) {
  let server = server(script).await;
  let mut client = connect(&server).await;
  let reply = send(&mut client, &server, "GET", None, b"").await.unwrap();
  (server, reply)
}

#[tokio::test]
async fn ranges_are_served_over_http2() {
  let server = server(&[]).await;
  let mut client = connect(&server).await;
  let whole = send(&mut client, &server, "GET", None, b"").await.unwrap();
  assert!(whole.error.is_none() && whole.body == expected(0, SIZE));
  assert_eq!(whole.headers["content-length"], "3000000");
  let range = Some("bytes=2999000-");
  let piece = send(&mut client, &server, "GET", range, b"").await.unwrap();
  let named = &piece.headers["content-range"];
  assert_eq!((piece.status, piece.body.len()), (206, 1000));
  assert_eq!(named, "bytes 2999000-2999999/3000000");
  let seen = server.requests();
  assert_eq!((seen[0].connection, seen[1].connection), (0, 0));
  assert_eq!(seen[1].header("host"), Some(&*server.address().to_string()));
}

#[tokio::test]
async fn streams_and_connections_end_early_at_the_byte() {
  for behaviour in [
    ResetAfter(1_000_000),
    TruncateAfter(1_000_000),
    GoAwayAfter(1_000_000, Reason::ENHANCE_YOUR_CALM),
    ResetStreamAfter(1_000_000, Reason::INTERNAL_ERROR),
    ResetStreamAfter(0, Reason::REFUSED_STREAM),
  ] {
    let label = format!("{behaviour:?}");
    let length = if label.contains("(0") { 0 } else { 1_000_000 };
    let (server, reply) = get(std::slice::from_ref(&behaviour)).await;
    assert!(reply.body == expected(0, length), "{label}");
    let reason = reply.error.expect(&label).reason();
    if let ResetStreamAfter(_, code) = behaviour {
      assert_eq!(reason, Some(code), "{label}");
    }
    assert_eq!(server.requests()[0].ending, Some(Ending::Cut), "{label}");
  }
  let (_, half) = get(&[HalfClose]).await;
  assert!(half.error.is_some() && half.body == expected(0, SIZE / 2));
  let refused = server(&[Refuse]).await;
  let mut client = connect(&refused).await;
  let answer = send(&mut client, &refused, "GET", None, b"").await;
  assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn a_lie_about_the_length_is_sent_as_it_is() {
  let (_, reply) = get(&[LyingContentLength(3_000_001)]).await;
  let reason = reply.error.expect("h2 compares").reason();
  assert_eq!(reason, Some(Reason::PROTOCOL_ERROR));
  assert_eq!(reply.headers["content-length"], "3000001");
}

#[tokio::test]
async fn trailers_come_behind_the_body() {
  let (_, reply) = get(&[Trailer("x-sum".into(), "7".into())]).await;
  assert!(reply.body == expected(0, SIZE));
  assert!(!reply.headers.contains_key("content-length"));
  assert_eq!(reply.trailers.unwrap()["x-sum"], "7");
}

#[tokio::test]
async fn a_reset_by_the_client_ends_a_stall() {
  let server = server(&[StallAfter(1000)]).await;
  let mut client = connect(&server).await;
  let request = Request::get(server.url("/r")).body(()).unwrap();
  let (answer, mut stream) = client.send_request(request, true).unwrap();
  answer.await.unwrap();
  server.wait_until_stalled("/r", BOUND).await;
  stream.send_reset(Reason::CANCEL);
  let abandoned =
    |seen: &[SeenRequest]| seen[0].ending == Some(Ending::Abandoned);
  server.wait_until(BOUND, abandoned).await;
  // The connection continues.
  server.script("/r", [Normal]);
  let reply = send(&mut client, &server, "GET", None, b"").await.unwrap();
  assert!(reply.body == expected(0, SIZE));
  assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn uploads_are_hashed_and_cut_over_http2() {
  let server = server(&[Normal, ResetUploadAfter(3)]).await;
  let mut client = connect(&server).await;
  let reply = send(&mut client, &server, "POST", None, b"hello").await;
  assert_eq!(reply.unwrap().status, 200);
  let seen = &server.requests()[0];
  assert_eq!(seen.body_sha256, Some(content::sha256_of(b"hello")));
  let error = send(&mut client, &server, "POST", None, b"hello").await;
  assert_eq!(error.unwrap_err().reason(), Some(Reason::CANCEL));
  assert_eq!(server.requests()[1].body_length, 3);
}
