//! An embedder's own name resolution.

use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::spec::is_localhost;

/// Who resolves names. A function that returns a future is one.
pub trait Resolve: Send + Sync + 'static {
  /// From a host name to its addresses, each with a port or, with port 0, the
  /// URL's.
  ///
  /// # Errors
  ///
  /// One of the kind [`NetworkDown`](io::ErrorKind::NetworkDown),
  /// [`NetworkUnreachable`](io::ErrorKind::NetworkUnreachable) or
  /// [`HostUnreachable`](io::ErrorKind::HostUnreachable) says that no name server
  /// can be reached, which counts as
  /// [`Offline`](crate::network::NetworkErrorKind::Offline); any other that the
  /// name does not exist.
  fn resolve(
    &self,
    name: &str,
  ) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
}

impl<F, Resolved> Resolve for F
where
  F: Fn(&str) -> Resolved + Send + Sync + 'static,
  Resolved: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
{
  fn resolve(
    &self,
    name: &str,
  ) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    Box::pin(self(name))
  }
}

/// Asks the embedder's resolver, or the operating system's when there is none.
pub(super) struct Resolver(pub Option<Arc<dyn Resolve>>);

impl reqwest::dns::Resolve for Resolver {
  fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
    if is_localhost(name.as_str()) {
      let loopback = [
        (Ipv4Addr::LOCALHOST, 0).into(),
        (Ipv6Addr::LOCALHOST, 0).into(),
      ];
      return Box::pin(async move { Ok(boxed(loopback)) });
    }
    let Some(resolver) = &self.0 else {
      return Box::pin(async move {
        let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
        Ok(boxed(addresses.collect::<Vec<_>>()))
      });
    };
    let addresses = resolver.resolve(name.as_str());
    Box::pin(async move { Ok(boxed(addresses.await?)) })
  }
}

fn boxed<A>(addresses: A) -> reqwest::dns::Addrs
where
  A: IntoIterator<Item = SocketAddr>,
  A::IntoIter: Send + 'static,
{
  Box::new(addresses.into_iter())
}
