//! The registration map with its workers and clients, as a value: what the
//! algorithms of [Service Workers](https://w3c.github.io/ServiceWorker/)
//! change, and whom they tell.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use url::Url;

use super::RealmId;
use super::RegistrationId;
use super::WorkerId;
use super::script::ScriptMap;
use super::script::UpdateViaCache;
use super::script::WorkerType;
use super::snapshot::ClientSnapshot;
use super::snapshot::RegistrationSnapshot;
use super::snapshot::ServiceWorkerState;
use super::snapshot::WorkerSnapshot;
use super::surroundings::WorkerEnvironment;
use crate::engine::RealmKind;

/// [A service worker registration](https://w3c.github.io/ServiceWorker/#dfn-service-worker-registration)
pub(super) struct Registration {
  pub(super) scope: Url,
  pub(super) update_via_cache: UpdateViaCache,
  pub(super) installing: Option<WorkerId>,
  pub(super) waiting: Option<WorkerId>,
  pub(super) active: Option<WorkerId>,
  /// The embedder says that it has an active worker, which is not known here.
  pub(super) vouched: bool,
}

/// [A service worker](https://w3c.github.io/ServiceWorker/#dfn-service-worker)
pub(super) struct Worker {
  pub(super) registration: RegistrationId,
  pub(super) script_url: Url,
  pub(super) worker_type: WorkerType,
  pub(super) state: ServiceWorkerState,
  /// The [skip waiting flag](https://w3c.github.io/ServiceWorker/#dfn-skip-waiting-flag).
  pub(super) skip_waiting: bool,
  pub(super) scripts: Arc<ScriptMap>,
  pub(super) environment: WorkerEnvironment,
  /// The embedder runs it in a realm of its own.
  pub(super) embedded: bool,
}

/// [A service worker client](https://w3c.github.io/ServiceWorker/#dfn-service-worker-client)
pub(super) struct Client {
  pub(super) id: String,
  pub(super) url: Url,
  pub(super) kind: RealmKind,
  /// Its [active service worker](https://w3c.github.io/ServiceWorker/#dfn-active-service-worker).
  pub(super) controller: Option<WorkerId>,
}

/// Which of a registration's three workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
  Installing,
  Waiting,
  Active,
}

/// Whom to tell what, in this order.
#[derive(Debug)]
pub(super) enum Notice {
  Registration(RegistrationId),
  WorkerState(WorkerId, ServiceWorkerState),
  UpdateFound(RegistrationId),
  ControllerChange(RealmId),
}

#[derive(Default)]
pub(super) struct Registrations {
  /// The [registration map](https://w3c.github.io/ServiceWorker/#dfn-scope-to-registration-map).
  scopes: IndexMap<Url, RegistrationId>,
  registrations: HashMap<RegistrationId, Registration>,
  workers: HashMap<WorkerId, Worker>,
  clients: IndexMap<RealmId, Client>,
  last: u64,
  pub(super) notices: Vec<Notice>,
}

impl Registrations {
  fn next(&mut self) -> u64 {
    self.last += 1;
    self.last
  }

  /// [Set Registration](https://w3c.github.io/ServiceWorker/#set-registration-algorithm)
  pub(super) fn set_registration(
    &mut self,
    scope: Url,
    update_via_cache: UpdateViaCache,
  ) -> RegistrationId {
    let id = RegistrationId(self.next());
    let registration = Registration {
      scope: scope.clone(),
      update_via_cache,
      installing: None,
      waiting: None,
      active: None,
      vouched: false,
    };
    self.registrations.insert(id, registration);
    self.scopes.insert(scope, id);
    id
  }

  /// [Get Registration](https://w3c.github.io/ServiceWorker/#get-registration-algorithm)
  pub(super) fn get_registration(&self, scope: &Url) -> Option<RegistrationId> {
    self.scopes.get(scope).copied()
  }

  /// [Match Service Worker Registration](https://w3c.github.io/ServiceWorker/#scope-match-algorithm)
  pub(super) fn match_registration(&self, url: &Url) -> Option<RegistrationId> {
    // Steps 3 to 7: the longest scope that the URL starts with.
    let matching = self.scopes.iter().filter(|(scope, _)| {
      scope.origin() == url.origin() && url.as_str().starts_with(scope.as_str())
    });
    matching
      .max_by_key(|(scope, _)| scope.as_str().len())
      .map(|(_, id)| *id)
  }

  /// The registrations of the origin of `url`, in the order in which they were
  /// made.
  pub(super) fn of_origin(&self, url: &Url) -> Vec<RegistrationId> {
    let of_origin = |scope: &Url| scope.origin() == url.origin();
    let scopes = self.scopes.iter().filter(|(scope, _)| of_origin(scope));
    scopes.map(|(_, id)| *id).collect()
  }

