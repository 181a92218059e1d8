//! Cuts, stalls, slowness and absence.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;

use crate::support_self_test::client::*;
use support::Behaviour::*;
use support::{Ending, FaultServer, Resource, SeenRequest};

#[test]
fn transfers_end_early_in_each_way() {
  let cut = |behaviour| {
    let reply = reply(behaviour, "");
    assert!(reply.head.contains("content-length: 3000000\r\n"));
    assert!(reply.body == expected(0, reply.body.len() as u64));
    (reply.body.len() as u64, reply.error)
  };
  let reset = Some(ErrorKind::ConnectionReset);
  assert_eq!(cut(ResetAfter(2_500_000)), (2_500_000, reset));
  assert_eq!(cut(ResetAfter(0)), (0, reset));
  assert_eq!(cut(TruncateAfter(2_500_000)), (2_500_000, None));
  assert_eq!(cut(HalfClose), (SIZE / 2, None));

  let server = server(Refuse);
  let mut client = Client::connect(&server);
  client.send(&get("/r", ""));
  assert_eq!(client.body(u64::MAX), (vec![], None));
  assert_eq!(server.requests()[0].ending, Some(Ending::Cut));
}

#[test]
fn held_and_stalled_answers_wait_for_the_test() {
  let server = server(All(vec![Hold, StallAfter(1_000_000)]));
  let mut client = Client::connect(&server);
  client.send(&get("/r", ""));
  server.block_on(server.wait_until_stalled("/r", BOUND));
  assert_eq!(server.requests()[0].sent, 0);
  server.release("/r");
  client.head();
  assert_eq!(client.body(1_000_000).0, expected(0, 1_000_000));
  server.block_on(server.wait_until_stalled("/r", BOUND));
  server.release("/r");
  assert_eq!(client.body(2_000_000).0, expected(1_000_000, SIZE));

  client.send(&get("/r", ""));
  server.block_on(server.wait_until_stalled("/r", BOUND));
  drop(client);
  let abandoned =
    |seen: &[SeenRequest]| seen[1].ending == Some(Ending::Abandoned);
  server.block_on(server.wait_until(BOUND, abandoned));
}

#[test]
fn answers_are_slow_or_no_answers_on_demand() {
  let server = FaultServer::start_blocking();
  let pace = Duration::from_millis(2);
  let throttle = Throttle {
    bytes_per_second: 1000,
  };
  server.serve(
    "/t",
    Resource::text("0123456789").script([
      OneBytePer(pace),
      throttle,
      RawResponse(b"no such thing".into()),
      EndlessHeaders,
    ]),
  );
  let mut client = Client::connect(&server);
  for _ in 0..2 {
    client.send(&get("/t", ""));
    assert_eq!(client.reply().body, b"0123456789");
  }
  client.send(&get("/t", ""));
  assert_eq!(client.body(u64::MAX), (b"no such thing".into(), None));
  let mut client = Client::connect(&server);
  client.send(&get("/t", ""));
  assert_eq!(client.body(5_000_000).0.len(), 5_000_000);
}

#[test]
fn a_server_can_be_offline_for_a_while() {
  let server = server(StallAfter(10));
  let mut client = Client::connect(&server);
  client.send(&get("/r", ""));
  server.block_on(server.wait_until_stalled("/r", BOUND));
  server.block_on(server.go_offline());
  client.head();
  assert_eq!(client.body(u64::MAX).0, expected(0, 10));
  let refused = TcpStream::connect(server.address()).unwrap_err();
  assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
  server.block_on(server.go_online());
  server.script("/r", [Normal]);
  let mut client = Client::connect(&server);
  client.send(&get("/r", ""));
  assert_eq!(client.reply().body, expected(0, SIZE));
}
