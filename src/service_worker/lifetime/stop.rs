//! [Terminate Service Worker](https://w3c.github.io/ServiceWorker/#terminate-service-worker-algorithm):
//! a worker is stopped when it has had nothing to do for a while, or has taken
//! too long.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use super::handle::WorkerHandle;
use crate::ids::WorkerId;
use crate::service_worker::delegate::ServiceWorkerLimits;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::state::running::Phase;
use crate::service_worker::state::running::Running;

/// What has to happen with a worker.
enum Decision {
  WaitUntil(Instant),
  Stop,
  TooLate(&'static str),
}

impl Running {
  fn next_deadline(
    &self,
    limits: &ServiceWorkerLimits,
    now: Instant,
  ) -> Decision {
    // Whatever happens meanwhile has no deadline before this.
    let soon = now + limits.idle.min(limits.event);
    if self.phase == Phase::Starting {
      let deadline = self.last_activity + limits.start;
      return if deadline <= now {
        Decision::TooLate("its script was not evaluated in time")
      } else {
        Decision::WaitUntil(deadline.min(soon))
      };
    }
    let own = self.active.values().map(|active| active.since);
    let oldest = own.chain(self.oldest_functional_event()).min();
    let Some(oldest) = oldest else {
      let deadline = self.last_activity + limits.idle;
      return if deadline <= now {
        Decision::Stop
      } else {
        Decision::WaitUntil(deadline.min(soon))
      };
    };
    let deadline = oldest + limits.event;
    if deadline <= now {
      Decision::TooLate("an event was not handled in time")
    } else {
      Decision::WaitUntil(deadline.min(soon))
    }
  }
}

impl ServiceWorkers {
  /// Keeps an eye on a running worker.
  pub(crate) async fn watch(
    self: std::sync::Arc<Self>,
    worker: WorkerId,
    run: u64,
  ) {
    let limits = self.delegate.limits();
    loop {
      let verdict = {
        let state = self.lock();
        let running = state.running.get(&worker);
        match running.filter(|r| r.run == run && r.phase != Phase::Stopping) {
          Some(running) => running.next_deadline(&limits, Instant::now()),
          None => return,
        }
      };
      match verdict {
        Decision::WaitUntil(deadline) => {
          tokio::time::sleep_until(deadline).await;
        }
        Decision::Stop => return self.stop(worker, run, false),
        Decision::TooLate(message) => {
          self.report_failure(worker, message);
          self.end_start(worker, run, Err(message.to_string()), false);
          return self.stop(worker, run, true);
        }
      }
    }
  }

  /// Stops a worker that has become redundant.
  pub(crate) fn terminate(&self, worker: WorkerId) {
    let run = {
      let mut state = self.lock();
      let run = state.running.get(&worker).map(|r| r.run);
      if run.is_none() {
        state.map.forget_worker(worker);
      }
      run
    };
    if let Some(run) = run {
      self.stop(worker, run, false);
    }
  }

  /// Stops a worker. One that has taken too long is interrupted at once, and
  /// what it was working on is for the next one.
  pub(crate) fn stop(&self, worker: WorkerId, run: u64, too_late: bool) {
    let (handle, functional) = {
      let mut state = self.lock();
      let Some(running) = state.running.get_mut(&worker) else {
        return;
      };
      if running.run != run {
        return;
      }
      let first = running.phase != Phase::Stopping;
      running.phase = Phase::Stopping;
      running.active.clear();
      if !first && !too_late {
        return;
      }
      (running.handle.clone(), running.functional.clone())
    };
    if let Some(functional) = functional {
      match too_late {
        true => functional.abandon(),
        false => functional.leave(),
      }
    }
    handle.stop.cancel();
    if too_late {
      handle.interrupt();
    }
    let limit = self.delegate.limits().stop;
    self.spawn(|itself| async move {
      let ended = |wait: Duration| {
        let ended = handle.ended.clone();
        async move { tokio::time::timeout(wait, ended.cancelled()).await.is_ok() }
      };
      if ended(limit / 5).await {
        return;
      }
      handle.interrupt();
      if ended(limit).await {
        return;
      }
      itself.report_failure(
        worker,
        "its thread does not stop, and is left to itself",
      );
      itself.abandon(worker, run);
    });
  }

