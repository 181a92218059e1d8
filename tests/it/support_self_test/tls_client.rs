//! The least client that speaks TLS.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use support::FaultServer;

/// A connection that trusts the server's root and speaks `protocol`.
pub async fn connect(
  server: &FaultServer,
  protocol: &str,
) -> TlsStream<TcpStream> {
  let mut roots = RootCertStore::empty();
  let pem = server.root_certificate_pem().as_bytes();
  roots
    .add(CertificateDer::from_pem_slice(pem).unwrap())
    .unwrap();
  let provider = Arc::new(aws_lc_rs::default_provider());
  let mut config = ClientConfig::builder_with_provider(provider)
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_root_certificates(roots)
    .with_no_client_auth();
  config.alpn_protocols = vec![protocol.into()];
  let tcp = TcpStream::connect(server.address()).await.unwrap();
  let connector = TlsConnector::from(Arc::new(config));
  let name = ServerName::try_from("localhost").unwrap();
  connector.connect(name, tcp).await.unwrap()
}

/// The body of the answer, as far as it came, and whether the connection
/// ended in an orderly way.
pub async fn fetch(server: &FaultServer, request: &str) -> (Vec<u8>, bool) {
  let mut tls = connect(server, "http/1.1").await;
  tls.write_all(request.as_bytes()).await.unwrap();
  let mut answer = Vec::new();
  let end = tls.read_to_end(&mut answer).await;
  let head = answer
    .windows(4)
    .position(|four| four == b"\r\n\r\n")
    .unwrap();
  (answer.split_off(head + 4), end.is_ok())
}
