//! A machine whose network comes and goes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::store::Store;
use parking_lot::Mutex;

use crate::engine::harness::config;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Network {
  Up,
  /// There is no route: no TCP connection can be made to a multicast address,
  /// which the kernel says without sending anything.
  NoRoute,
  /// The embedder's resolver says that it reaches no name server.
  NoNameServer,
  /// The C library's does, in its words.
  NameServerSilent,
  /// There is no such name.
  NoSuchName,
}

/// A machine's network, as the engine's resolver shows it.
#[derive(Clone)]
pub struct Machine {
  network: Arc<Mutex<Network>>,
  looks: Arc<AtomicUsize>,
}

impl Machine {
  pub fn with(network: Network) -> Self {
    Self {
      network: Arc::new(Mutex::new(network)),
      looks: Arc::default(),
    }
  }

  pub fn becomes(&self, network: Network) {
    *self.network.lock() = network;
  }

  pub fn looks(&self) -> usize {
    self.looks.load(Ordering::SeqCst)
  }

  pub fn config(&self) -> EngineConfig {
    let mut config = config();
    let machine = self.clone();
    config.network.resolver = Some(Arc::new(move |_: &str| {
      machine.looks.fetch_add(1, Ordering::SeqCst);
      let addresses = resolve(*machine.network.lock());
      Box::pin(std::future::ready(addresses))
    }));
    // Each attempt asks for the name again.
    config.network.pool_idle_timeout = Duration::ZERO;
    config
  }

  pub fn engine(&self) -> Engine {
    Engine::builder()
      .config(self.config())
      .start_blocking(Store::in_memory())
      .unwrap()
  }
}

fn resolve(network: Network) -> io::Result<Vec<SocketAddr>> {
  match network {
    Network::Up => Ok(vec![([127, 0, 0, 1], 0).into()]),
    Network::NoRoute => Ok(vec![([224, 0, 0, 1], 0).into()]),
    Network::NoNameServer => Err(io::ErrorKind::NetworkDown.into()),
    Network::NameServerSilent => Err(io::Error::other(
      "failed to lookup address information: \
       Temporary failure in name resolution",
    )),
    Network::NoSuchName => Err(io::ErrorKind::NotFound.into()),
  }
}
