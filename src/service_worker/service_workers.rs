//! Everything that changes, behind one lock, and how realms are notified of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Weak;

use parking_lot::Mutex;
use parking_lot::MutexGuard;
use tokio::sync::Notify;
use tokio::sync::oneshot;
use url::Url;

use super::delegate::Delegate;
use super::delegate::SendMessage;
use super::environment::WorkerEnvironment;
use crate::dom_exception::DomException;
use crate::ids::RealmId;
use crate::ids::RegistrationId;
use crate::ids::WorkerId;
use crate::platform::Platform;
use crate::service_worker::model::message::Answer;
use crate::service_worker::model::message::Caller;
use crate::service_worker::model::message::JobCaller;
use crate::service_worker::model::message::ServiceWorkerMessage;
use crate::service_worker::model::snapshot::RegistrationSnapshot;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::state::job_queues::JobQueues;
use crate::service_worker::state::registrations::Notice;
use crate::service_worker::state::registrations::Registrations;
use crate::service_worker::state::running::Running;

/// The service workers of an engine.
pub(crate) struct ServiceWorkers {
  pub(super) delegate: Arc<dyn Delegate>,
  pub(super) platform: Arc<dyn Platform>,
  pub(super) itself: Weak<Self>,
  pub(super) state: Mutex<State>,
  /// Something has changed, or may have.
  pub(super) changed: Notify,
  /// Held while a registration is stored, so that no older state of it
  /// replaces a newer one.
  pub(super) saving: tokio::sync::Mutex<()>,
}

/// What a call comes to.
pub(crate) type CallResult = Result<Answer, DomException>;

#[derive(Default)]
pub(crate) struct State {
  pub(super) map: Registrations,
  pub(super) jobs: JobQueues,
  pub(super) realms: BTreeMap<RealmId, AttachedRealm>,
  pub(super) running: BTreeMap<WorkerId, Running>,
  /// Starts in a row that have failed.
  pub(super) failed_starts: BTreeMap<WorkerId, u32>,
  /// Calls of `ready` that wait for an active worker.
  pub(super) waiting_for_ready: Vec<(Caller, Url)>,
  pub(super) last_run: u64,
  pub(super) last_event: u64,
  pub(super) last_embedder_call: u64,
  pub(super) embedder_calls: BTreeMap<u64, oneshot::Sender<CallResult>>,
  /// The engine ends: no worker is started any more.
  pub(super) stopping: bool,
}

pub(crate) struct AttachedRealm {
  pub(super) send: SendMessage,
  pub(super) url: Url,
  /// The scope that the embedder names.
  pub(super) scope: Url,
  /// The worker that it runs, also for an embedder.
  pub(super) worker: Option<WorkerId>,
  pub(super) environment: WorkerEnvironment,
}

/// The lock. What has changed is reported when it is let go.
pub(crate) struct Locked<'a>(MutexGuard<'a, State>, &'a Notify);

impl std::ops::Deref for Locked<'_> {
  type Target = State;

  fn deref(&self) -> &State {
    &self.0
  }
}

impl std::ops::DerefMut for Locked<'_> {
  fn deref_mut(&mut self) -> &mut State {
    &mut self.0
  }
}

impl Drop for Locked<'_> {
  fn drop(&mut self) {
    self.0.notify();
    self.1.notify_waiters();
  }
}

impl ServiceWorkers {
  pub(crate) fn new(
    delegate: Arc<dyn Delegate>,
    platform: Arc<dyn Platform>,
  ) -> Arc<Self> {
    Arc::new_cyclic(|itself| Self {
      delegate,
      platform,
      itself: itself.clone(),
      state: Mutex::default(),
      changed: Notify::new(),
      saving: tokio::sync::Mutex::default(),
    })
  }

  pub(super) fn lock(&self) -> Locked<'_> {
    Locked(self.state.lock(), &self.changed)
  }

  /// What the embedder asks for: `begin` schedules a job for it. `None` when
  /// the engine ends before.
  pub(crate) async fn embedder_call(
    &self,
    begin: impl FnOnce(&Self, JobCaller) -> Result<(), DomException>,
  ) -> Option<CallResult> {
    let (sender, receiver) = oneshot::channel();
    let number = {
      let mut state = self.lock();
      state.last_embedder_call += 1;
      let number = state.last_embedder_call;
      state.embedder_calls.insert(number, sender);
      number
    };
    let caller = JobCaller::Embedder(number);
    if let Err(refused) = begin(self, caller) {
      self.lock().settle(caller, Err(refused));
    }
    receiver.await.ok()
  }

  /// Those of every origin, oldest first.
  pub(crate) fn registrations(&self) -> Vec<RegistrationSnapshot> {
    let state = self.state.lock();
    let ids = state.map.ids();
    ids.filter_map(|id| state.map.snapshot(id)).collect()
  }

  /// The registration in `scope`.
  pub(crate) fn registration_in(
    &self,
    scope: &Url,
  ) -> Option<RegistrationSnapshot> {
    let state = self.state.lock();
    state.map.snapshot(state.map.get_registration(scope)?)
  }

  /// Runs `task` on the engine's threads.
  pub(super) fn spawn<F>(&self, task: impl FnOnce(Arc<Self>) -> F)
  where
    F: Future<Output = ()> + Send + 'static,
  {
    if let Some(itself) = self.itself.upgrade() {
      self.delegate.spawn(Box::pin(task(itself)));
    }
  }

  /// Reports that a worker has failed.
  pub(super) fn report_failure(&self, worker: WorkerId, message: &str) {
    let url = {
      let state = self.lock();
      state.map.worker(worker).map(|w| w.script_url.clone())
    };
    if let Some(url) = url {
      self.delegate.report(&url, message);
    }
  }

  /// Whether the registration has an active worker, or the embedder says so.
  /// One that is unregistered has none, though it may still be in use: it
  /// starts nothing any more.
  pub(crate) fn has_active_worker(&self, id: RegistrationId) -> bool {
    let state = self.lock();
    let registration = state.map.registration(id);
    state.map.is_registered(id)
      && registration.is_some_and(|r| r.assumed_active || r.active.is_some())
  }

  /// The same of the registration in `scope`.
  pub(crate) fn has_active_worker_in(&self, scope: &Url) -> bool {
    let id = self.lock().map.get_registration(scope);
    id.is_some_and(|id| self.has_active_worker(id))
  }

  /// The scope of a registration that the realm's scripts may have.
  pub(crate) fn scope(
    &self,
    realm: RealmId,
    id: RegistrationId,
  ) -> Option<Url> {
    let state = self.lock();
    let registration = state.map.registration(id)?;
    state
      .may_have(realm, id)
      .then(|| registration.scope.clone())
  }
}

