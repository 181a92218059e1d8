//! Proxies: good ones, and those that are down, closed or no proxies.

use background_fetch::network::Network;
use background_fetch::network::NetworkConfig;
use background_fetch::network::NetworkError;
use background_fetch::network::NetworkErrorKind;
use background_fetch::network::Proxy;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::net::TcpStream;

use crate::network::harness::*;
use crate::network::server::*;
use support::FaultServer;
use support::Resource;

fn through(proxy: &str) -> Network {
  through_trusting(proxy, Vec::new())
}

fn through_trusting(proxy: &str, root_certificates: Vec<String>) -> Network {
  let config = NetworkConfig {
    proxy: Proxy::Url(proxy.into()),
    root_certificates,
    ..config()
  };
  Network::new(config).unwrap()
}

async fn error_of(network: Network, url: &str) -> NetworkError {
  let fetched = network.fetch(params(program(), url)).await;
  fetched.expect_err("no error")
}

/// A proxy that opens tunnels, and nothing else.
async fn tunnels() -> String {
  let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
  let address = listener.local_addr().unwrap();
  tokio::spawn(async move {
    while let Ok((client, _)) = listener.accept().await {
      tokio::spawn(tunnel(client));
    }
  });
  format!("http://{address}")
}

async fn tunnel(client: TcpStream) -> std::io::Result<()> {
  let mut client = BufReader::new(client);
  let mut line = String::new();
  client.read_line(&mut line).await?;
  let target = line.split(' ').nth(1).unwrap().to_string();
  while line != "\r\n" {
    line.clear();
    client.read_line(&mut line).await?;
  }
  let mut server = TcpStream::connect(target).await?;
  client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
  tokio::io::copy_bidirectional(&mut client, &mut server).await?;
  Ok(())
}

/// Where nothing listens.
fn unused_address() -> String {
  let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
  listener.local_addr().unwrap().to_string()
}

const PLAIN: &str = "http://server.test/x";
const SECURE: &str = "https://server.test/x";

#[tokio::test]
async fn a_request_goes_through_the_proxy_with_its_password() {
  let proxy = Server::start(answer(OK)).await;
  let url = proxy.url("/").replace("http://", "http://me:secret@");
  let response = through(&url).fetch(params(program(), PLAIN)).await.unwrap();
  assert_eq!(text(response).await.unwrap(), "hello");
  let request = proxy.request(0);
  assert!(
    request.starts_with("GET http://server.test/x "),
    "{request}"
  );
  // `printf me:secret | base64`
  let authorization = header(&request, "proxy-authorization");
  assert_eq!(authorization.as_deref(), Some("Basic bWU6c2VjcmV0"));
}

#[tokio::test]
async fn a_tunnel_leads_to_the_server() {
  let server = FaultServer::start_tls().await;
  let url = server.serve("/r", Resource::text("hello"));
  let network = through_trusting(&tunnels().await, server.root_certificates());
  let response = network.fetch(params(program(), &url)).await.unwrap();
  assert_eq!(text(response).await.unwrap(), "hello");
}

/// What fails behind the proxy is the server's fault, and says both names.
#[tokio::test]
async fn a_certificate_behind_a_tunnel_is_the_servers() {
  let server = FaultServer::start_tls().await;
  let url = server.serve("/r", Resource::text("hello"));
  let error = error_of(through(&tunnels().await), &url).await;
  assert_eq!(error.kind, NetworkErrorKind::Unreachable, "{error}");
  let place = server.address().to_string();
  let expected = format!("could not connect to {place} through the proxy ");
  assert!(error.message.starts_with(&expected), "{error}");
  assert!(error.message.contains("SSL_CERT_FILE"), "{error}");
}

#[tokio::test]
async fn a_proxy_that_is_down_is_named_and_not_the_server() {
  let proxy = unused_address();
  for url in [PLAIN, SECURE] {
    let error = error_of(through(&proxy), url).await;
    assert_eq!(error.kind, NetworkErrorKind::Unreachable, "{error}");
    let expected =
      format!("could not connect to the proxy {proxy}: connection refused");
    assert_eq!(error.message, expected);
  }
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_says_so_at_once() {
  let wants = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
  let proxy = Server::start(answer(wants)).await;
  for url in [PLAIN, SECURE] {
    let error = error_of(through(&proxy.url("")), url).await;
    assert_eq!(error.kind, NetworkErrorKind::Refused, "{error}");
    let expected = proxy.url("").replace("http://", "the proxy ");
    assert!(error.message.starts_with(&expected), "{error}");
    assert!(error.message.contains("(407)"), "{error}");
  }
  assert_eq!(proxy.request_lines().len(), 2);
}

#[tokio::test]
async fn a_server_that_answers_407_is_no_proxy() {
  let head = "HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n";
  let server = Server::start(answer(head)).await;
  let message = refused(params(program(), &server.url("/"))).await;
  assert!(message.contains("as if it were a proxy"), "{message}");
}

#[tokio::test]
async fn a_tunnel_that_is_refused_is_final() {
  for head in ["403 Forbidden", "502 Bad Gateway"] {
    let refusal = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n");
    let proxy = Server::start(raw(refusal)).await;
    let error = error_of(through(&proxy.url("")), SECURE).await;
    assert_eq!(error.kind, NetworkErrorKind::Refused, "{error}");
    assert!(
      error
        .message
        .ends_with("refuses to connect to server.test:443"),
      "{error}"
    );
  }
}

#[tokio::test]
async fn a_proxy_that_closes_is_named() {
  let proxy = Server::start(answer("")).await;
  for url in [PLAIN, SECURE] {
    let error = error_of(through(&proxy.url("")), url).await;
    assert!(error.message.contains("the proxy 127.0.0.1:"), "{error}");
  }
}

#[test]
fn what_is_no_proxy_is_told_when_the_network_is_set_up() {
  for url in ["ftp://127.0.0.1:1", "::::", "", "http://a b"] {
    let config = NetworkConfig {
      proxy: Proxy::Url(url.into()),
      ..config()
    };
    let error = Network::new(config).expect_err(url).to_string();
    assert!(error.contains("not the URL of a proxy"), "{error}");
  }
}
