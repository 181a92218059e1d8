//! Notifies the state machine of a job, and carries out what it answers.

use std::sync::Arc;

use super::Job;
use super::Jobs;
use super::State;
use super::integrity;
use super::record_slot::Failure;
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
  /// Notifies the state machine of something and does what it answers.
  ///
  /// The actions are carried out under the job's lock, so that they keep their
  /// order: the journal and the scheduler are notified, which know no job, and
  /// tasks are spawned. Nothing of it waits. Realms and observers may look at
  /// the job, and are notified when the lock is released.
  pub(in crate::engine) fn update<T>(
    self: &Arc<Self>,
    what: impl FnOnce(&mut FetchMachine, &mut Vec<Action>) -> T,
  ) -> T {
    self
      .step(|state, actions| what(&mut state.machine, actions))
      .0
  }

  /// The same for something that makes the background fetch hold more; also
  /// says whether it is within its origin's quota with that.
  pub(in crate::engine) fn update_within_quota<T>(
    self: &Arc<Self>,
    what: impl FnOnce(&mut FetchMachine, &mut Vec<Action>) -> T,
  ) -> (T, bool) {
    self.step(|state, actions| what(&mut state.machine, actions))
  }

  /// The same for a failure of `record`: what is known of it changes in the
  /// step that makes something of it.
  pub(super) fn update_failed<T>(
    self: &Arc<Self>,
    record: usize,
    failure: Failure,
    what: impl FnOnce(&mut FetchMachine, &mut Vec<Action>) -> T,
  ) -> T {
    let update = |state: &mut State, actions: &mut Vec<Action>| {
      let known = &state.machine.background_fetch().records[record];
      // One that has failed has its reason; an aborted one has none.
      if !matches!(known.response_data.result, Some(RecordResult::Failure(_))) {
        state.records[record].failed(failure);
      }
      what(&mut state.machine, actions)
    };
    self.step(update).0
  }

  /// The same for a response to an attempt of `record`. Why an earlier one has
  /// failed is no longer the reason of anything, `reason` is; nothing is waited
  /// for any more.
  pub(super) fn update_answered(
    self: &Arc<Self>,
    record: usize,
    reason: String,
    what: impl FnOnce(&mut FetchMachine, &mut Vec<Action>),
  ) {
    let update = |state: &mut State, actions: &mut Vec<Action>| {
      let status = &mut state.records[record];
      let has_waited = status.waiting.is_some();
      status.failed(Failure::last(reason));
      what(&mut state.machine, actions);
      has_waited
    };
    let (has_waited, _) = self.step(update);
    if has_waited && let Some(context) = self.context.upgrade() {
      context.notify_observers(self);
    }
  }

  fn step<T>(
    self: &Arc<Self>,
    what: impl FnOnce(&mut State, &mut Vec<Action>) -> T,
  ) -> (T, bool) {
    let mut actions = Vec::new();
    let mut state = self.state.lock();
    let answer = what(&mut state, &mut actions);
    let held = state.machine.bytes_held();
    let within = state.reservation.set(held);
    if let Some(context) = self.context.upgrade() {
      let notified = actions.iter().filter_map(Notified::of).max();
      for action in actions {
        self.apply_action(&context, &mut state, action);
      }
      drop(state);
      match notified {
        Some(Notified::Realms) => self.update_instances(&context),
        Some(Notified::Observers) => context.notify_observers(self),
        None => {}
      }
    }
    (answer, within)
  }

  /// Under the job's lock, which `state` is borrowed from.
  fn apply_action(
    self: &Arc<Self>,
    context: &Arc<Context>,
    state: &mut State,
    action: Action,
  ) {
    match action {
      Action::Fetch { record, attempt } => {
        let status = &mut state.records[record];
        start::enqueue(context, self, status, record, attempt);
      }
      Action::Terminate { record, attempt } => {
        context.admission.remove(self.key, record);
        state.records[record].terminate(attempt);
      }
      Action::Verify { record, attempt } => {
        let status = &mut state.records[record];
        let Some(token) = status.begin(attempt, &context.stopping) else {
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
        let status = &mut state.records[record];
        start::wait_until_available(context, self, status, record, attempt);
      }
      Action::NewResponseData { record } => {
        let new = Arc::new(ResponseData::new(ResponseState::default()));
        let data = &mut state.records[record].response_data;
        let old = std::mem::replace(data, new);
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
        let fetch = state.machine.background_fetch();
        let data = &fetch.records[record].response_data;
        if let Some(response) = &data.response {
          context.journal.enqueue(Change::Response {
            key: self.key,
            record,
            response: Some(response.clone()),
            body: None,
          });
          let data = &state.records[record].response_data;
          data.set_response(response.clone());
        }
      }
      Action::Complete { record, result } => {
        context.admission.remove(self.key, record);
        let fetch = state.machine.background_fetch();
        let status = &mut state.records[record];
        status.waiting = None;
        if let Some(reason) = own_reason(result) {
          status.diagnostic = reason.to_string();
        }
        if fetch.upload_total > 0 {
          context.journal.enqueue(Change::Uploaded {
            key: self.key,
            bytes: fetch.uploaded,
          });
        }
        context.journal.enqueue(Change::RecordResult {
          key: self.key,
          record,
          result,
          diagnostic: status.diagnostic.clone(),
        });
        status.response_data.set_result(result);
      }
      // Once the lock is released.
      Action::UpdateInstances => {}
      Action::Settle => {
        context.spawn(settle::settle(context.clone(), self.clone()));
      }
    }
  }
}

/// Who is notified of a step once it is over; the later ones with the others.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Notified {
  Observers,
  Realms,
}

impl Notified {
  fn of(action: &Action) -> Option<Self> {
    match action {
      Action::UpdateInstances => Some(Self::Realms),
      Action::WaitUntilAvailable { .. } => Some(Self::Observers),
      _ => None,
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
    let reason = match error.is_full() {
      true => BackgroundFetchFailureReason::QuotaExceeded,
      false => BackgroundFetchFailureReason::FetchError,
    };
    job.update_failed(record, Failure::last(error), |p, actions| {
      p.bytes_lost(record, reason, actions)
    });
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
