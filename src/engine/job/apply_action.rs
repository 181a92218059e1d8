//! Carries out what the state machine answers.

use std::sync::Arc;

use super::Run;
use super::attempt;
use super::integrity;
use super::response_data::ResponseData;
use super::response_data::ResponseState;
use super::retry;
use super::settle;
use crate::engine::context::Shared;
use crate::spec::Action;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::Perform;
use crate::spec::RecordResult;
use crate::store::Fact;

impl Run {
  pub(crate) fn act(
    self: &Arc<Self>,
    shared: &Arc<Shared>,
    perform: &Perform,
    action: Action,
  ) {
    match action {
      Action::Fetch { record, attempt } => {
        let token = shared.stopping.child_token();
        *self.records[record].terminate.lock() = (attempt, token.clone());
        shared.spawn(attempt::run(
          shared.clone(),
          self.clone(),
          record,
          attempt,
          token,
        ));
      }
      Action::Terminate { record, attempt } => {
        let latest = self.records[record].terminate.lock();
        if latest.0 == attempt {
          latest.1.cancel();
        }
      }
      Action::Verify { record, attempt } => {
        let token = shared.stopping.child_token();
        *self.records[record].terminate.lock() = (attempt, token.clone());
        shared.spawn(integrity::verify(
          shared.clone(),
          self.clone(),
          record,
          attempt,
          token,
        ));
      }
      Action::WaitUntilAvailable { record, attempt } => {
        shared.spawn(retry::wait_until_available(
          shared.clone(),
          self.clone(),
          record,
          attempt,
        ));
      }
      Action::NewResponseData { record } => {
        let new = Arc::new(ResponseData::new(ResponseState::default()));
        let old = std::mem::replace(
          &mut *self.records[record].response_data.lock(),
          new,
        );
        shared.checkpoint.note(Fact::Response {
          key: self.key,
          record,
          response: None,
          body: None,
        });
        if let Some(body) = old.body() {
          shared.checkpoint.forget(&[body]);
        }
        old.set_result(RecordResult::Redundant);
        let (bodies, key) = (shared.clone(), self.key);
        shared.spawn(async move { bodies.delete_redundant(key, &old).await });
      }
      Action::Response { record } => {
        let data = &perform.background_fetch().records[record].response_data;
        if let Some(response) = &data.response {
          shared.checkpoint.note(Fact::Response {
            key: self.key,
            record,
            response: Some(response.clone()),
            body: None,
          });
          self.response_data(record).set_response(response.clone());
        }
      }
      Action::Complete { record, result } => {
        *self.records[record].waiting.lock() = None;
        if let Some(reason) = own_reason(result) {
          *self.records[record].diagnostic.lock() = reason.to_string();
        }
        if perform.background_fetch().upload_total > 0 {
          shared.checkpoint.note(Fact::Uploaded {
            key: self.key,
            bytes: perform.background_fetch().uploaded,
          });
        }
        shared.checkpoint.note(Fact::RecordResult {
          key: self.key,
          record,
          result,
          diagnostic: self.records[record].diagnostic.lock().clone(),
        });
        self.response_data(record).set_result(result);
      }
      Action::UpdateInstances => self.update_instances(shared),
      Action::Settle => {
        shared.spawn(settle::settle(shared.clone(), self.clone()));
      }
    }
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
