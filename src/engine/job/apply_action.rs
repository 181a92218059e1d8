//! Carries out what the state machine answers.

use std::sync::Arc;

use super::Job;
use super::Jobs;
use super::integrity;
use super::response_data::ResponseData;
use super::response_data::ResponseState;
use super::settle;
use super::start;
use crate::engine::context::Context;
use crate::engine::journal::value::MAX_BACKOFF;
use crate::engine::journal::writer::BytesLost;
use crate::engine::until::until;
use crate::ids::BackgroundFetchKey;
use crate::spec::Action;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::FetchMachine;
use crate::spec::RecordResult;
use crate::store::Change;

impl Job {
  pub(crate) fn apply_action(
    self: &Arc<Self>,
    context: &Arc<Context>,
    machine: &FetchMachine,
    action: Action,
  ) {
    match action {
      Action::Fetch { record, attempt } => {
        start::enqueue(context, self, record, attempt);
      }
      Action::Terminate { record, attempt } => {
        context.admission.remove(self.key, record);
        self.records[record].terminate(attempt);
      }
      Action::Verify { record, attempt } => {
        let slot = &self.records[record];
        let Some(token) = slot.begin(attempt, &context.stopping) else {
          return;
        };
        context.spawn(integrity::verify(
          context.clone(),
          self.clone(),
          record,
          attempt,
          token,
        ));
      }
      Action::WaitUntilAvailable { record, attempt } => {
        start::wait_until_available(context, self, record, attempt);
      }
      Action::NewResponseData { record } => {
        let new = Arc::new(ResponseData::new(ResponseState::default()));
        let old = std::mem::replace(
          &mut *self.records[record].response_data.lock(),
          new,
        );
        context.journal.enqueue(Change::Response {
          key: self.key,
          record,
          response: None,
          body: None,
        });
        if let Some(body) = old.body() {
          context.journal.forget(&[body]);
        }
        old.set_result(RecordResult::Redundant);
        let (bodies, key) = (context.clone(), self.key);
        context
          .spawn(async move { delete_redundant(&bodies, key, &old).await });
      }
      Action::Response { record } => {
        let data = &machine.background_fetch().records[record].response_data;
        if let Some(response) = &data.response {
          context.journal.enqueue(Change::Response {
            key: self.key,
            record,
            response: Some(response.clone()),
            body: None,
          });
          self.response_data(record).set_response(response.clone());
        }
      }
      Action::Complete { record, result } => {
        context.admission.remove(self.key, record);
        *self.records[record].waiting.lock() = None;
        if let Some(reason) = own_reason(result) {
          *self.records[record].diagnostic.lock() = reason.to_string();
        }
        if machine.background_fetch().upload_total > 0 {
          context.journal.enqueue(Change::Uploaded {
            key: self.key,
            bytes: machine.background_fetch().uploaded,
          });
        }
        context.journal.enqueue(Change::RecordResult {
          key: self.key,
          record,
          result,
          diagnostic: self.records[record].diagnostic.lock().clone(),
        });
        self.response_data(record).set_result(result);
      }
      Action::UpdateInstances => self.update_instances(context),
      Action::Settle => {
        context.spawn(settle::settle(context.clone(), self.clone()));
      }
    }
  }
}

/// Bytes of a record that the disk has failed to keep: it fails.
pub(crate) fn bytes_lost(jobs: &Arc<Jobs>) -> BytesLost {
  let jobs = Arc::downgrade(jobs);
  Box::new(move |key, record, error| {
    let job = jobs.upgrade().and_then(|jobs| jobs.get(key));
    // Without one, the bytes are not needed any more.
    let Some(job) = job else { return };
    *job.records[record].diagnostic.lock() = error.to_string();
    let reason = match error.is_full() {
      true => BackgroundFetchFailureReason::QuotaExceeded,
      false => BackgroundFetchFailureReason::FetchError,
    };
    job.update(|p, actions| p.bytes_lost(record, reason, actions));
  })
}

/// Deletes the body of a response that has become redundant, unless someone
/// reads it: then the last reader does. No row may speak of a body that is
/// gone, so what takes its place has to be durable before; a disk without
/// space needs the body's more than it needs that.
async fn delete_redundant(
  context: &Context,
  key: BackgroundFetchKey,
  old: &ResponseData,
) {
  while let Err(error) = context.journal.flush_key(key).await {
    if error.is_full() {
      break;
    }
    tracing::warn!(%error, "a redundant body is kept for now");
    let waited = until(&context.stopping, tokio::time::sleep(MAX_BACKOFF));
    if waited.await.is_none() {
      // The next start finds the body, if no row knows it then.
      return;
    }
  }
  if let Some(body) = old.discard() {
    context.delete_bodies(vec![body]).await;
  }
}

/// What is to be said of a result, when it is not what the record's latest
/// failure was: errors that were recovered from are not the reason.
fn own_reason(result: RecordResult) -> Option<&'static str> {
  use BackgroundFetchFailureReason::Aborted;
  use BackgroundFetchFailureReason::DownloadTotalExceeded;
  match result {
    RecordResult::Success | RecordResult::Failure(Aborted) => Some(""),
    RecordResult::Failure(DownloadTotalExceeded) => {
      Some("there is more to download than downloadTotal allows")
    }
    RecordResult::Redundant | RecordResult::Failure(_) => None,
  }
}