  /// The thread will never say that it has ended.
  fn abandon(&self, worker: WorkerId, run: u64) {
    let functional = {
      let state = self.lock();
      let running = state.running.get(&worker).filter(|r| r.run == run);
      running.and_then(|running| running.functional.clone())
    };
    if let Some(functional) = functional {
      functional.abandon();
    }
    self.end_run(worker, run);
  }

  /// The thread of a worker has ended.
  pub(crate) fn end_run(&self, worker: WorkerId, run: u64) {
    let mut state = self.lock();
    let is_this = state.running.get(&worker).is_some_and(|r| r.run == run);
    if !is_this {
      return;
    }
    let Some(ended) = state.running.remove(&worker) else {
      return;
    };
    let crashed = ended.phase != Phase::Stopping;
    if crashed {
      *state.failed_starts.entry(worker).or_default() += 1;
    }
    let mut waiting = ended.waiting;
    if crashed {
      waiting.clear();
    }
    let start = if ended.restart || !waiting.is_empty() {
      state.prepare_start(self, worker, waiting)
    } else {
      None
    };
    let record = state.map.worker(worker);
    let registration = record.map(|w| w.registration);
    let redundant =
      record.is_none_or(|w| w.state == ServiceWorkerState::Redundant);
    if redundant {
      state.map.forget_worker(worker);
    }
    let scope = registration.and_then(|id| state.map.registration(id));
    let was_active = scope.is_some_and(|r| r.active == Some(worker));
    let scope = scope.map(|registration| registration.scope.clone());
    let stopping = state.stopping;
    drop(state);
    if crashed {
      if !stopping {
        self.report_failure(worker, "its thread has ended unexpectedly");
      }
      let message = "its thread has ended".to_string();
      ended.started.send_replace(Some(Err(message)));
    }
    if stopping {
      return;
    }
    if let Some(scope) = scope.as_ref().filter(|_| was_active)
      && self.delegate.has_pending_events(scope)
      && self.state.lock().cannot_start(scope)
    {
      self.report_failure(
        worker,
        "it cannot be started; its events wait for a new one, or for the next \
         start of the engine",
      );
    }
    match (start, scope) {
      (Some(start), _) => self.launch(start),
      (None, Some(scope)) if self.delegate.has_pending_events(&scope) => {
        self.wake(&scope, false);
      }
      _ => {}
    }
    if let Some(registration) = registration {
      self.events_over(registration);
      // https://w3c.github.io/ServiceWorker/#fire-functional-event-algorithm,
      // steps 5.1 and 8: its events have had their chance, or it cannot run.
      if was_active {
        self.soft_update_if_stale(registration);
      }
    }
  }

  /// Stops every worker, for the end of the engine; what they were working on
  /// is owed to the next one.
  pub(crate) async fn stop_all(&self) {
    let running: Vec<_> = {
      let mut state = self.lock();
      state.stopping = true;
      let running = state.running.values();
      running
        .map(|r| (r.handle.clone(), r.functional.clone()))
        .collect()
    };
    for (handle, functional) in &running {
      if let Some(functional) = functional {
        functional.leave();
      }
      handle.stop.cancel();
    }
    let limit = self.delegate.limits().stop;
    join_all(running.iter().map(|(handle, _)| stop(handle, limit))).await;
  }
}

/// Waits until a thread that was asked to has stopped, or does not.
async fn stop(handle: &WorkerHandle, limit: Duration) {
  let ended = |wait| tokio::time::timeout(wait, handle.ended.cancelled());
  if ended(limit / 5).await.is_err() {
    handle.interrupt();
    if ended(limit).await.is_err() {
      tracing::error!("a service worker's thread does not stop");
    }
  }
}
