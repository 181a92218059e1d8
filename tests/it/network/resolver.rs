//! Name resolution by the embedder, and connections that cannot be made.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use background_fetch::network::Network;
use background_fetch::network::NetworkConfig;
use background_fetch::network::NetworkError;
use background_fetch::network::NetworkErrorKind;
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::network::harness::*;
use crate::network::server::Server;
use crate::network::server::answer;

type Resolved = io::Result<Vec<SocketAddr>>;

fn resolving(
  resolved: impl Fn() -> BoxFuture<'static, Resolved> + Send + Sync + 'static,
) -> NetworkConfig {
  NetworkConfig {
    resolver: Some(Arc::new(move |host: &str| {
      assert_eq!(host, "name.test");
      resolved()
    })),
    connect_timeout: Duration::from_secs(2),
    ..config()
  }
}

async fn error_of(config: NetworkConfig, url: &str) -> NetworkError {
  let network = Network::new(config).unwrap();
  let fetched = network.fetch(params(program(), url)).await;
  fetched.expect_err("no error")
}

#[tokio::test]
async fn names_are_resolved_by_the_embedder() {
  let server = Server::start(answer(OK)).await;
  let port = server.url("").rsplit(':').next().unwrap().to_string();
  let loopback = || vec![SocketAddr::from(([127, 0, 0, 1], 0))];
  let config = resolving(move || async move { Ok(loopback()) }.boxed());
  let network = Network::new(config).unwrap();
  let url = format!("http://name.test:{port}/");
  let response = network.fetch(params(program(), &url)).await.unwrap();
  assert_eq!(text(response).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_resolver_without_a_network_is_offline_and_others_are_not() {
  use io::ErrorKind::*;
  for (kind, expected) in [
    (NetworkDown, NetworkErrorKind::Offline),
    (NetworkUnreachable, NetworkErrorKind::Offline),
    (HostUnreachable, NetworkErrorKind::Offline),
    (NotFound, NetworkErrorKind::Unreachable),
    (Other, NetworkErrorKind::Unreachable),
  ] {
    let config = resolving(move || async move { Err(kind.into()) }.boxed());
    let error = error_of(config, "http://name.test/").await;
    assert_eq!(error.kind, expected, "{error}");
    assert!(error.message.contains("name.test:80"), "{error}");
  }
}

#[tokio::test]
async fn a_connection_that_takes_too_long_is_unreachable() {
  // A name server that swallows packets, and a server that does not shake
  // hands.
  let silent = Server::start_silent(answer("")).await;
  let tls = silent.url("/").replace("http:", "https:");
  let never = || resolving(|| std::future::pending().boxed());
  for url in ["http://name.test/", &tls] {
    let error = error_of(never(), url).await;
    assert_eq!(error.kind, NetworkErrorKind::Unreachable, "{error}");
    assert!(error.message.contains("took too long"), "{error}");
  }
}

/// A page trusts these names without encryption, so no other machine may have
/// them.
#[tokio::test]
async fn names_below_localhost_are_this_machine_and_no_resolver_is_asked() {
  let server = Server::start(answer(OK)).await;
  let port = server.url("").rsplit(':').next().unwrap().to_string();
  let nowhere = || async { Err(io::ErrorKind::NotFound.into()) }.boxed();
  let network = Network::new(resolving(nowhere)).unwrap();
  for host in ["localhost", "localhost.", "foo.localhost", "A.b.LOCALHOST"] {
    let url = format!("http://{host}:{port}/");
    let response = network.fetch(params(program(), &url)).await.expect(host);
    assert_eq!(text(response).await.unwrap(), "hello", "{host}");
  }
}
