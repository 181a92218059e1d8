//! The server that web-platform-tests expect, in this process.

mod exchange;
mod files;
mod gate;
mod handlers;
pub mod hosts;
mod listener;
mod pieces;
mod pipe;
mod route;
mod substitute;
mod tls;
mod visits;
mod wrapper;

use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;

use self::gate::Gates;
use self::hosts::Ports;
use self::route::Site;
pub use self::route::built_in;
use self::tls::Tls;
use self::visits::Visits;

/// Why the server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
  #[error("the server cannot listen on port {port}: {source}")]
  Listen { port: u16, source: io::Error },
  #[error("no certificate could be made: {0}")]
  Certificate(#[from] rcgen::Error),
  #[error("the certificate's key cannot be used: {0}")]
  Key(&'static str),
  #[error("TLS cannot be set up: {0}")]
  Tls(#[from] tokio_rustls::rustls::Error),
}

/// A running server; it ends with the runtime that it was started on.
pub struct Server {
  pub ports: Ports,
  pub root_certificate_pem: String,
}

impl Server {
  /// Serves the files in `root` on loopback.
  ///
  /// # Errors
  ///
  /// A port is in use, or no certificate can be made.
  pub async fn start(root: PathBuf, ports: Ports) -> Result<Self, StartError> {
    let tls = Tls::new()?;
    let mut listeners = Vec::new();
    for port in ports.http.into_iter().chain(ports.https) {
      listeners.push(listen(port).await?);
    }
    let numbers: Vec<u16> = listeners.iter().map(|(port, _)| *port).collect();
    let ports = Ports {
      http: [numbers[0], numbers[1]],
      https: [numbers[2], numbers[3]],
    };
    let site = Arc::new(Site {
      root,
      ports,
      visits: Visits::default(),
      gates: Gates::default(),
    });
    for (index, (_, listener)) in listeners.into_iter().enumerate() {
      let acceptor = (index >= 2).then(|| tls.acceptor.clone());
      tokio::spawn(listener::serve(listener, acceptor, site.clone()));
    }
    Ok(Self {
      ports,
      root_certificate_pem: tls.root_certificate_pem,
    })
  }
}

async fn listen(port: u16) -> Result<(u16, TcpListener), StartError> {
  let failed = |source| StartError::Listen { port, source };
  let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
  let listener = TcpListener::bind(address).await.map_err(failed)?;
  let port = listener.local_addr().map_err(failed)?.port();
  Ok((port, listener))
}
