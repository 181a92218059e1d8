//! [Run Service Worker](https://w3c.github.io/ServiceWorker/#run-service-worker-algorithm):
//! a worker is started when an event needs it.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::Instant;
use url::Url;

use super::RealmId;
use super::WorkerId;
use super::control::Leash;
use super::control::WorkerControl;
use super::inbox::Event;
use super::inbox::ServiceWorkerMessage;
use super::registrations::Slot;
use super::service_workers::ServiceWorkers;
use super::service_workers::State;
use super::snapshot::ServiceWorkerState;
use super::surroundings::FunctionalEvents;
use super::surroundings::StartWorker;

/// A worker's thread, from its start to its end.
pub(super) struct Running {
  /// Tells this run of the worker from all others.
  pub(super) run: u64,
  pub(super) phase: Phase,
  pub(super) leash: Arc<Leash>,
  pub(super) started: watch::Sender<Option<Result<(), String>>>,
  pub(super) realm: Option<RealmId>,
  pub(super) functional: Option<Arc<dyn FunctionalEvents>>,
  /// Events that wait until the script is evaluated; when it is stopping, for
  /// the next run.
  pub(super) waiting: Vec<Waiting>,
  /// Events that the script is at work on, and since when.
  pub(super) active: HashMap<u64, (Done, Instant)>,
  /// When it was started, or last given something to do, or last had it done.
  pub(super) last_activity: Instant,
  /// It has to be started again when it has ended.
  pub(super) restart: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
  Starting,
  Started,
  Stopping,
}

/// Whether a promise that extends the event was rejected.
type Done = oneshot::Sender<bool>;

pub(super) struct Waiting {
  id: u64,
  event: Event,
  done: Done,
}

/// A worker that cannot be run, or that has ended before it was done.
#[derive(Debug)]
pub(super) struct Terminated;

impl Running {
  pub(super) fn attach(
    &mut self,
    realm: RealmId,
    functional: Arc<dyn FunctionalEvents>,
  ) {
    self.realm = Some(realm);
    self.functional = Some(functional);
  }

  pub(super) fn take_functional_events(&self) {
    if let (Phase::Started, Some(functional)) = (self.phase, &self.functional) {
      functional.take();
    }
  }
}

