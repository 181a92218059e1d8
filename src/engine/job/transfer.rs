//! A response's stream on its way into the store.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::Job;
use super::attempt::sent;
use super::record_slot::Attempts;
use super::retry::note_failure;
use crate::engine::context::Context;
use crate::engine::schedule::byte_budget::ByteBudget;
use crate::network::NetworkError;
use crate::network::NetworkErrorKind;
use crate::spec::EndOfBody;
use crate::spec::NotAppended;
use crate::spec::Response;
use crate::spec::Unusable;
use crate::store::BodyWriter;
use crate::store::Change;
use crate::store::StoreError;

/// How many bytes are appended at once, at most. The stream is read no further
/// when so many wait, or when there is no room for more in the byte budget;
/// then TCP makes the server wait.
const MAX_BATCH: usize = 4 * 1024 * 1024;

/// Which attempt it is.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
  pub(crate) context: &'a Arc<Context>,
  pub(crate) job: &'a Arc<Job>,
  pub(crate) record: usize,
  pub(crate) number: u32,
  pub(crate) terminate: &'a CancellationToken,
}

type Append =
  BoxFuture<'static, (Box<dyn BodyWriter>, u64, Result<(), StoreError>)>;

/// How the stream ended.
enum End {
  Terminated,
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
) {
  let Attempt {
    job,
    record,
    number,
    ..
  } = attempt;
  let mut terminated = std::pin::pin!(attempt.terminate.cancelled());
  let mut writer = None;
  let mut room = Room::new(attempt.context);
  let mut batch = Batch::default();
  let mut appending: Option<Append> = None;
  let mut end = None;
  loop {
    if appending.is_none() && !batch.chunks.is_empty() {
      let (chunks, length) = batch.take();
      match body_writer(attempt, writer.take()).await {
        Ok(body) => appending = Some(append(body, chunks, length)),
        Err(error) => return append_failed(attempt, error),
      }
    }
    if appending.is_none() && end.is_some() {
      break;
    }
    tokio::select! {
      biased;
      _ = &mut terminated, if end.is_none() => {
        end = Some(End::Terminated);
        let (_, length) = batch.take();
        room.released(length);
      }
      (body, length, result) = wait_for(&mut appending), if appending.is_some() => {
        appending = None;
        room.released(length);
        match result {
          Ok(()) => {
            appended(attempt, attempts, &*body, length);
            writer = Some(body);
          }
          Err(error) => return append_failed(attempt, error),
        }
      }
      more = batch.fill(&mut stream, attempt, head, &mut room), if end.is_none() && batch.has_room(&room) => {
        end = more;
      }
    }
  }
  if let Some(End::Done) = end {
    end = Some(compared_with_what_was_announced(attempt, head));
  }
  match end {
    Some(End::Done) => {
      job.update(|p, actions| p.stream_done(record, number, actions));
    }
    Some(End::Errored(error)) => {
      let unavailability =
        note_failure(attempt.context, job, record, attempts, &error);
      job.update(|p, actions| {
        p.stream_errored(record, number, unavailability, actions)
      });
    }
    Some(End::Terminated) | None => {}
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

/// What the transfer holds of the byte budget: its batch, and what is being
/// appended.
struct Room<'a> {
  budget: &'a Mutex<ByteBudget>,
  held: u64,
}

impl<'a> Room<'a> {
  fn new(context: &'a Context) -> Self {
    context.byte_budget.lock().begin();
    Self {
      budget: &context.byte_budget,
      held: 0,
    }
  }

  fn is_there(&self) -> bool {
    self.budget.lock().has_room(self.held)
  }

  fn received(&mut self, bytes: u64) {
    self.held += bytes;
    self.budget.lock().received(bytes);
  }

  fn released(&mut self, bytes: u64) {
    self.held -= bytes;
    self.budget.lock().released(bytes);
  }
}

impl Drop for Room<'_> {
  fn drop(&mut self) {
    self.budget.lock().end(self.held);
  }
}

#[derive(Default)]
struct Batch {
  chunks: Vec<Bytes>,
  length: usize,
}

impl Batch {
  fn take(&mut self) -> (Vec<Bytes>, u64) {
    let length = std::mem::take(&mut self.length) as u64;
    (std::mem::take(&mut self.chunks), length)
  }

  fn has_room(&self, room: &Room<'_>) -> bool {
    self.length < MAX_BATCH && room.is_there()
  }

  /// Waits for a chunk, then takes all that are there without waiting.
  /// `Some` when the stream has ended. Safe to cancel: what was taken is in
  /// the batch.
  async fn fill(
    &mut self,
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
        Some(Ok(chunk)) => {
          let length = chunk.len() as u64;
          let (allowed, within_quota) =
            attempt.job.update_within_quota(|p, actions| {
              p.bytes_transmitted(
                attempt.record,
                attempt.number,
                length,
                actions,
              )
            });
          match allowed {
            Ok(()) if within_quota => {}
            // What came before it is still appended.
            Ok(()) => {
              let full = "the origin's quota is used up".to_string();
              append_failed(attempt, StoreError::Full(full));
              return Some(End::Terminated);
            }
            Err(NotAppended::Terminated) => return Some(End::Terminated),
            Err(NotAppended::Wrong(unusable)) => {
              return Some(wrong(head, &unusable));
            }
          }
          room.received(length);
          self.length += chunk.len();
          self.chunks.push(chunk);
        }
      }
      if !self.has_room(room) {
        return None;
      }
      next = stream.next().now_or_never()?;
    }
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
  body: &dyn BodyWriter,
  length: u64,
) {
  let Attempt {
    context,
    job,
    record,
    ..
  } = attempt;
  let stored = body.length();
  context
    .journal
    .record_progress(job.key, record, body.id(), stored, length);
  if stored > attempts.most {
    attempts.most = stored;
    attempts.retries.progressed();
  }
  job.response_data(record).set_stored(stored);
  job.update(|p, actions| p.bytes_appended(record, length, actions));
}

fn append_failed(attempt: Attempt<'_>, error: StoreError) {
  let Attempt {
    job,
    record,
    number,
    ..
  } = attempt;
  *job.records[record].diagnostic.lock() = error.to_string();
  job.update(|p, actions| {
    p.append_failed(record, number, error.is_full(), actions)
  });
}

/// The record's body, opened where it ends; a new one for the first bytes of a
/// response.
async fn body_writer(
  attempt: Attempt<'_>,
  open: Option<Box<dyn BodyWriter>>,
) -> Result<Box<dyn BodyWriter>, StoreError> {
  if let Some(body) = open {
    return Ok(body);
  }
  let Attempt {
    context,
    job,
    record,
    ..
  } = attempt;
  let data = job.response_data(record);
  if let Some(id) = data.body() {
    let stored = data.state().stored;
    return context.store.bodies.reopen(id, stored).await;
  }
  let body = context.store.bodies.create().await?;
  if !data.set_body(body.id()) {
    // The record was aborted, and its background fetch has settled meanwhile.
    context.delete_bodies(vec![body.id()]).await;
    return Err(StoreError::DamagedBody("nobody needs it any more".into()));
  }
  context.journal.enqueue_urgent(Change::Response {
    key: job.key,
    record,
    response: data.response().map(Arc::unwrap_or_clone),
    body: Some(body.id()),
  });
  Ok(body)
}
