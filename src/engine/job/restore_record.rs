//! Continuing one record where an earlier process was stopped.

use crate::engine::context::Context;
use crate::engine::journal::queue::Progress;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::BackgroundFetchRecord;
use crate::spec::Extents;
use crate::spec::RecordResult;
use crate::store::Change;
use crate::store::RecordBodies;
use crate::store::StoreError;

/// Which record it is.
pub(crate) struct RecordRef<'a> {
  pub(crate) context: &'a Context,
  pub(crate) key: BackgroundFetchKey,
  pub(crate) record: usize,
  /// The background fetch has settled: its row stays as it is.
  pub(crate) settled: bool,
}

impl RecordRef<'_> {
  /// Makes a body again whose bytes are in its row.
  async fn restore_small(
    &self,
    body: BodyId,
    stored: u64,
  ) -> Result<(), StoreError> {
    let store = self.context.store.get()?;
    match store.bytes_in_row(body, stored).await? {
      Some(bytes) => store.bodies.restore(body, bytes).await,
      None => Ok(()),
    }
  }
}

/// Finds out how much of a record is there. What is found has to get into the
/// row before the background fetch settles: the next start would take the row
/// as it is.
pub(crate) async fn restore(
  record_ref: RecordRef<'_>,
  record: &mut BackgroundFetchRecord,
  bodies: &mut RecordBodies,
) {
  match record.response_data.result {
    Some(_) => {
      if !record.response_data.may_be_exposed()
        || !is_damaged(&record_ref, record, bodies).await
      {
        return;
      }
    }
    None if record_ref.settled => return,
    None if bodies.sent => {
      let request = &record.request;
      bodies.diagnostic = format!(
        "the program ended while {} {} was under way; it is not sent twice",
        request.method, request.url
      );
      fail(record);
    }
    None => match bodies.response {
      Some(body) => go_on(&record_ref, record, bodies, body).await,
      None => return,
    },
  }
  if let (Some(result), false) =
    (record.response_data.result, record_ref.settled)
  {
    record_ref.context.journal.enqueue(Change::RecordResult {
      key: record_ref.key,
      record: record_ref.record,
      result,
      diagnostic: bodies.diagnostic.clone(),
    });
  }
}

fn fail(record: &mut BackgroundFetchRecord) {
  let reason = BackgroundFetchFailureReason::FetchError;
  record.response_data.result = Some(RecordResult::Failure(reason));
}

/// Takes what there is of a record that was under way.
async fn go_on(
  record_ref: &RecordRef<'_>,
  record: &mut BackgroundFetchRecord,
  bodies: &mut RecordBodies,
  body: BodyId,
) {
  let context = record_ref.context;
  let data = &mut record.response_data;
  let restored = record_ref.restore_small(body, data.extents.end()).await;
  if restored.as_ref().is_err_and(StoreError::is_full) {
    // There is no space for its file. It is small: it is fetched again.
    context.delete_bodies(vec![body]).await;
    data.extents = Extents::default();
    bodies.response = None;
    return;
  }
  let reopened = async {
    restored?;
    let bodies = context.store.get()?.bodies;
    bodies.reopen(body, &data.extents).await
  };
  match reopened.await {
    Ok(writer) => {
      data.extents.add(0..writer.length());
      let progress = Progress {
        record: record_ref.record,
        extents: data.extents.clone(),
        more: 0,
      };
      let journal = &context.journal;
      journal.record_progress(record_ref.key, body, progress);
    }
    // Its name need not have become durable before there were bytes in it.
    Err(StoreError::DamagedBody(_)) if data.extents.total() == 0 => {
      bodies.response = None;
    }
    Err(error) => {
      bodies.diagnostic = error.to_string();
      fail(record);
    }
  }
}

/// A record that is complete has a body of just so many bytes. Makes it a
/// failure when that is not so, for its readers would take it for the whole.
async fn is_damaged(
  record_ref: &RecordRef<'_>,
  record: &mut BackgroundFetchRecord,
  bodies: &mut RecordBodies,
) -> bool {
  let Some(body) = bodies.response else {
    return false;
  };
  let bytes = record.response_data.bytes();
  let ends_there = async {
    let store = record_ref.context.store.get()?;
    let reader = store.open_complete(body, bytes).await?;
    let end = reader.read_at(bytes.saturating_sub(1), 2).await?;
    Ok::<_, StoreError>(end.len() as u64 == bytes.min(1))
  };
  let message = match ends_there.await {
    Ok(true) => return false,
    Ok(false) => {
      format!("a stored body is damaged: it is not {bytes} bytes long")
    }
    Err(error) => error.to_string(),
  };
  tracing::error!(message, "a stored response cannot be used");
  bodies.diagnostic = message;
  fail(record);
  true
}
