//! A response's stream on its way into the store.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tokio::time::Instant;

use super::attempt::outcome_of;
use super::attempt::sent;
use super::fetch_params::Attempt;
use super::receiving::Batch;
use super::receiving::Room;
use super::receiving::record_progress;
use super::record_slot::Attempts;
use super::record_slot::Failure;
use super::retry;
use super::segments::Segments;
use crate::ids::BodyId;
use crate::network::NetworkError;
use crate::network::NetworkErrorKind;
use crate::spec::EndOfBody;
use crate::spec::NotAppended;
use crate::spec::Response;
use crate::spec::Unusable;
use crate::spec::Wanted;
use crate::store::BodyWriter;
use crate::store::Change;
use crate::store::SMALL_BODY;
use crate::store::StoreError;
use crate::telemetry::AttemptOutcome;

type Append =
  BoxFuture<'static, (Box<dyn BodyWriter>, u64, Result<(), StoreError>)>;

/// How the stream ended.
enum End {
  Terminated,
  /// There is no room for what follows.
  Full,
  /// What follows is stored already.
  ReachedExtent,
  Done,
  Errored(NetworkError),
}

/// complete.11, from the response's stream to the end of it. While one batch
/// of bytes is being appended the next one is received, so that neither the
/// network nor the disk waits for the other.
pub(crate) async fn transfer(
  attempt: Attempt<'_>,
  attempts: &mut Attempts,
  head: &Response,
  mut stream: BoxStream<'static, Result<Bytes, NetworkError>>,
) -> AttemptOutcome {
  let Attempt {
    job,
    record,
    number,
    ..
  } = attempt;
  let mut terminated = std::pin::pin!(attempt.terminate.cancelled());
  let mut writer: Option<Box<dyn BodyWriter>> = None;
  let mut room = Room::new(attempt.context);
  let mut batch = Batch::default();
  let mut appending: Option<Append> = None;
  let mut end = None;
  let mut segments = Segments::of(attempt, attempts);
  loop {
    if writer.is_none()
      && appending.is_none()
      && matches!(end, Some(End::Done))
      && let Some(taken) = hold(attempt, attempts, &mut batch).await
    {
      room.released(taken.length);
      if !taken.is_needed {
        end = Some(End::Terminated);
      }
    }
    let waits_no_more =
      end.is_some() || !batch.has_room(&room) || batch.due() <= Instant::now();
    // What may be all of a small response waits a moment for its end, and needs
    // no body then.
    let needs_body = waits_no_more || batch.length() > SMALL_BODY;
    if writer.is_none()
      && appending.is_none()
      && !batch.is_empty()
      && needs_body
    {
      match body_writer(attempt, head).await {
        Ok(Some(body)) => writer = Some(body),
        Ok(None) => {
          let (_, length) = batch.take();
          room.released(length);
          end = Some(End::Terminated);
        }
        Err(error) => return append_failed(attempt, error),
      }
    }
    let is_due = |body: &mut Box<dyn BodyWriter>| {
      waits_no_more || batch.is_full(body.length())
    };
    if !batch.is_empty()
      && let Some(body) = writer.take_if(is_due)
    {
      let (chunks, length) = match end {
        Some(_) => batch.take(),
        None => batch.take_whole(body.length()),
      };
      appending = Some(append(body, chunks, length));
    }
    if appending.is_none() && end.is_some() {
      let goes_on = matches!(end, Some(End::ReachedExtent))
        && segments.as_mut().is_some_and(Segments::go_on_alone);
      if !goes_on {
        break;
      }
    }
    tokio::select! {
      biased;
      _ = &mut terminated, if !matches!(end, Some(End::Terminated | End::Full)) => {
        end = Some(End::Terminated);
        let (_, length) = batch.take();
        room.released(length);
      }
      (body, length, result) = wait_for(&mut appending), if appending.is_some() => {
        appending = None;
        room.released(length);
        match result {
          Ok(()) => {
            appended(attempt, attempts, body.id(), length);
            let mut body = body;
            if let Some(segments) = &mut segments {
              segments.begin(&mut *body).await;
            }
            writer = Some(body);
          }
          Err(error) => return append_failed(attempt, error),
        }
      }
      total = Segments::next(&mut segments), if segments.is_some() => {
        attempts.progressed(total);
      }
      () = tokio::time::sleep_until(batch.due()), if appending.is_none() && !batch.is_empty() => {}
      more = fill(&mut batch, &mut stream, attempt, head, &mut room), if end.is_none() && batch.has_room(&room) => {
        end = more;
      }
    }
  }
  if let Some(segments) = segments {
    attempts.progressed(job.inspect(|p| p.extents(record).total()));
    attempts.segments_refused = segments.finish().await;
  }
  if let Some(End::Done) = end {
    end = Some(compared_with_what_was_announced(attempt, head));
  }
  match end {
    Some(End::Done) => {
      job.update(|p, actions| p.stream_done(record, number, actions));
      AttemptOutcome::Complete
    }
    Some(End::Errored(error)) => {
      let failure = retry::failure(attempt.context, attempts, &error);
      let unavailability = failure.unavailability();
      job.update_failed(record, failure, |p, actions| {
        p.stream_errored(record, number, unavailability, actions)
      });
      outcome_of(unavailability)
    }
    Some(End::ReachedExtent) => {
      job.update(|p, actions| p.reached_extent(record, number, actions));
      AttemptOutcome::Complete
    }
    Some(End::Full) => AttemptOutcome::Failed,
    Some(End::Terminated) | None => AttemptOutcome::Stopped,
  }
}

