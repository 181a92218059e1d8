//! Sends an answer, as fast and as far as the plan has it.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::answer::Answer;
use super::connection::{Connection, Next};
use super::exchange::Exchange;
use super::log::Ending;
use super::plan::{Cut, Framing, Pace, Plan};

/// Twenty pieces a second make a throttled transfer smooth enough.
const TICK: Duration = Duration::from_millis(50);

pub async fn send(
  connection: &mut Connection,
  exchange: &mut Exchange,
  answer: Answer,
  plan: &Plan,
) -> io::Result<Next> {
  let total = answer.end - answer.start;
  let (cut_at, after_cut) = match plan.cut {
    None => (None, Next::KeepAlive),
    Some(Cut::Reset(n)) => (Some(n), Next::Reset),
    Some(Cut::Close(n)) => (Some(n), Next::Close),
    Some(Cut::HalfClose) => (Some(total / 2), Next::HalfClose),
    Some(Cut::Freeze(n)) => (Some(n), Next::Freeze),
    // There are no streams here, so the connection stands for its one.
    Some(Cut::Stream(n, _)) => (Some(n), Next::Reset),
    Some(Cut::GoAway(n, _)) => (Some(n), Next::Close),
  };
  let chunked = matches!(plan.framing, Framing::Chunked);
  let mut stall_at = plan.stall_after;
  let mut sent = 0;
  connection.write(&answer.head()).await?;
  loop {
    if stall_at == Some(sent) {
      stall_at = None;
      connection.unless_gone(exchange.stall()).await?;
    }
    if cut_at == Some(sent) {
      if after_cut == Next::Reset {
        connection.delivered().await?;
      }
      exchange.end(Ending::Cut);
      return Ok(after_cut);
    }
    if sent == total {
      break;
    }
    let (most, pause) = step(plan.pace);
    let marks = [stall_at, cut_at].into_iter().flatten();
    let ahead = marks.filter(|mark| *mark > sent).map(|mark| mark - sent);
    let limit = ahead.min().unwrap_or(u64::MAX).min(total - sent).min(most);
    let piece = answer.content.piece(answer.start + sent, limit);
    if chunked {
      let size = format!("{:x}\r\n", piece.len());
      connection.wire.write_all(size.as_bytes()).await?;
      connection.wire.write_all(piece).await?;
      connection.write(b"\r\n").await?;
    } else {
      connection.write(piece).await?;
    }
    sent += piece.len() as u64;
    exchange.has_sent(piece.len() as u64);
    if let Some(pause) = pause
      && sent < total
    {
      connection.unless_gone(tokio::time::sleep(pause)).await?;
    }
  }
  if chunked {
    let mut end = String::from("0\r\n");
    for (name, value) in &plan.trailers {
      end += &format!("{name}: {value}\r\n");
    }
    connection.write((end + "\r\n").as_bytes()).await?;
  }
  exchange.end(Ending::Complete);
  Ok(if answer.closes {
    Next::Close
  } else {
    Next::KeepAlive
  })
}

/// How many bytes may go at once, and what is waited after them.
pub(super) fn step(pace: Pace) -> (u64, Option<Duration>) {
  match pace {
    Pace::Full => (u64::MAX, None),
    Pace::BytesPerSecond(bytes) if bytes < 20 => {
      (1, Some(Duration::from_secs(1) / bytes.max(1) as u32))
    }
    Pace::BytesPerSecond(bytes) => (bytes / 20, Some(TICK)),
    Pace::ByteEvery(time) => (1, Some(time)),
  }
}