  pub(super) fn registration(
    &self,
    id: RegistrationId,
  ) -> Option<&Registration> {
    self.registrations.get(&id)
  }

  pub(super) fn registration_mut(
    &mut self,
    id: RegistrationId,
  ) -> Option<&mut Registration> {
    self.registrations.get_mut(&id)
  }

  pub(super) fn worker(&self, id: WorkerId) -> Option<&Worker> {
    self.workers.get(&id)
  }

  pub(super) fn worker_mut(&mut self, id: WorkerId) -> Option<&mut Worker> {
    self.workers.get_mut(&id)
  }

  pub(super) fn client(&self, realm: RealmId) -> Option<&Client> {
    self.clients.get(&realm)
  }

  pub(super) fn clients(&self) -> impl Iterator<Item = (RealmId, &Client)> {
    self.clients.iter().map(|(realm, client)| (*realm, client))
  }

  pub(super) fn add_worker(&mut self, worker: Worker) -> WorkerId {
    let id = WorkerId(self.next());
    self.workers.insert(id, worker);
    id
  }

  /// [Get Newest Worker](https://w3c.github.io/ServiceWorker/#get-newest-worker)
  pub(super) fn newest_worker(&self, id: RegistrationId) -> Option<WorkerId> {
    let registration = self.registrations.get(&id)?;
    registration
      .installing
      .or(registration.waiting)
      .or(registration.active)
  }

  pub(super) fn slot(
    &self,
    id: RegistrationId,
    slot: Slot,
  ) -> Option<WorkerId> {
    let registration = self.registrations.get(&id)?;
    match slot {
      Slot::Installing => registration.installing,
      Slot::Waiting => registration.waiting,
      Slot::Active => registration.active,
    }
  }

  /// [Update Registration State](https://w3c.github.io/ServiceWorker/#update-registration-state-algorithm)
  pub(super) fn update_registration_state(
    &mut self,
    id: RegistrationId,
    slot: Slot,
    worker: Option<WorkerId>,
  ) {
    let Some(registration) = self.registrations.get_mut(&id) else {
      return;
    };
    match slot {
      Slot::Installing => registration.installing = worker,
      Slot::Waiting => registration.waiting = worker,
      Slot::Active => registration.active = worker,
    }
    self.notices.push(Notice::Registration(id));
  }

  /// [Update Worker State](https://w3c.github.io/ServiceWorker/#update-state-algorithm)
  pub(super) fn update_worker_state(
    &mut self,
    id: WorkerId,
    state: ServiceWorkerState,
  ) {
    if let Some(worker) = self.workers.get_mut(&id) {
      worker.state = state;
      self.notices.push(Notice::WorkerState(id, state));
    }
  }

  /// The end of the worker in `slot`: it becomes redundant.
  pub(super) fn make_redundant(
    &mut self,
    id: RegistrationId,
    slot: Slot,
  ) -> Option<WorkerId> {
    let worker = self.slot(id, slot)?;
    self.update_registration_state(id, slot, None);
    self.update_worker_state(worker, ServiceWorkerState::Redundant);
    Some(worker)
  }

  /// [Service Worker Has No Pending Events](https://w3c.github.io/ServiceWorker/#service-worker-has-no-pending-events)
  /// is the caller's to know; the rest of
  /// [Try Activate](https://w3c.github.io/ServiceWorker/#try-activate-algorithm)
  /// is decided here.
  pub(super) fn may_activate(
    &self,
    id: RegistrationId,
    has_no_pending_events: impl Fn(WorkerId) -> bool,
  ) -> bool {
    // Step 1.
    let Some(waiting) = self.slot(id, Slot::Waiting) else {
      return false;
    };
    let Some(active) = self.slot(id, Slot::Active) else {
      // Step 3.1.
      return true;
    };
    // Step 2.
    let state = self.workers.get(&active).map(|worker| worker.state);
    if state == Some(ServiceWorkerState::Activating) {
      return false;
    }
    // Step 3.2.
    let skips = self.workers.get(&waiting).is_some_and(|w| w.skip_waiting);
    has_no_pending_events(active) && (skips || !self.is_used(id))
  }

  /// Whether a client
  /// [uses](https://w3c.github.io/ServiceWorker/#dfn-use) the registration.
  pub(super) fn is_used(&self, id: RegistrationId) -> bool {
    let of_this = |worker: WorkerId| {
      self.workers.get(&worker).map(|w| w.registration) == Some(id)
    };
    let mut controllers = self.clients.values().filter_map(|c| c.controller);
    controllers.any(of_this)
  }