/// The end of a stream that the transport ended in order, and whose bytes are
/// all appended: not every transport counts them.
fn compared_with_what_was_announced(
  attempt: Attempt<'_>,
  head: &Response,
) -> End {
  let Attempt {
    job,
    record,
    number,
    ..
  } = attempt;
  match job.inspect(|p| p.end_of_body(record, number)) {
    EndOfBody::InOrder => End::Done,
    EndOfBody::Interrupted(unusable) => End::Errored(NetworkError {
      kind: NetworkErrorKind::Interrupted,
      message: sent(head, &unusable),
    }),
    EndOfBody::Wrong(unusable) => wrong(head, &unusable),
  }
}

/// The end of a stream that brought what cannot be right.
fn wrong(head: &Response, unusable: &Unusable) -> End {
  End::Errored(NetworkError {
    kind: NetworkErrorKind::BadAnswer,
    message: sent(head, unusable),
  })
}

/// Waits for a chunk, then takes all that are there without waiting.
/// `Some` when the stream has ended. Safe to cancel: what was taken is in
/// the batch.
async fn fill(
  batch: &mut Batch,
  stream: &mut BoxStream<'static, Result<Bytes, NetworkError>>,
  attempt: Attempt<'_>,
  head: &Response,
  room: &mut Room<'_>,
) -> Option<End> {
  let mut next = stream.next().await;
  loop {
    match next {
      None => return Some(End::Done),
      Some(Err(error)) => return Some(End::Errored(error)),
      Some(Ok(mut chunk)) => {
        let length = chunk.len() as u64;
        let (allowed, within_quota) =
          attempt.job.update_within_quota(|p, actions| {
            p.bytes_transmitted(attempt.record, attempt.number, length, actions)
          });
        let mut has_reached = false;
        match allowed {
          Ok(Wanted::All) if within_quota => {}
          Ok(Wanted::UpToExtent(wanted)) if within_quota => {
            chunk.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
            has_reached = true;
          }
          // What came before it is still appended.
          Ok(_) => {
            let full = "the origin's quota is used up".to_string();
            append_failed(attempt, StoreError::Full(full));
            return Some(End::Full);
          }
          Err(NotAppended::Terminated) => return Some(End::Terminated),
          Err(NotAppended::Wrong(unusable)) => {
            return Some(wrong(head, &unusable));
          }
        }
        room.received(chunk.len() as u64);
        batch.push(chunk);
        if has_reached {
          return Some(End::ReachedExtent);
        }
      }
    }
    if !batch.has_room(room) {
      return None;
    }
    next = stream.next().now_or_never()?;
  }
}

async fn wait_for(
  appending: &mut Option<Append>,
) -> (Box<dyn BodyWriter>, u64, Result<(), StoreError>) {
  match appending {
    Some(append) => append.await,
    None => std::future::pending().await,
  }
}

