//! TLS, with certificates that are and are not trusted.

use background_fetch::network::Network;
use background_fetch::network::NetworkConfig;
use background_fetch::network::NetworkErrorKind;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::network::harness::*;
use support::FaultServer;
use support::Resource;
use support::Tls;

fn trusting(server: &FaultServer) -> Network {
  trusting_root(server.root_certificate_pem())
}

fn trusting_root(pem: &str) -> Network {
  let config = NetworkConfig {
    root_certificates: vec![pem.into()],
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
async fn a_certificate_that_is_not_trusted_is_named() {
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

/// As many make it for themselves: `openssl req -x509`.
#[tokio::test]
async fn an_authority_that_shows_its_own_certificate_is_told_what_to_do() {
  let tls = Tls::of_an_authority();
  let pem = tls.root_certificate_pem.clone();
  let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
  let port = listener.local_addr().unwrap().port();
  tokio::spawn(async move {
    let (tcp, _) = listener.accept().await.unwrap();
    let _ = tls.acceptor.accept(tcp).await;
  });
  let url = format!("https://localhost:{port}/");
  let network = trusting_root(&pem);
  let fetched = network.fetch(params(program(), &url)).await;
  let error = fetched.err().unwrap();
  assert_eq!(error.kind, NetworkErrorKind::Unreachable);
  assert!(error.message.contains("CA:FALSE"), "{error}");
}

/// Answers one request with `answer`, and ends the connection as TCP does,
/// without a word of TLS. The server's URL, and a network that trusts it.
async fn without_closure_alert(answer: &'static str) -> (String, Network) {
  let tls = Tls::new("http/1.1");
  let pem = tls.root_certificate_pem.clone();
  let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
  let port = listener.local_addr().unwrap().port();
  tokio::spawn(async move {
    let (tcp, _) = listener.accept().await.unwrap();
    let mut stream = tls.acceptor.accept(tcp).await.unwrap();
    let mut request = [0; 4096];
    assert!(stream.read(&mut request).await.unwrap() > 0);
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let (mut tcp, _) = stream.into_inner();
    tcp.shutdown().await.unwrap();
  });
  let network = trusting_root(&pem);
  (format!("https://localhost:{port}/"), network)
}

#[tokio::test]
async fn the_end_of_the_connection_is_that_of_a_body_without_a_length() {
  for answer in [
    "HTTP/1.1 200 OK\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 9\r\n\r\nhello",
  ] {
    let (url, network) = without_closure_alert(answer).await;
    let response = network.fetch(params(program(), &url)).await.unwrap();
    assert_eq!(text(response).await.unwrap(), "hello", "{answer}");
  }
}

#[tokio::test]
async fn a_body_that_is_shorter_than_its_length_is_interrupted() {
  let (url, network) =
    without_closure_alert("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello")
      .await;
  let response = network.fetch(params(program(), &url)).await.unwrap();
  let error = text(response).await.unwrap_err();
  assert_eq!(error.kind, NetworkErrorKind::Interrupted, "{error}");
}
