//! Heads, framing, scripts and preflights.

use std::io::Read;

use crate::support_self_test::client::*;
use support::Behaviour::*;
use support::{Ending, FaultServer, Preflight, Resource, SeenRequest, content};

#[test]
fn a_connection_carries_several_requests_and_all_are_seen() {
  let server = server(Normal);
  let mut client = Client::connect(&server);
  for _ in 0..2 {
    client.send(&get("/r?q", "X-One: 1\r\n"));
    let reply = client.reply();
    assert_eq!((reply.status, reply.body == expected(0, SIZE)), (200, true));
    assert!(reply.head.contains("etag: \"v1\"\r\n"), "{}", reply.head);
    assert!(reply.head.contains("accept-ranges: bytes\r\n"));
  }
  client.send("HEAD /r HTTP/1.1\r\nHost: x\r\n\r\n");
  assert!(client.head().1.contains("content-length: 3000000\r\n"));
  client.send(&get("/absent", ""));
  assert_eq!(client.reply().status, 404);

  let all_complete = |seen: &[SeenRequest]| {
    seen.iter().all(|one| one.ending == Some(Ending::Complete))
  };
  server.block_on(server.wait_until(BOUND, all_complete));
  let seen = server.requests();
  assert_eq!((seen.len(), server.connections()), (4, 1));
  assert_eq!(seen[0].target, "/r?q");
  assert_eq!(seen[0].header("X-One"), Some("1"));
  assert_eq!((seen[0].sent, seen[2].sent), (SIZE, 0));
}

#[test]
fn a_script_goes_on_request_by_request_and_its_last_line_repeats() {
  let server = server(Normal);
  let status = |code| Status(code);
  server.script("/r", [status(503), Redirect("/x".into(), 307), status(404)]);
  let mut client = Client::connect(&server);
  for code in [503, 307, 404, 404] {
    client.send(&get("/r", ""));
    let reply = client.reply();
    assert_eq!(reply.status, code);
    assert_eq!(reply.head.contains("location: /x\r\n"), code == 307);
  }
}

#[test]
fn another_version_has_other_bytes_from_then_on() {
  let server = server(Normal);
  let etag = "\"v2\"".to_owned();
  server.script("/r", [NewVersion { seed: 12, etag }, Normal]);
  let mut client = Client::connect(&server);
  for _ in 0..2 {
    client.send(&get("/r", ""));
    let reply = client.reply();
    assert!(reply.head.contains("etag: \"v2\"\r\n"), "{}", reply.head);
    assert!(reply.body == content::bytes(0, SIZE, 12));
  }
}

#[test]
fn bodies_are_framed_in_each_way() {
  let lie = reply(LyingContentLength(4_000_000), "");
  assert!(lie.head.contains("content-length: 4000000\r\n"));
  assert_eq!((lie.body.len() as u64, lie.error), (SIZE, None));
  let until_close = reply(UntilClose, "");
  assert!(!until_close.head.contains("content-length"));
  assert!(until_close.body == expected(0, SIZE));

  let small = FaultServer::start_blocking();
  let body = "twelve bytes".repeat(100);
  small.serve("/t", Resource::text(&body).script([Chunked, Gzip]));
  let mut client = Client::connect(&small);
  client.send(&get("/t", ""));
  client.head();
  let framed = format!("4b0\r\n{body}\r\n0\r\n\r\n").into_bytes();
  assert_eq!(client.body(framed.len() as u64).0, framed);
  // A server that codes what it was asked not to is among the faults.
  client.send(&get("/t", "Accept-Encoding: identity\r\n"));
  let coded = client.reply();
  assert!(coded.head.contains("content-encoding: gzip\r\n"));
  let mut plain = String::new();
  let mut decoder = flate2::read::GzDecoder::new(&coded.body[..]);
  decoder.read_to_string(&mut plain).unwrap();
  assert_eq!(plain, body);
}

#[test]
fn preflights_leave_the_script_alone() {
  let server = FaultServer::start_blocking();
  let preflight = Preflight::new().allow_origin("*").allow_headers("range");
  let resource = Resource::text("x")
    .header("Access-Control-Allow-Origin", "*")
    .preflight(preflight)
    .script([Status(503), Normal]);
  server.serve("/cors", resource);
  let mut client = Client::connect(&server);
  let method = "Access-Control-Request-Method: GET";
  client.send(&format!("OPTIONS /cors HTTP/1.1\r\n{method}\r\n\r\n"));
  let (status, head) = client.head();
  assert_eq!(status, 204);
  assert!(head.contains("access-control-allow-headers: range\r\n"));
  for status in [503, 200] {
    client.send(&get("/cors", ""));
    let reply = client.reply();
    assert_eq!(reply.status, status);
    assert!(reply.head.contains("access-control-allow-origin: *\r\n"));
  }
}