fn append(
  mut body: Box<dyn BodyWriter>,
  chunks: Vec<Bytes>,
  length: u64,
) -> Append {
  Box::pin(async move {
    let result = body.append(chunks).await;
    (body, length, result)
  })
}

fn appended(
  attempt: Attempt<'_>,
  attempts: &mut Attempts,
  body: BodyId,
  length: u64,
) {
  let Attempt { job, record, .. } = attempt;
  let extents = job.update(|p, actions| {
    p.bytes_appended(record, length, actions);
    p.extents(record).clone()
  });
  attempts.progressed(extents.total());
  record_progress(attempt, body, extents, length);
}

fn append_failed(attempt: Attempt<'_>, error: StoreError) -> AttemptOutcome {
  let Attempt {
    job,
    record,
    number,
    ..
  } = attempt;
  let is_full = error.is_full();
  job.update_failed(record, Failure::last(error), |p, actions| {
    p.append_failed(record, number, is_full, actions)
  });
  AttemptOutcome::Failed
}

/// The record's body, opened where it ends; a new one for the first bytes of a
/// response. `None` when the record was aborted, and its background fetch has
/// settled meanwhile.
async fn body_writer(
  attempt: Attempt<'_>,
  head: &Response,
) -> Result<Option<Box<dyn BodyWriter>>, StoreError> {
  let mut body = open_body(attempt).await?;
  if let (Some(body), Some(length)) = (&mut body, head.complete_length()) {
    body.expect(length);
  }
  Ok(body)
}

async fn open_body(
  attempt: Attempt<'_>,
) -> Result<Option<Box<dyn BodyWriter>>, StoreError> {
  let Attempt {
    context,
    job,
    record,
    ..
  } = attempt;
  let data = job.response_data(record);
  if let Some(id) = data.body() {
    let stored = job.inspect(|p| p.extents(record).clone());
    let reopened = context.store.get()?.reopen(id, &stored).await?;
    if data.body() == Some(id) {
      return Ok(Some(reopened));
    }
    // It was deleted meanwhile, and may have been made again of its row.
    drop(reopened);
    context.delete_bodies(vec![id]).await;
    return Ok(None);
  }
  let body = context.store.get()?.bodies.create().await?;
  if !begin_body(attempt, body.id()) {
    context.delete_bodies(vec![body.id()]).await;
    return Ok(None);
  }
  Ok(Some(body))
}

/// The record has a body now. False when it needs none any more.
fn begin_body(attempt: Attempt<'_>, body: BodyId) -> bool {
  let Attempt {
    context,
    job,
    record,
    ..
  } = attempt;
  let data = job.response_data(record);
  let is_needed = data.set_body(body);
  if is_needed {
    context.journal.enqueue_urgent(Change::Response {
      key: job.key,
      record,
      response: data.response().map(Arc::unwrap_or_clone),
      body: Some(body),
    });
  }
  is_needed
}

/// What was taken out of a batch.
struct Taken {
  length: u64,
  /// The record was not aborted.
  is_needed: bool,
}

/// A small response that has come as a whole needs no file: its bytes are
/// written into its row. `None` when `batch` is not all of such a one.
async fn hold(
  attempt: Attempt<'_>,
  attempts: &mut Attempts,
  batch: &mut Batch,
) -> Option<Taken> {
  let Attempt {
    context,
    job,
    record,
    ..
  } = attempt;
  let is_whole = job.response_data(record).body().is_none();
  if !is_whole || batch.is_empty() || batch.length() > SMALL_BODY {
    return None;
  }
  let store = context.store.get().ok()?;
  let (chunks, length) = batch.take();
  // A chunk may be a part of a larger buffer.
  let bytes = Bytes::from(chunks.concat());
  let Some(body) = store.bodies.hold(bytes.clone()) else {
    batch.push(bytes);
    return None;
  };
  let is_needed = begin_body(attempt, body);
  if is_needed {
    appended(attempt, attempts, body, length);
  } else {
    context.delete_bodies(vec![body]).await;
  }
  Some(Taken { length, is_needed })
}