impl State {
  /// Whether the scripts of a realm may have the registration: it is one of
  /// their origin, or the one that the embedder names. The ids come from
  /// scripts.
  pub(super) fn may_have(&self, realm: RealmId, id: RegistrationId) -> bool {
    let Some(realm) = self.realms.get(&realm) else {
      return false;
    };
    // There is nothing to keep from them of one that is gone.
    self.map.registration(id).is_none_or(|registration| {
      let scope = &registration.scope;
      *scope == realm.scope || scope.origin() == realm.url.origin()
    })
  }

  pub(super) fn push(&self, realm: RealmId, message: ServiceWorkerMessage) {
    if let Some(realm) = self.realms.get(&realm) {
      (realm.send)(message);
    }
  }

  pub(super) fn reply(&self, caller: Caller, result: CallResult) {
    let call = caller.call;
    self.push(caller.realm, ServiceWorkerMessage::Reply { call, result });
  }

  /// The same for a caller of a job.
  pub(super) fn settle(&mut self, caller: JobCaller, result: CallResult) {
    match caller {
      JobCaller::Script(caller) => self.reply(caller, result),
      JobCaller::Embedder(number) => {
        if let Some(waiting) = self.embedder_calls.remove(&number) {
          let _ = waiting.send(result);
        }
      }
    }
  }

  /// Notifies every realm of the registration's origin.
  fn broadcast(
    &self,
    registration: RegistrationId,
    message: impl Fn() -> Option<ServiceWorkerMessage>,
  ) {
    let Some(registration) = self.map.registration(registration) else {
      return;
    };
    let scope = &registration.scope;
    for realm in self.realms.values() {
      // There may be thousands, and an origin takes long to make.
      if realm.url.host_str() == scope.host_str()
        && realm.url.origin() == scope.origin()
        && let Some(message) = message()
      {
        (realm.send)(message);
      }
    }
  }

  fn notify(&mut self) {
    for notice in std::mem::take(&mut self.map.notices) {
      match notice {
        Notice::Registration(id) => self.broadcast(id, || {
          self
            .map
            .snapshot(id)
            .map(Box::new)
            .map(ServiceWorkerMessage::Registration)
        }),
        Notice::UpdateFound(id) => {
          self.broadcast(id, || Some(ServiceWorkerMessage::UpdateFound(id)));
        }
        Notice::WorkerState(worker, state) => {
          self.notify_worker_state(worker, state);
        }
        Notice::ControllerChange(realm) => {
          let controller = self.map.client(realm).and_then(|c| c.controller);
          let controller = controller.and_then(|c| self.map.worker_snapshot(c));
          let message = ServiceWorkerMessage::ControllerChange(controller);
          self.push(realm, message);
        }
      }
    }
  }

  fn notify_worker_state(
    &mut self,
    worker: WorkerId,
    state: ServiceWorkerState,
  ) {
    let Some(registration) = self.map.worker(worker).map(|w| w.registration)
    else {
      return;
    };
    self.broadcast(registration, || {
      Some(ServiceWorkerMessage::WorkerState { worker, state })
    });
    match state {
      ServiceWorkerState::Activating => self.resolve_ready(),
      ServiceWorkerState::Activated => {
        // From now on it may take functional events.
        if let Some(running) = self.running.get(&worker) {
          running.take_functional_events();
        }
      }
      _ => {}
    }
  }

  /// Answers those calls of `ready` whose registration has an active worker.
  pub(super) fn resolve_ready(&mut self) {
    let waiting = std::mem::take(&mut self.waiting_for_ready);
    for (caller, url) in waiting {
      match self.ready_registration(&url) {
        Some(answer) => self.reply(caller, Ok(answer)),
        None => self.waiting_for_ready.push((caller, url)),
      }
    }
  }

  /// What `ready` of a client at `url` resolves with, if it can.
  pub(super) fn ready_registration(&self, url: &Url) -> Option<Answer> {
    let id = self.map.match_registration(url)?;
    let registration = self.map.registration(id)?;
    (registration.assumed_active || registration.active.is_some())
      .then(|| Answer::Registration(self.map.snapshot(id).map(Box::new)))
  }
}