impl ServiceWorkers {
  /// Starts the worker unless it is running, and waits until its script is
  /// evaluated.
  pub(super) async fn run_service_worker(
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

  pub(super) fn launch(&self, start: StartWorker) {
    let (worker, run) = (start.worker, start.control.run);
    self.surroundings.start(start);
    self.spawn(|itself| itself.watch(worker, run));
  }

  /// Gives the worker an event, and waits until it is no longer active.
  /// Whether a promise that extends it was rejected.
  pub(super) async fn fire(
    &self,
    worker: WorkerId,
    event: Event,
  ) -> Result<bool, Terminated> {
    let done = self.enqueue(worker, event).ok_or(Terminated)?;
    done.await.map_err(|_| Terminated)
  }

  /// Gives the worker an event; it is started if it is not running.
  pub(super) fn enqueue(
    &self,
    worker: WorkerId,
    event: Event,
  ) -> Option<oneshot::Receiver<bool>> {
    let (done, receiver) = oneshot::channel();
    let mut state = self.lock();
    state.last_event += 1;
    let id = state.last_event;
    if state.map.worker(worker)?.embedded {
      // It is in no hand but the embedder's.
      let mut realms = state.realms.values();
      let own = realms.find(|realm| realm.worker == Some(worker))?;
      own.inbox.push(ServiceWorkerMessage::Event { id, event });
      return Some(receiver);
    }
    let waiting = Waiting { id, event, done };
    if let Some(running) = state.running.get_mut(&worker) {
      running.restart |= running.phase == Phase::Stopping;
      running.waiting.push(waiting);
      state.hand_over(worker);
      return Some(receiver);
    }
    let start = state.prepare_start(self, worker, vec![waiting]);
    drop(state);
    self.launch(start?);
    Some(receiver)
  }

  /// The worker's script is evaluated, or cannot be.
  pub(super) fn evaluated(
    &self,
    worker: WorkerId,
    run: u64,
    result: Result<(), String>,
  ) {
    let mut state = self.lock();
    let active = state.map.worker(worker).map(|w| w.state);
    let Some(running) = state.running.get_mut(&worker) else {
      return;
    };
    if running.run != run || running.phase != Phase::Starting {
      return;
    }
    running.started.send_replace(Some(result.clone()));
    running.last_activity = Instant::now();
    match result {
      Ok(()) => {
        running.phase = Phase::Started;
        if active == Some(ServiceWorkerState::Activated) {
          running.take_functional_events();
        }
        state.failed_starts.remove(&worker);
        state.hand_over(worker);
      }
      Err(message) => {
        running.waiting.clear();
        *state.failed_starts.entry(worker).or_default() += 1;
        drop(state);
        self.report(worker, &message);
        self.stop(worker, run, false);
      }
    }
  }

  /// The script is finished with an event, and with all that extends it.
  pub(crate) fn event_handled(&self, realm: RealmId, id: u64, rejected: bool) {
    let mut state = self.lock();
    let Some(worker) = state.realms.get(&realm).and_then(|r| r.worker) else {
      return;
    };
    let Some(running) = state.running.get_mut(&worker) else {
      return;
    };
    running.last_activity = Instant::now();
    if let Some((done, _)) = running.active.remove(&id) {
      let _ = done.send(rejected);
    }
    let registration = state.map.worker(worker).map(|w| w.registration);
    drop(state);
    if let Some(registration) = registration {
      self.events_over(registration);
    }
  }

  /// A functional event of the worker's is over.
  pub(crate) fn functional_event_handled(&self, worker: WorkerId) {
    let mut state = self.lock();
    if let Some(running) = state.running.get_mut(&worker) {
      running.last_activity = Instant::now();
    }
    let registration = state.map.worker(worker).map(|w| w.registration);
    drop(state);
    if let Some(registration) = registration {
      self.events_over(registration);
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
        !w.embedded && w.state == ServiceWorkerState::Activated
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

impl State {
  /// Takes down that the worker runs; `None` when it runs already or must not.
  pub(super) fn prepare_start(
    &mut self,
    service_workers: &ServiceWorkers,
    id: WorkerId,
    waiting: Vec<Waiting>,
  ) -> Option<StartWorker> {
    let worker = self.map.worker(id)?;
    let unusable = worker.embedded
      || worker.state == ServiceWorkerState::Redundant
      || self.stopping
      || self.running.contains_key(&id);
    if unusable {
      return None;
    }
    self.last_run += 1;
    let run = self.last_run;
    let leash = Arc::new(Leash::default());
    let start = StartWorker {
      worker: id,
      scope: self.map.registration(worker.registration)?.scope.clone(),
      script_url: worker.script_url.clone(),
      worker_type: worker.worker_type,
      environment: worker.environment.clone(),
      scripts: worker.scripts.clone(),
      control: WorkerControl {
        service_workers: service_workers.itself.clone(),
        worker: id,
        run,
        leash: leash.clone(),
      },
    };
    let running = Running {
      run,
      phase: Phase::Starting,
      leash,
      started: watch::Sender::new(None),
      realm: None,
      functional: None,
      waiting,
      active: HashMap::new(),
      last_activity: Instant::now(),
      restart: false,
    };
    self.running.insert(id, running);
    Some(start)
  }

  /// Hands what waits to the worker's realm, if that can take it.
  fn hand_over(&mut self, worker: WorkerId) {
    let Some(running) = self.running.get_mut(&worker) else {
      return;
    };
    if running.phase != Phase::Started {
      return;
    }
    let realm = running.realm.and_then(|realm| self.realms.get(&realm));
    let Some(realm) = realm else { return };
    let now = Instant::now();
    for Waiting { id, event, done } in running.waiting.drain(..) {
      running.last_activity = now;
      running.active.insert(id, (done, now));
      realm.inbox.push(ServiceWorkerMessage::Event { id, event });
    }
  }

  pub(super) fn has_no_pending_events(&self, worker: WorkerId) -> bool {
    self.running.get(&worker).is_none_or(|running| {
      running.waiting.is_empty()
        && running.active.is_empty()
        && running.oldest_functional_event().is_none()
    })
  }
}

impl Running {
  pub(super) fn oldest_functional_event(&self) -> Option<Instant> {
    self.functional.as_ref().and_then(|f| f.oldest())
  }
}

/// A worker whose script fails this many times in a row waits for a new event,
/// or for the next start of the engine.
const MAX_FAILED_STARTS: u32 = 3;
