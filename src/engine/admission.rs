//! The engine's [`Scheduler`], with the clock and the wake-ups that it has not.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;
use url::Origin;

use super::policy::Concurrency;
use super::schedule::scheduler::AttemptId;
use super::schedule::scheduler::Output;
use super::schedule::scheduler::PlaceId;
use super::schedule::scheduler::Scheduler;
use crate::ids::BackgroundFetchKey;

pub(crate) struct Admission {
  state: Mutex<State>,
  /// The scheduler was called.
  changed: Notify,
}

struct State {
  scheduler: Scheduler,
  /// What makes a helper leave its place.
  helpers: HashMap<PlaceId, CancellationToken>,
}

impl Admission {
  pub(super) fn new(limits: Concurrency) -> Self {
    Self {
      state: Mutex::new(State {
        scheduler: Scheduler::new(limits),
        helpers: HashMap::new(),
      }),
      changed: Notify::new(),
    }
  }

  /// See [`Scheduler::enqueue`].
  pub(super) fn enqueue(
    &self,
    attempt: AttemptId,
    origin: &Origin,
    host: &str,
  ) {
    self.state.lock().scheduler.enqueue(attempt, origin, host);
    self.changed.notify_one();
  }

  /// See [`Scheduler::retry_at`].
  pub(super) fn retry_at(&self, attempt: AttemptId, time: Instant) {
    self.state.lock().scheduler.retry_at(attempt, time);
    self.changed.notify_one();
  }

  /// See [`Scheduler::remove`]. It makes nothing else possible, so no task is
  /// woken.
  pub(super) fn remove(&self, key: BackgroundFetchKey, record: usize) {
    self.state.lock().scheduler.remove(key, record);
  }

  /// See [`Scheduler::start_helper`]; `leave` is cancelled when the place is
  /// needed.
  pub(super) fn start_helper(
    &self,
    host: &str,
    leave: &CancellationToken,
  ) -> Option<PlaceId> {
    let mut state = self.state.lock();
    let place = state.scheduler.start_helper(host)?;
    state.helpers.insert(place, leave.clone());
    Some(place)
  }

  /// See [`Scheduler::finished`].
  pub(super) fn finished(&self, place: PlaceId) {
    let mut state = self.state.lock();
    state.helpers.remove(&place);
    state.scheduler.finished(place);
    drop(state);
    self.changed.notify_one();
  }

  /// See [`Scheduler::tick`]. Helpers that have to leave are notified.
  fn tick(&self) -> Output {
    let mut state = self.state.lock();
    let output = state.scheduler.tick(Instant::now());
    for place in &output.leave {
      if let Some(leave) = state.helpers.get(place) {
        leave.cancel();
      }
    }
    output
  }

  /// Waits until there is something to do. For one caller.
  pub(super) async fn next(&self) -> Output {
    loop {
      let output = self.tick();
      if !output.start.is_empty() || !output.retry.is_empty() {
        return output;
      }
      let changed = self.changed.notified();
      match output.wake_at {
        Some(time) => {
          let _ = timeout_at(time, changed).await;
        }
        None => changed.await,
      }
    }
  }
}
