//! The engine's [`Scheduler`], with the clock and the wake-ups that it has not.

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio::time::timeout_at;
use url::Origin;

use super::policy::Concurrency;
use super::schedule::scheduler::AttemptId;
use super::schedule::scheduler::Output;
use super::schedule::scheduler::PlaceId;
use super::schedule::scheduler::Scheduler;
use crate::ids::BackgroundFetchKey;

pub(crate) struct Admission {
  scheduler: Mutex<Scheduler>,
  /// It has been told something.
  changed: Notify,
}

impl Admission {
  pub(super) fn new(limits: Concurrency) -> Self {
    Self {
      scheduler: Mutex::new(Scheduler::new(limits)),
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

  /// See [`Scheduler::remove`]. It makes nothing else possible, so nobody is
  /// woken.
  pub(super) fn remove(&self, key: BackgroundFetchKey, record: usize) {
    self.scheduler.lock().remove(key, record);
  }

  /// See [`Scheduler::finished`].
  pub(super) fn finished(&self, place: PlaceId) {
    self.scheduler.lock().finished(place);
    self.changed.notify_one();
  }

  /// Waits until there is something to do. For one caller.
  pub(super) async fn next(&self) -> Output {
    loop {
      let output = self.scheduler.lock().tick(Instant::now());
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
