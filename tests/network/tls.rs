//! TLS, with certificates that are and are not trusted.

use background_fetch::network::Network;
use background_fetch::network::NetworkConfig;
use background_fetch::network::NetworkErrorKind;

use crate::harness::*;
use crate::support::FaultServer;
use crate::support::Resource;

fn trusting(server: &FaultServer) -> Network {
  let config = NetworkConfig {
    root_certificates: vec![server.root_certificate_pem().into()],
    system_roots: false,
    ..config_with_names()
  };
  Network::new(config).unwrap()
}

#[tokio::test]
async fn a_root_of_ones_own_is_trusted() {
  let server = FaultServer::start_tls().await;
  let url = server.serve("/r", Resource::text("hello"));
  let params = params(program(), &url);
  let response = trusting(&server).fetch(params).await.unwrap();
  assert_eq!(text(response).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_named() {
  let server = FaultServer::start_tls().await;
  let url = server.serve("/r", Resource::text("hello"));
  let error = network()
    .fetch(params(program(), &url))
    .await
    .err()
    .unwrap();
  assert_eq!(error.kind, NetworkErrorKind::Unreachable);
  assert!(error.message.contains("certificate"), "{error}");
  assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
  let server = FaultServer::start_tls().await;
  server.serve("/r", Resource::text("hello"));
  let port = server.address().port();
  let url = format!("https://www.secure.test:{port}/r");
  let error = trusting(&server)
    .fetch(params(program(), &url))
    .await
    .err()
    .unwrap();
  assert_eq!(error.kind, NetworkErrorKind::Unreachable);
  assert!(error.message.contains("www.secure.test"), "{error}");
  assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_certificate_that_is_no_pem_is_told_at_once() {
  let config = NetworkConfig {
    root_certificates: vec!["no certificate".into()],
    ..config()
  };
  let network = Network::new(config);
  let message = network.err().map(|error| error.to_string());
  let message = message.unwrap_or_default();
  assert!(message.contains("root certificate 0"), "{message:?}");
}
