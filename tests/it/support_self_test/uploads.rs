//! Bodies of requests.

use std::io::ErrorKind;

use crate::support_self_test::client::*;
use support::Behaviour::*;
use support::{FaultServer, Resource, content};

#[test]
fn uploads_are_hashed_echoed_and_cut() {
  let server = FaultServer::start_blocking();
  server.serve("/echo", Resource::echo());
  let mut client = Client::connect(&server);
  client.send("POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
  assert_eq!(client.reply().body, b"hello");
  client.send("PUT /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.send("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
  assert_eq!(client.reply().body, b"hello");
  for seen in server.requests() {
    assert_eq!(seen.body_length, 5);
    assert_eq!(seen.body_sha256, Some(content::sha256_of(b"hello")));
  }

  server.script("/echo", [StallUploadAfter(2), ResetUploadAfter(3)]);
  client.send("POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
  server.block_on(server.wait_until_stalled("/echo", BOUND));
  assert_eq!(server.requests()[2].body_length, 2);
  server.release("/echo");
  assert_eq!(client.reply().body, b"hello");
  client.send("POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
  assert_eq!(client.body(1).1, Some(ErrorKind::ConnectionReset));
}
