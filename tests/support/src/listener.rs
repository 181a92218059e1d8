//! Accepts connections, and can be gone for a while.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::connection;
use super::http2;
use super::state::State;
use super::wire::Wire;

/// The sender is told once it is so.
pub enum Command {
  Offline(oneshot::Sender<()>),
  Online(oneshot::Sender<()>),
}

/// Runs until the commands' sender is dropped; all connections end with it.
pub async fn run(
  listener: TcpListener,
  tls: Option<TlsAcceptor>,
  state: Arc<State>,
  mut commands: mpsc::UnboundedReceiver<Command>,
) {
  let address = listener.local_addr().expect("a bound listener");
  let mut listener = Some(listener);
  let mut connections = JoinSet::new();
  loop {
    tokio::select! {
      command = commands.recv() => match command {
        None => return,
        Some(Command::Offline(done)) => {
          listener = None;
          connections.shutdown().await;
          let _ = done.send(());
        }
        Some(Command::Online(done)) => {
          if listener.is_none() {
            listener = Some(listen_again(address).await);
          }
          let _ = done.send(());
        }
      },
      accepted = accept(&listener) => if let Ok(tcp) = accepted {
        let number = state.change(|inner| {
          inner.connections += 1;
          inner.connections - 1
        });
        let (tls, state) = (tls.clone(), state.clone());
        connections.spawn(async move {
          // A failed handshake is the client's to report.
          if let Ok(wire) = shake_hands(tcp, tls).await {
            match wire.speaks_http2() {
              true => http2::serve(wire, number, state).await,
              false => connection::serve(wire, number, state).await,
            }
          }
        });
      },
      Some(_) = connections.join_next() => {}
    }
  }
}

async fn accept(listener: &Option<TcpListener>) -> io::Result<TcpStream> {
  match listener {
    Some(listener) => Ok(listener.accept().await?.0),
    None => pending().await,
  }
}

async fn listen_again(address: SocketAddr) -> TcpListener {
  let listener = TcpListener::bind(address).await;
  listener.expect("the port is still this server's")
}

async fn shake_hands(
  tcp: TcpStream,
  tls: Option<TlsAcceptor>,
) -> io::Result<Wire> {
  tcp.set_nodelay(true)?;
  Ok(match tls {
    None => Wire::Plain(tcp),
    Some(tls) => Wire::Tls(Box::new(tls.accept(tcp).await?)),
  })
}