  /// The synchronous steps of
  /// [Activate](https://w3c.github.io/ServiceWorker/#activation-algorithm).
  /// The worker that was active, if any, and the one that is to be.
  pub(super) fn begin_to_activate(
    &mut self,
    id: RegistrationId,
  ) -> Option<(Option<WorkerId>, WorkerId)> {
    // Step 1.
    let waiting = self.slot(id, Slot::Waiting)?;
    // Step 2.
    let redundant = self.make_redundant(id, Slot::Active);
    // Steps 3 to 5.
    self.update_registration_state(id, Slot::Active, Some(waiting));
    self.update_registration_state(id, Slot::Waiting, None);
    self.update_worker_state(waiting, ServiceWorkerState::Activating);
    // Step 8: those who use the registration are controlled by it.
    let users = self.clients.iter().filter(|(_, client)| {
      client.controller.is_some() && client.controller == redundant
    });
    let users: Vec<RealmId> = users.map(|(realm, _)| *realm).collect();
    for realm in users {
      self.control(realm, waiting);
    }
    Some((redundant, waiting))
  }

  /// Sets the client's active service worker, and
  /// [notifies](https://w3c.github.io/ServiceWorker/#notify-controller-change-algorithm)
  /// it.
  pub(super) fn control(&mut self, realm: RealmId, worker: WorkerId) {
    if let Some(client) = self.clients.get_mut(&realm)
      && client.controller != Some(worker)
    {
      client.controller = Some(worker);
      self.notices.push(Notice::ControllerChange(realm));
    }
  }

  /// The registration is found in its scope no more: what
  /// [unregistering](https://w3c.github.io/ServiceWorker/#dfn-unregistered)
  /// means.
  pub(super) fn remove_from_map(&mut self, id: RegistrationId) {
    self.scopes.retain(|_, other| *other != id);
  }

  /// Whether it is in the registration map.
  pub(super) fn is_registered(&self, id: RegistrationId) -> bool {
    self
      .registrations
      .get(&id)
      .is_some_and(|r| self.scopes.get(&r.scope) == Some(&id))
  }

  /// [Clear Registration](https://w3c.github.io/ServiceWorker/#clear-registration-algorithm):
  /// the workers that have to be terminated.
  pub(super) fn clear_registration(
    &mut self,
    id: RegistrationId,
  ) -> Vec<WorkerId> {
    [Slot::Installing, Slot::Waiting, Slot::Active]
      .into_iter()
      .filter_map(|slot| self.make_redundant(id, slot))
      .collect()
  }

  /// A registration that is in no map any more, and has no worker.
  pub(super) fn forget_registration(&mut self, id: RegistrationId) {
    self.registrations.remove(&id);
  }

  /// A redundant worker that does not run any more.
  pub(super) fn forget_worker(&mut self, id: WorkerId) {
    self.workers.remove(&id);
  }

  pub(super) fn add_client(&mut self, realm: RealmId, client: Client) {
    self.clients.insert(realm, client);
  }

  /// [Handle Service Worker Client Unload](https://w3c.github.io/ServiceWorker/#on-client-unload-algorithm):
  /// the registration that it has used.
  pub(super) fn remove_client(
    &mut self,
    realm: RealmId,
  ) -> Option<RegistrationId> {
    let controller = self.clients.shift_remove(&realm)?.controller?;
    Some(self.workers.get(&controller)?.registration)
  }

  pub(super) fn worker_snapshot(&self, id: WorkerId) -> Option<WorkerSnapshot> {
    let worker = self.workers.get(&id)?;
    Some(WorkerSnapshot {
      id,
      script_url: worker.script_url.clone(),
      state: worker.state,
    })
  }

  pub(super) fn snapshot(
    &self,
    id: RegistrationId,
  ) -> Option<RegistrationSnapshot> {
    let registration = self.registrations.get(&id)?;
    let worker = |id: Option<WorkerId>| self.worker_snapshot(id?);
    Some(RegistrationSnapshot {
      id,
      scope: registration.scope.clone(),
      update_via_cache: registration.update_via_cache,
      installing: worker(registration.installing),
      waiting: worker(registration.waiting),
      active: worker(registration.active),
    })
  }
}

impl Client {
  pub(super) fn snapshot(&self) -> ClientSnapshot {
    let is_window = self.kind == RealmKind::Window;
    ClientSnapshot {
      id: self.id.clone(),
      url: self.url.clone(),
      client_type: if is_window { "window" } else { "worker" },
      frame_type: if is_window { "top-level" } else { "none" },
    }
  }
}
