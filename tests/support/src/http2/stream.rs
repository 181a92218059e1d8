//! One request and its answer, as fast and as far as the plan has it.

use std::future::poll_fn;
use std::pin::pin;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};

use super::super::answer::Answer;
use super::super::cors;
use super::super::exchange::Exchange;
use super::super::log::Ending;
use super::super::plan::{Cut, Instead, Plan};
use super::super::request::Head;
use super::super::state::Taken;
use super::super::transfer::step;
use super::{End, SEND_BUFFER, Shared, body, head};

/// The client has reset the stream, or is gone.
struct Gone;

impl From<h2::Error> for Gone {
  fn from(_: h2::Error) -> Self {
    Self
  }
}

pub async fn serve(
  shared: Shared,
  request: Request<RecvStream>,
  respond: SendResponse<Bytes>,
) {
  let head = head::of(&request);
  let mut exchange = Exchange::begin(&shared.state, shared.number, &head);
  let body = request.into_body();
  let answered = answer(&shared, &mut exchange, &head, body, respond);
  if answered.await.is_err() {
    exchange.end(Ending::Abandoned);
  }
}

async fn answer(
  shared: &Shared,
  exchange: &mut Exchange,
  head: &Head,
  mut body: RecvStream,
  mut respond: SendResponse<Bytes>,
) -> Result<(), Gone> {
  if cors::is_preflight(head) {
    let preflight = exchange.preflight().unwrap_or_default();
    let head = head::response(preflight.status, &preflight.headers);
    respond.send_response(head, true)?;
    exchange.end(Ending::Complete);
    return Ok(());
  }
  let Taken { resource, plan } = exchange.take();
  match &plan.instead {
    Some(Instead::Raw(_)) => panic!("raw answers are HTTP/1.1's"),
    Some(Instead::Refuse) => {
      exchange.end(Ending::Cut);
      let _ = shared.end.send(End::Close);
      return Ok(());
    }
    Some(Instead::RefuseStream(reason)) => {
      respond.send_reset(*reason);
      exchange.end(Ending::Cut);
      return Ok(());
    }
    Some(Instead::EndlessHeaders) => {
      respond.send_response(far_too_much(), true)?;
      exchange.end(Ending::Cut);
      return Ok(());
    }
    None => {}
  }
  let Some(body) = body::read(&mut body, exchange, &plan).await? else {
    respond.send_reset(Reason::CANCEL);
    exchange.end(Ending::Cut);
    return Ok(());
  };
  if plan.hold {
    let mut hold = pin!(exchange.stall());
    tokio::select! {
      () = &mut hold => {}
      _ = poll_fn(|cx| respond.poll_reset(cx)) => return Err(Gone),
    }
  }
  if plan.last_of_connection {
    let _ = shared.end.send(End::Gracefully);
  }
  let answer = Answer::new(head, &resource, &plan, body);
  let head = head::response(answer.status, &answer.headers);
  let ends = answer.start == answer.end && plan.cut.is_none();
  let ends = ends && plan.trailers.is_empty();
  let stream = respond.send_response(head, ends)?;
  if ends {
    exchange.end(Ending::Complete);
    return Ok(());
  }
  send(shared, exchange, stream, answer, &plan).await
}

