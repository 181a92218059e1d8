//! An embedder's own name resolution.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;

/// From a host name to its addresses, each with a port or, with port 0, the
/// URL's. An error of the kind [`NetworkDown`](io::ErrorKind::NetworkDown),
/// [`NetworkUnreachable`](io::ErrorKind::NetworkUnreachable) or
/// [`HostUnreachable`](io::ErrorKind::HostUnreachable) says that no name server
/// can be reached, which counts as
/// [`Offline`](super::NetworkErrorKind::Offline); any other that there is no
/// such name.
pub type Resolve = Arc<
  dyn Fn(&str) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync,
>;

pub(super) struct Resolver(pub Resolve);

impl reqwest::dns::Resolve for Resolver {
  fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
    let addresses = (self.0)(name.as_str());
    Box::pin(async move {
      let addresses: reqwest::dns::Addrs =
        Box::new(addresses.await?.into_iter());
      Ok(addresses)
    })
  }
}
