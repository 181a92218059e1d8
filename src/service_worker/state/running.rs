//! A worker's thread, as this module knows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::ids::RealmId;
use crate::ids::WorkerId;
use crate::service_worker::delegate::FunctionalEvents;
use crate::service_worker::delegate::StartWorker;
use crate::service_worker::lifetime::handle::InternalWorkerHandle;
use crate::service_worker::lifetime::handle::WorkerHandle;
use crate::service_worker::model::message::Event;
use crate::service_worker::model::message::ServiceWorkerMessage;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::service_workers::State;
use crate::telemetry::WorkerEvent;

/// A worker's thread, from its start to its end.
pub(crate) struct Running {
  /// Tells this run of the worker from all others.
  pub(crate) run: u64,
  pub(crate) phase: Phase,
  pub(crate) handle: Arc<WorkerHandle>,
  pub(crate) started: watch::Sender<Option<Result<(), String>>>,
  pub(crate) realm: Option<RealmId>,
  pub(crate) functional: Option<Arc<dyn FunctionalEvents>>,
  /// Events that wait until the script is evaluated; when it is stopping, for
  /// the next run.
  pub(crate) waiting: Vec<Waiting>,
  /// Events that the script is running on, and since when.
  pub(crate) active: BTreeMap<u64, Active>,
  /// When it was started, or last given something to do, or last had it done.
  pub(crate) last_activity: Instant,
  /// It has to be started again when it has ended.
  pub(crate) restart: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
  Starting,
  Started,
  Stopping,
}

/// Whether a promise that extends the event was rejected.
type Done = oneshot::Sender<bool>;

pub(crate) struct Waiting {
  pub(crate) id: u64,
  pub(crate) event: Event,
  pub(crate) done: Done,
  pub(crate) observed: WorkerEvent,
}

pub(crate) struct Active {
  pub(crate) since: Instant,
  done: Done,
  observed: WorkerEvent,
}

impl Active {
  /// Its handlers have ended, and what extends it.
  pub(crate) fn end(self, rejected: bool) {
    match rejected {
      true => self.observed.rejected(),
      false => self.observed.handled(),
    }
    let _ = self.done.send(rejected);
  }
}

impl Running {
  pub(crate) fn attach(
    &mut self,
    realm: RealmId,
    functional: Arc<dyn FunctionalEvents>,
  ) {
    self.realm = Some(realm);
    self.functional = Some(functional);
  }

  pub(crate) fn take_functional_events(&self) {
    if let (Phase::Started, Some(functional)) = (self.phase, &self.functional) {
      functional.take();
    }
  }

  pub(crate) fn oldest_functional_event(&self) -> Option<Instant> {
    self.functional.as_ref().and_then(|f| f.oldest())
  }
}

impl State {
  /// Takes down that the worker runs; `None` when it runs already or must not.
  pub(crate) fn prepare_start(
    &mut self,
    service_workers: &ServiceWorkers,
    id: WorkerId,
    waiting: Vec<Waiting>,
  ) -> Option<StartWorker> {
    let worker = self.map.worker(id)?;
    let unusable = worker.embedder_owned
      || worker.state == ServiceWorkerState::Redundant
      || self.stopping
      || self.running.contains_key(&id);
    if unusable {
      return None;
    }
    self.last_run += 1;
    let run = self.last_run;
    let handle = Arc::new(WorkerHandle::default());
    let start = StartWorker {
      worker: id,
      scope: self.map.registration(worker.registration)?.scope.clone(),
      script_url: worker.script_url.clone(),
      worker_type: worker.worker_type,
      environment: worker.environment.clone(),
      scripts: worker.scripts.clone(),
      handle: InternalWorkerHandle {
        owner: service_workers.itself.clone(),
        worker: id,
        run,
        handle: handle.clone(),
      },
    };
    let running = Running {
      run,
      phase: Phase::Starting,
      handle,
      started: watch::Sender::new(None),
      realm: None,
      functional: None,
      waiting,
      active: BTreeMap::new(),
      last_activity: Instant::now(),
      restart: false,
    };
    self.running.insert(id, running);
    Some(start)
  }

  /// Hands what waits to the worker's realm, if that can take it.
  pub(crate) fn flush_queue(&mut self, worker: WorkerId) {
    let Some(running) = self.running.get_mut(&worker) else {
      return;
    };
    if running.phase != Phase::Started {
      return;
    }
    let realm = running.realm.and_then(|realm| self.realms.get(&realm));
    let Some(realm) = realm else { return };
    let now = Instant::now();
    for waiting in running.waiting.drain(..) {
      let Waiting {
        id,
        event,
        done,
        observed,
      } = waiting;
      running.last_activity = now;
      let active = Active {
        since: now,
        done,
        observed,
      };
      running.active.insert(id, active);
      (realm.send)(ServiceWorkerMessage::Event { id, event });
    }
  }

  pub(crate) fn has_no_pending_events(&self, worker: WorkerId) -> bool {
    self.running.get(&worker).is_none_or(|running| {
      running.waiting.is_empty()
        && running.active.is_empty()
        && running.oldest_functional_event().is_none()
    })
  }
}
