//! One request under way, as the log and the test see it.

use std::sync::Arc;

use super::cors::Preflight;
use super::log::{Ending, SeenRequest};
use super::plan::Plan;
use super::request::Head;
use super::resource::Resource;
use super::state::{Entered, Inner, State, Taken};

/// One request under way. It is logged as cut if it is dropped before its end.
pub struct Exchange {
  state: Arc<State>,
  /// Its place in the log.
  number: usize,
  key: Option<String>,
  over: bool,
}

impl Exchange {
  pub fn begin(state: &Arc<State>, connection: usize, head: &Head) -> Self {
    let (number, key) = state.change(|inner| {
      inner.open += 1;
      inner.most_open = inner.most_open.max(inner.open);
      inner.requests.push(SeenRequest {
        connection,
        method: head.method.clone(),
        target: head.target.clone(),
        headers: head.headers.clone(),
        body_length: 0,
        body_sha256: None,
        sent: 0,
        ending: None,
      });
      (inner.requests.len() - 1, inner.key(&head.target))
    });
    let state = state.clone();
    Self {
      state,
      number,
      key,
      over: false,
    }
  }

  /// What is to be done with it: 404 when nothing is served there.
  pub fn take(&self) -> Taken {
    let take = |key| self.state.change(|inner| inner.take(key));
    self.key.as_deref().and_then(take).unwrap_or_else(|| Taken {
      resource: Resource::text(""),
      plan: Plan {
        status: Some(404),
        ..Plan::default()
      },
    })
  }

  pub fn preflight(&self) -> Option<Preflight> {
    self.state.lock().preflight(self.key.as_deref()?)
  }

  /// Waits, observably, until the test opens the gate of this path.
  pub fn stall(&self) -> impl Future<Output = ()> + use<> {
    let state = self.state.clone();
    let path = self.key.clone().unwrap_or_default();
    async move {
      let wait = Wait::begin(state.clone(), path);
      state.until(|inner| wait.is_over(inner).then_some(())).await;
    }
  }

  pub fn has_read(&self, bytes: u64) {
    let change = |inner: &mut Inner| self.seen(inner).body_length += bytes;
    self.state.change(change);
  }

  pub fn has_body(&self, sha256: String) {
    let change =
      |inner: &mut Inner| self.seen(inner).body_sha256 = Some(sha256);
    self.state.change(change);
  }

  pub fn has_sent(&self, bytes: u64) {
    self.state.change(|inner| self.seen(inner).sent += bytes);
  }

  pub fn end(&mut self, ending: Ending) {
    if std::mem::replace(&mut self.over, true) {
      return;
    }
    self.state.change(|inner| {
      inner.open -= 1;
      self.seen(inner).ending = Some(ending);
    });
  }

  fn seen<'a>(&self, inner: &'a mut Inner) -> &'a mut SeenRequest {
    &mut inner.requests[self.number]
  }
}

impl Drop for Exchange {
  fn drop(&mut self) {
    self.end(Ending::Cut);
  }
}

struct Wait {
  state: Arc<State>,
  path: String,
  entered: Entered,
}

impl Wait {
  fn begin(state: Arc<State>, path: String) -> Self {
    let entered = state.change(|inner| inner.gate_mut(&path).enter());
    Self {
      state,
      path,
      entered,
    }
  }

  fn is_over(&self, inner: &Inner) -> bool {
    inner
      .gate(&self.path)
      .is_some_and(|gate| gate.is_open_for(self.entered))
  }
}

impl Drop for Wait {
  fn drop(&mut self) {
    self
      .state
      .change(|inner| inner.gate_mut(&self.path).leave(self.entered));
  }
}
