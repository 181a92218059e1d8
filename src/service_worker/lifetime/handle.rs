//! The two ends of a running worker: here the thread that runs it, there the
//! one who wants it to stop.

use std::sync::Arc;
use std::sync::Weak;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::ids::WorkerId;

/// Interrupts whatever script the worker is running, from any thread.
type Interrupt = Box<dyn Fn() + Send + Sync>;

/// Who started a worker, and hears of it as it runs. Each run of a worker has a
/// number of its own.
pub(crate) trait WorkerOwner: Send + Sync {
  /// The script is evaluated, or cannot be.
  fn evaluated(&self, worker: WorkerId, run: u64, result: Result<(), String>);
  /// The script may not be evaluated, which is not a failure of the worker.
  fn refused(&self, worker: WorkerId, run: u64, message: String);
  /// The worker has failed, and no script was notified.
  fn report(&self, worker: WorkerId, message: &str);
  /// The thread has let go of the worker.
  fn ended(&self, worker: WorkerId, run: u64);
}

/// What the thread of a worker holds. When it is dropped, the worker has ended.
pub struct InternalWorkerHandle {
  pub(crate) owner: Weak<dyn WorkerOwner>,
  pub(crate) worker: WorkerId,
  pub(crate) run: u64,
  pub(crate) handle: Arc<WorkerHandle>,
}

opaque_debug!(InternalWorkerHandle);

impl InternalWorkerHandle {
  /// Says how the worker can be interrupted. What it is given lives no longer
  /// than this object.
  pub fn interrupt_with(&self, interrupt: impl Fn() + Send + Sync + 'static) {
    *self.handle.interrupt.lock() = Some(Box::new(interrupt));
  }

  /// The script was evaluated, and the worker takes events from now on; or why
  /// it could not be.
  pub fn evaluated(&self, result: Result<(), String>) {
    if let Some(owner) = self.owner.upgrade() {
      owner.evaluated(self.worker, self.run, result);
    }
  }

  /// The script may not be a service worker's, and was not evaluated. Who has
  /// asked for it hears why, and it is not a failure of a worker.
  pub fn refused(&self, message: String) {
    if let Some(owner) = self.owner.upgrade() {
      owner.refused(self.worker, self.run, message);
    }
  }

  /// Something went wrong, and no script has heard of it.
  pub fn report(&self, message: &str) {
    if let Some(owner) = self.owner.upgrade() {
      owner.report(self.worker, message);
    }
  }

  /// Waits until the worker has to stop.
  pub async fn stopping(&self) {
    self.handle.stop.cancelled().await;
  }

  /// Whether the worker has to stop.
  pub fn is_stopping(&self) -> bool {
    self.handle.stop.is_cancelled()
  }
}

impl Drop for InternalWorkerHandle {
  fn drop(&mut self) {
    *self.handle.interrupt.lock() = None;
    self.handle.ended.cancel();
    if let Some(owner) = self.owner.upgrade() {
      owner.ended(self.worker, self.run);
    }
  }
}

/// What holds a running worker.
#[derive(Default)]
pub(crate) struct WorkerHandle {
  pub(crate) stop: CancellationToken,
  pub(crate) ended: CancellationToken,
  interrupt: Mutex<Option<Interrupt>>,
}

impl WorkerHandle {
  /// Interrupts the script that is running, if any.
  pub(crate) fn interrupt(&self) {
    if let Some(interrupt) = &*self.interrupt.lock() {
      interrupt();
    }
  }
}
