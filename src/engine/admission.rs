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
  scheduler: Mutex<Scheduler>,
  /// What makes a helper leave its place.
  helpers: Mutex<HashMap<PlaceId, CancellationToken>>,
  /// It has been told something.
  changed: Notify,
}

impl Admission {
  pub(super) fn new(limits: Concurrency) -> Self {
    Self {
      scheduler: Mutex::new(Scheduler::new(limits)),
      helpers: Mutex::default(),
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
    self.scheduler.lock().enqueue(attempt, origin, host);
    self.changed.notify_one();
  }

  /// See [`Scheduler::retry_at`].
  pub(super) fn retry_at(&self, attempt: AttemptId, time: Instant) {
    self.scheduler.lock().retry_at(attempt, time);
    self.changed.notify_one();
  }

  /// See [`Scheduler::remove`]. It makes nothing else possible, so no task is
  /// woken.
  pub(super) fn remove(&self, key: BackgroundFetchKey, record: usize) {
    self.scheduler.lock().remove(key, record);
  }

  /// See [`Scheduler::start_helper`]; `leave` is cancelled when the place is
  /// needed.
  pub(super) fn start_helper(
    &self,
    host: &str,
    leave: &CancellationToken,
  ) -> Option<PlaceId> {
    let mut scheduler = self.scheduler.lock();
    let place = scheduler.start_helper(host)?;
    self.helpers.lock().insert(place, leave.clone());
    Some(place)
  }

  /// See [`Scheduler::finished`].
  pub(super) fn finished(&self, place: PlaceId) {
    self.helpers.lock().remove(&place);
    self.scheduler.lock().finished(place);
    self.changed.notify_one();
  }

  /// Waits until there is something to do. For one caller.
  pub(super) async fn next(&self) -> Output {
    loop {
      let output = self.scheduler.lock().tick(Instant::now());
      for place in &output.leave {
        if let Some(leave) = self.helpers.lock().get(place) {
          leave.cancel();
        }
      }
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
