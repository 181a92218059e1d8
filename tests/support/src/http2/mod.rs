//! One connection that speaks HTTP/2: its streams at once, and their faults.

mod body;
mod head;
mod stream;

use std::future::{pending, poll_fn};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use h2::{PingPong, Reason, server};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::state::State;
use super::wire::Wire;

/// How much of an answer waits for the wire at most, for each stream.
const SEND_BUFFER: usize = 64 * 1024;

/// What one stream has done to the whole connection.
#[derive(Clone, Copy, Debug)]
enum End {
  Close,
  HalfClose,
  Freeze,
  Reset,
  GoAway(Reason),
  /// Once the requests that have come are answered.
  Gracefully,
}

/// What the streams of a connection share.
#[derive(Clone)]
struct Shared {
  state: Arc<State>,
  /// The connection's number in the log.
  number: usize,
  end: mpsc::UnboundedSender<End>,
  pings: Arc<Mutex<PingPong>>,
}

impl Shared {
  /// Resolves once the client has read everything that was written before.
  async fn delivered(&self) -> Result<(), h2::Error> {
    self.pings.lock().await.ping(h2::Ping::opaque()).await?;
    Ok(())
  }
}

pub async fn serve(wire: Wire, number: usize, state: Arc<State>) {
  // A client that goes away has no further wishes.
  let _ = try_serve(wire, number, state).await;
}

async fn try_serve(
  wire: Wire,
  number: usize,
  state: Arc<State>,
) -> Result<(), h2::Error> {
  let mut tcp = wire.tcp_again().map_err(h2_error)?;
  let mut connection = server::Builder::new()
    .max_send_buffer_size(SEND_BUFFER)
    .handshake::<_, Bytes>(wire)
    .await?;
  let pings = connection.ping_pong().expect("it was not taken before");
  let (end, mut ends) = mpsc::unbounded_channel();
  let shared = Shared {
    state,
    number,
    end,
    pings: Arc::new(Mutex::new(pings)),
  };
  let most = shared.state.lock().requests_per_connection;
  let mut taken = 0;
  let mut streams = JoinSet::new();
  loop {
    let end = tokio::select! {
      accepted = connection.accept() => match accepted {
        Some(Ok((_, mut respond))) if most.is_some_and(|n| taken >= n) => {
          connection.graceful_shutdown();
          respond.send_reset(Reason::REFUSED_STREAM);
          continue;
        }
        Some(Ok((request, respond))) => {
          taken += 1;
          streams.spawn(stream::serve(shared.clone(), request, respond));
          continue;
        }
        _ => break,
      },
      Some(end) = ends.recv() => end,
      Some(_) = streams.join_next() => continue,
    };
    match end {
      End::Gracefully => connection.graceful_shutdown(),
      End::Freeze => pending().await,
      End::HalfClose => drop(tcp.shutdown().await),
      End::Close => {
        let _ = tcp.shutdown().await;
        break;
      }
      End::Reset => {
        drop(connection);
        tcp.reset();
        return Ok(());
      }
      End::GoAway(reason) => {
        connection.abrupt_shutdown(reason);
        poll_fn(|cx| connection.poll_closed(cx)).await?;
        break;
      }
    }
  }
  drop(connection);
  // Each of them notices that the connection is gone.
  while streams.join_next().await.is_some() {}
  Ok(())
}

fn h2_error(error: io::Error) -> h2::Error {
  drop(error);
  Reason::INTERNAL_ERROR.into()
}
