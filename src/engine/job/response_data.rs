//! A [background fetch response](https://wicg.github.io/background-fetch/#background-fetch-response)
//! with its place in the store, for those who read it while it arrives.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::ids::BodyId;
use crate::spec::RecordResult;
use crate::spec::Response;
use crate::spec::may_be_exposed;

/// Shared by the record it belongs to and by every record object made of it,
/// even if it has become redundant. So it is no part of its job's state: who
/// reads it may do so longer than there is a job, and waits for it to change.
pub(crate) struct ResponseData {
  state: Mutex<ResponseState>,
  /// A `watch` channel would do the same, with a place for eight kinds of
  /// readers in each record, most of which are never read.
  changed: Notify,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ResponseState {
  pub(crate) response: Option<Arc<Response>>,
  /// In bytes.
  pub(crate) stored: u64,
  pub(crate) result: Option<RecordResult>,
  pub(crate) body: Option<BodyId>,
  /// The record does not need the body any more.
  discarded: bool,
  /// How many record objects may still read the body.
  readers: usize,
}

impl ResponseState {
  pub(crate) fn restored(
    response: Option<Response>,
    stored: u64,
    result: Option<RecordResult>,
    body: Option<BodyId>,
  ) -> Self {
    Self {
      response: response.map(Arc::new),
      stored,
      result,
      body,
      ..Self::default()
    }
  }

  /// Whether it may be [exposed](https://wicg.github.io/background-fetch/#background-fetch-response-exposed).
  pub(crate) fn may_be_exposed(&self) -> bool {
    may_be_exposed(self.result, self.response.as_deref())
  }
}

impl ResponseData {
  pub(crate) fn new(state: ResponseState) -> Self {
    Self {
      state: Mutex::new(state),
      changed: Notify::new(),
    }
  }

  /// Those who wait for it are woken.
  fn modify(&self, change: impl FnOnce(&mut ResponseState)) {
    change(&mut self.state.lock());
    self.changed.notify_waiters();
  }

  pub(crate) fn state(&self) -> ResponseState {
    self.state.lock().clone()
  }

  pub(crate) fn response(&self) -> Option<Arc<Response>> {
    self.state.lock().response.clone()
  }

  pub(crate) fn body(&self) -> Option<BodyId> {
    self.state.lock().body
  }

  pub(crate) fn set_response(&self, response: Response) {
    self.modify(|s| s.response = Some(Arc::new(response)));
  }

  /// Returns false, and does not take it, when the record needs no body any
  /// more.
  pub(crate) fn set_body(&self, body: BodyId) -> bool {
    let mut needed = false;
    self.modify(|s| {
      needed = !s.discarded;
      if needed {
        s.body = Some(body);
      }
    });
    needed
  }

  pub(crate) fn set_stored(&self, stored: u64) {
    self.modify(|s| s.stored = stored);
  }

  pub(crate) fn set_result(&self, result: RecordResult) {
    self.modify(|s| s.result = Some(result));
  }

  /// The record does not need the body any more. Returns the body when it is
  /// to be deleted now; else the last reader deletes it.
  pub(crate) fn discard(&self) -> Option<BodyId> {
    let mut unread = None;
    self.modify(|s| {
      s.discarded = true;
      if s.readers == 0 {
        unread = s.body.take();
      }
    });
    unread
  }
}

/// Keeps the body of a response readable.
pub(crate) struct Reader {
  data: Arc<ResponseData>,
  delete: Delete,
}

/// Deletes a body that its last reader has left.
pub(crate) type Delete = Box<dyn Fn(BodyId) + Send + Sync>;

impl Reader {
  pub(crate) fn new(data: Arc<ResponseData>, delete: Delete) -> Self {
    data.modify(|s| s.readers += 1);
    Self { data, delete }
  }

  /// Waits until `enough` says so, and returns the state that did it.
  pub(crate) async fn wait_for(
    &self,
    mut enough: impl FnMut(&ResponseState) -> bool,
  ) -> ResponseState {
    loop {
      // Before it is looked at: a change in between must wake it, too.
      let mut changed = std::pin::pin!(self.data.changed.notified());
      changed.as_mut().enable();
      {
        let state = self.data.state.lock();
        if enough(&state) {
          return state.clone();
        }
      }
      changed.await;
    }
  }
}

impl Drop for Reader {
  fn drop(&mut self) {
    let mut unread = None;
    self.data.modify(|s| {
      s.readers -= 1;
      if s.discarded && s.readers == 0 {
        unread = s.body.take();
      }
    });
    if let Some(body) = unread {
      (self.delete)(body);
    }
  }
}
