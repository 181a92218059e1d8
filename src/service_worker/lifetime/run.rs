//! [Run Service Worker](https://w3c.github.io/ServiceWorker/#run-service-worker-algorithm):
//! a worker is started when an event needs it.

use tokio::time::Instant;
use url::Url;

use crate::ids::WorkerId;
use crate::service_worker::delegate::StartWorker;
use crate::service_worker::lifetime::handle::WorkerOwner;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::state::registrations::Slot;
use crate::service_worker::state::running::Phase;
use crate::telemetry;

impl ServiceWorkers {
  /// Starts the worker unless it is running, and waits until its script is
  /// evaluated.
  pub(crate) async fn run_service_worker(
    &self,
    worker: WorkerId,
  ) -> Result<(), String> {
    self.start(worker);
    let started = {
      let state = self.lock();
      state.running.get(&worker).map(|r| r.started.subscribe())
    };
    let gone = || "the worker has ended".to_string();
    let mut started = started.ok_or_else(gone)?;
    let result = started.wait_for(Option::is_some).await;
    match result.as_deref() {
      Ok(Some(result)) => result.clone(),
      _ => Err(gone()),
    }
  }

  fn start(&self, worker: WorkerId) {
    let start = self.lock().prepare_start(self, worker, Vec::new());
    if let Some(start) = start {
      self.launch(start);
    }
  }

  pub(crate) fn launch(&self, start: StartWorker) {
    let (worker, run) = (start.worker, start.handle.run);
    telemetry::service_worker_started();
    self.delegate.start(start);
    self.spawn(|itself| itself.watch(worker, run));
  }

  pub(super) fn end_start(
    &self,
    worker: WorkerId,
    run: u64,
    result: Result<(), String>,
    is_reported: bool,
  ) {
    let mut state = self.lock();
    let active = state.map.worker(worker).map(|w| w.state);
    let Some(running) = state.running.get_mut(&worker) else {
      return;
    };
    if running.run != run || running.phase != Phase::Starting {
      return;
    }
    running.last_activity = Instant::now();
    match result {
      Ok(()) => {
        running.started.send_replace(Some(Ok(())));
        running.phase = Phase::Started;
        if active == Some(ServiceWorkerState::Activated) {
          running.take_functional_events();
        }
        state.failed_starts.remove(&worker);
        state.flush_queue(worker);
      }
      Err(message) => {
        running.waiting.clear();
        let started = running.started.clone();
        *state.failed_starts.entry(worker).or_default() += 1;
        drop(state);
        // Before who waits for it forgets the worker, and what it is called.
        if is_reported {
          self.report_failure(worker, &message);
        }
        started.send_replace(Some(Err(message)));
        self.stop(worker, run, false);
      }
    }
  }

  /// An event waits for a worker of the registration in `scope`: the active one
  /// is started, if it is not running.
  pub(crate) fn wake(&self, scope: &Url, new_event: bool) {
    let worker = {
      let mut state = self.lock();
      let id = state.map.get_registration(scope);
      let worker = id.and_then(|id| state.map.slot(id, Slot::Active));
      let Some(worker) = worker else { return };
      if new_event {
        state.failed_starts.remove(&worker);
      }
      let failed = state.failed_starts.get(&worker).copied().unwrap_or(0);
      let activated = state.map.worker(worker).is_some_and(|w| {
        !w.embedder_owned && w.state == ServiceWorkerState::Activated
      });
      // Until it is activated, events wait.
      if !activated || failed >= MAX_FAILED_STARTS {
        return;
      }
      if let Some(running) = state.running.get_mut(&worker) {
        running.restart |= running.phase == Phase::Stopping;
        return;
      }
      worker
    };
    self.start(worker);
  }
}

impl WorkerOwner for ServiceWorkers {
  fn evaluated(&self, worker: WorkerId, run: u64, result: Result<(), String>) {
    self.end_start(worker, run, result, true);
  }

  fn refused(&self, worker: WorkerId, run: u64, message: String) {
    self.end_start(worker, run, Err(message), false);
  }

  fn report(&self, worker: WorkerId, message: &str) {
    self.report_failure(worker, message);
  }

  fn ended(&self, worker: WorkerId, run: u64) {
    self.end_run(worker, run);
  }
}

/// A worker whose script fails this many times in a row waits for a new event,
/// or for the next start of the engine.
pub(crate) const MAX_FAILED_STARTS: u32 = 3;