async fn send(
  shared: &Shared,
  exchange: &mut Exchange,
  mut stream: SendStream<Bytes>,
  answer: Answer,
  plan: &Plan,
) -> Result<(), Gone> {
  let total = answer.end - answer.start;
  let cut_at = plan.cut.map(|cut| match cut {
    Cut::HalfClose => total / 2,
    Cut::Reset(n) | Cut::Close(n) | Cut::Freeze(n) => n,
    Cut::Stream(n, _) | Cut::GoAway(n, _) => n,
  });
  let mut stall_at = plan.stall_after;
  let mut sent = 0;
  loop {
    if stall_at == Some(sent) {
      stall_at = None;
      unless_gone(&mut stream, exchange.stall()).await?;
    }
    if let Some(cut) = plan.cut
      && cut_at == Some(sent)
    {
      written(&mut stream).await?;
      shared.delivered().await?;
      exchange.end(Ending::Cut);
      let _ = match cut {
        Cut::Stream(_, reason) => {
          stream.send_reset(reason);
          return Ok(());
        }
        Cut::Reset(_) => shared.end.send(End::Reset),
        Cut::Close(_) => shared.end.send(End::Close),
        Cut::HalfClose => shared.end.send(End::HalfClose),
        Cut::Freeze(_) => shared.end.send(End::Freeze),
        Cut::GoAway(_, reason) => shared.end.send(End::GoAway(reason)),
      };
      // Dropped, the stream would be reset before the connection ends.
      gone(&mut stream).await;
      return Ok(());
    }
    if sent == total {
      break;
    }
    let (most, pause) = step(plan.pace);
    let marks = [stall_at, cut_at].into_iter().flatten();
    let ahead = marks.filter(|mark| *mark > sent).map(|mark| mark - sent);
    let limit = ahead.min().unwrap_or(u64::MAX).min(total - sent).min(most);
    let room = room(&mut stream, limit.min(SEND_BUFFER as u64)).await?;
    let piece = answer.content.piece(answer.start + sent, room);
    let length = piece.len() as u64;
    let last = sent + length == total && plan.trailers.is_empty();
    let last = last && cut_at != Some(total) && stall_at != Some(total);
    stream.send_data(Bytes::copy_from_slice(piece), last)?;
    sent += length;
    exchange.has_sent(length);
    if last {
      exchange.end(Ending::Complete);
      return Ok(());
    }
    if let Some(pause) = pause {
      unless_gone(&mut stream, tokio::time::sleep(pause)).await?;
    }
  }
  match plan.trailers.is_empty() {
    true => stream.send_data(Bytes::new(), true)?,
    false => stream.send_trailers(trailers(plan))?,
  }
  exchange.end(Ending::Complete);
  Ok(())
}

/// Waits for room for some of `wanted` bytes: how many there is room for.
async fn room(
  stream: &mut SendStream<Bytes>,
  wanted: u64,
) -> Result<u64, Gone> {
  stream.reserve_capacity(wanted as usize);
  loop {
    let room = stream.capacity() as u64;
    if room > 0 {
      return Ok(room.min(wanted));
    }
    tokio::select! {
      more = poll_fn(|cx| stream.poll_capacity(cx)) => {
        more.ok_or(Gone)??;
      }
    }
  }
}

/// Resolves once nothing of the stream waits for the wire any more.
async fn written(stream: &mut SendStream<Bytes>) -> Result<(), Gone> {
  stream.reserve_capacity(SEND_BUFFER);
  while stream.capacity() < SEND_BUFFER {
    poll_fn(|cx| stream.poll_capacity(cx)).await.ok_or(Gone)??;
  }
  Ok(())
}

/// Waits, and fails if the client goes away meanwhile.
async fn unless_gone<T>(
  stream: &mut SendStream<Bytes>,
  wait: impl Future<Output = T>,
) -> Result<T, Gone> {
  tokio::select! {
    done = wait => Ok(done),
    () = gone(stream) => Err(Gone),
  }
}

async fn gone(stream: &mut SendStream<Bytes>) {
  let _ = poll_fn(|cx| stream.poll_reset(cx)).await;
}

fn trailers(plan: &Plan) -> HeaderMap {
  let pairs = plan.trailers.iter().map(|(name, value)| {
    let name: HeaderName = name.parse().expect("a name of a header");
    (
      name,
      HeaderValue::from_str(value).expect("a header's value"),
    )
  });
  pairs.collect()
}

/// A head of a megabyte.
fn far_too_much() -> Response<()> {
  let mut head = Response::new(());
  let value = HeaderValue::from_str(&"a".repeat(1000));
  let value = value.expect("a header's value");
  for _ in 0..1000 {
    head.headers_mut().append("x-endless", value.clone());
  }
  head
}
