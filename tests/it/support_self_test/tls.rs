//! The same over TLS.

use crate::support_self_test::client::*;
use crate::support_self_test::tls_client;
use support::Behaviour::*;
use support::{FaultServer, Resource};

#[tokio::test]
async fn a_client_that_trusts_the_root_is_served_over_tls() {
  let server = FaultServer::start_tls().await;
  let resource = Resource::bytes(SIZE, SEED);
  server.serve("/r", resource.script([ResetAfter(1_000_000), UntilClose]));
  assert!(server.url("/r").starts_with("https://127.0.0.1:"));
  for (length, ended) in [(1_000_000, false), (SIZE, true)] {
    let request = get("/r", "");
    let (body, clean) = tls_client::fetch(&server, &request).await;
    assert!(body == expected(0, length));
    assert_eq!(clean, ended);
  }
  server.wait_for_requests(2, BOUND).await;
}
