//! The requests of one connection, one after the other.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::answer::Answer;
use super::cors;
use super::exchange::Exchange;
use super::plan::Instead;
use super::request::Head;
use super::state::{State, Taken};
use super::wire::Wire;
use super::{log::Ending, transfer, upload};

pub struct Connection {
  pub wire: Wire,
  /// Read and not yet taken.
  pub buffer: BytesMut,
}

/// What becomes of the connection after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
  KeepAlive,
  Close,
  /// Ends this direction; the client's continues until it ends that.
  HalfClose,
  Freeze,
  Reset,
}

impl Connection {
  pub fn new(wire: Wire) -> Self {
    Self {
      wire,
      buffer: BytesMut::new(),
    }
  }

  /// Reads something, or fails if the client has nothing more to say.
  pub async fn fill(&mut self) -> io::Result<()> {
    self.buffer.reserve(1 << 18);
    match self.wire.read_buf(&mut self.buffer).await? {
      0 => Err(io::ErrorKind::UnexpectedEof.into()),
      _ => Ok(()),
    }
  }

  pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
    self.wire.write_all(bytes).await?;
    self.wire.flush().await
  }

  /// Waits, and fails if the client goes away meanwhile.
  pub async fn unless_gone<T>(
    &mut self,
    wait: impl Future<Output = T>,
  ) -> io::Result<T> {
    let mut wait = pin!(wait);
    loop {
      tokio::select! {
        biased;
        done = &mut wait => return Ok(done),
        filled = self.fill() => filled?,
      }
    }
  }

  /// Resolves once the client's kernel has all that was written. A reset
  /// throws away what still waits on this side, which would leave it to
  /// chance how much arrives.
  pub async fn delivered(&mut self) -> io::Result<()> {
    // The kernel does not notify when its queue is empty: it has to be asked.
    while self.wire.unacknowledged() > 0 {
      self
        .unless_gone(tokio::time::sleep(Duration::from_millis(1)))
        .await?;
    }
    Ok(())
  }

  async fn head(&mut self) -> io::Result<Head> {
    loop {
      if let Some(head) = Head::parse(&mut self.buffer)? {
        return Ok(head);
      }
      self.fill().await?;
    }
  }
}

pub async fn serve(wire: Wire, number: usize, state: Arc<State>) {
  let mut connection = Connection::new(wire);
  let most = state.lock().requests_per_connection;
  let mut requests = 0;
  let next = loop {
    let Ok(head) = connection.head().await else {
      return;
    };
    requests += 1;
    if most.is_some_and(|most| requests > most) {
      break Next::Close;
    }
    let mut exchange = Exchange::begin(&state, number, &head);
    match answer(&mut connection, &mut exchange, &head).await {
      Ok(Next::KeepAlive) => {}
      Ok(next) => break next,
      Err(_) => return exchange.end(Ending::Abandoned),
    }
  };
  // A client that is gone already needs no farewell.
  match next {
    Next::KeepAlive => {}
    Next::Reset => connection.wire.reset(),
    Next::Close => drop(connection.wire.shutdown().await),
    Next::Freeze => std::future::pending().await,
    Next::HalfClose => {
      let _ = connection.wire.shutdown().await;
      while connection.fill().await.is_ok() {
        connection.buffer.clear();
      }
    }
  }
}

async fn answer(
  connection: &mut Connection,
  exchange: &mut Exchange,
  head: &Head,
) -> io::Result<Next> {
  if cors::is_preflight(head) {
    let preflight = exchange.preflight().unwrap_or_default();
    connection.write(&preflight.head()).await?;
    exchange.end(Ending::Complete);
    return Ok(Next::KeepAlive);
  }
  let Taken { resource, plan } = exchange.take();
  if let Some(instead) = &plan.instead {
    no_answer(connection, instead).await?;
    exchange.end(Ending::Cut);
    return Ok(Next::Close);
  }
  let Some(body) = upload::read(connection, exchange, head, &plan).await?
  else {
    exchange.end(Ending::Cut);
    return Ok(Next::Reset);
  };
  if plan.hold {
    connection.unless_gone(exchange.stall()).await?;
  }
  let answer = Answer::new(head, &resource, &plan, body);
  transfer::send(connection, exchange, answer, &plan).await
}

async fn no_answer(
  connection: &mut Connection,
  instead: &Instead,
) -> io::Result<()> {
  match instead {
    Instead::Refuse | Instead::RefuseStream(_) => {}
    Instead::Raw(bytes) => connection.write(bytes).await?,
    Instead::EndlessHeaders => {
      connection.write(b"HTTP/1.1 200 OK\r\n").await?;
      let line = format!("X-Endless: {}\r\n", "a".repeat(1000));
      loop {
        connection.write(line.as_bytes()).await?;
      }
    }
  }
  Ok(())
}
