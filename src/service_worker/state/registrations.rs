//! The registration map with its workers and clients, as a value: what the
//! algorithms of [Service Workers](https://w3c.github.io/ServiceWorker/)
//! change, and whom they tell.

mod clients;
mod snapshots;
mod states;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use indexmap::IndexMap;
use url::Url;

use crate::ids::RealmId;
use crate::ids::RegistrationId;
use crate::ids::WorkerId;
use crate::service_worker::environment::WorkerEnvironment;
use crate::service_worker::model::navigation_preload::NavigationPreload;
use crate::service_worker::model::script::ScriptMap;
use crate::service_worker::model::script::UpdateViaCache;
use crate::service_worker::model::script::WorkerType;
use crate::service_worker::model::snapshot::ServiceWorkerState;

pub(crate) use self::clients::Client;

/// [A service worker registration](https://w3c.github.io/ServiceWorker/#dfn-service-worker-registration)
pub(crate) struct Registration {
  pub(crate) scope: Url,
  pub(crate) update_via_cache: UpdateViaCache,
  /// The [last update check time](https://w3c.github.io/ServiceWorker/#dfn-last-update-check-time).
  pub(crate) last_update_check: Option<SystemTime>,
  pub(crate) navigation_preload: NavigationPreload,
  pub(crate) installing: Option<WorkerId>,
  pub(crate) waiting: Option<WorkerId>,
  pub(crate) active: Option<WorkerId>,
  /// The embedder says that it has an active worker, which is not known here.
  pub(crate) assumed_active: bool,
}

/// [A service worker](https://w3c.github.io/ServiceWorker/#dfn-service-worker)
pub(crate) struct Worker {
  pub(crate) registration: RegistrationId,
  pub(crate) script_url: Url,
  pub(crate) worker_type: WorkerType,
  pub(crate) state: ServiceWorkerState,
  /// The [skip waiting flag](https://w3c.github.io/ServiceWorker/#dfn-skip-waiting-flag).
  pub(crate) skip_waiting: bool,
  pub(crate) scripts: Arc<ScriptMap>,
  /// The [set of used scripts](https://w3c.github.io/ServiceWorker/#dfn-set-of-used-scripts).
  pub(crate) used_scripts: BTreeSet<Url>,
  pub(crate) environment: WorkerEnvironment,
  /// The embedder runs it in a realm of its own.
  pub(crate) embedder_owned: bool,
}

/// Which of a registration's three workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
  Installing,
  Waiting,
  Active,
}

/// Whom to tell what, in this order.
#[derive(Debug)]
pub(crate) enum Notice {
  Registration(RegistrationId),
  WorkerState(WorkerId, ServiceWorkerState),
  UpdateFound(RegistrationId),
  ControllerChange(RealmId),
}

#[derive(Default)]
pub(crate) struct Registrations {
  /// The [registration map](https://w3c.github.io/ServiceWorker/#dfn-scope-to-registration-map).
  scopes: IndexMap<Url, RegistrationId>,
  registrations: BTreeMap<RegistrationId, Registration>,
  workers: BTreeMap<WorkerId, Worker>,
  clients: IndexMap<RealmId, Client>,
  last: u64,
  pub(crate) notices: Vec<Notice>,
}

impl Registrations {
  fn next(&mut self) -> u64 {
    self.last += 1;
    self.last
  }

  /// [Set Registration](https://w3c.github.io/ServiceWorker/#set-registration-algorithm)
  pub(crate) fn set_registration(
    &mut self,
    scope: Url,
    update_via_cache: UpdateViaCache,
  ) -> RegistrationId {
    let id = RegistrationId(self.next());
    let registration = Registration {
      scope: scope.clone(),
      update_via_cache,
      last_update_check: None,
      navigation_preload: NavigationPreload::default(),
      installing: None,
      waiting: None,
      active: None,
      assumed_active: false,
    };
    self.registrations.insert(id, registration);
    self.scopes.insert(scope, id);
    id
  }

  /// Those that are registered, oldest first.
  pub(crate) fn ids(&self) -> impl Iterator<Item = RegistrationId> {
    self.scopes.values().copied()
  }

  /// [Get Registration](https://w3c.github.io/ServiceWorker/#get-registration-algorithm)
  pub(crate) fn get_registration(&self, scope: &Url) -> Option<RegistrationId> {
    self.scopes.get(scope).copied()
  }

  /// [Match Service Worker Registration](https://w3c.github.io/ServiceWorker/#scope-match-algorithm)
  pub(crate) fn match_registration(&self, url: &Url) -> Option<RegistrationId> {
    // Steps 3 to 7: the longest scope that the URL starts with.
    let matching = self.scopes.iter().filter(|(scope, _)| {
      // There may be thousands, and few of them are the beginning of it.
      url.as_str().starts_with(scope.as_str()) && scope.origin() == url.origin()
    });
    matching
      .max_by_key(|(scope, _)| scope.as_str().len())
      .map(|(_, id)| *id)
  }

  /// The registrations of the origin of `url`, in the order in which they were
  /// made.
  pub(crate) fn of_origin(&self, url: &Url) -> Vec<RegistrationId> {
    let of_origin = |scope: &Url| scope.origin() == url.origin();
    let scopes = self.scopes.iter().filter(|(scope, _)| of_origin(scope));
    scopes.map(|(_, id)| *id).collect()
  }

  pub(crate) fn registration(
    &self,
    id: RegistrationId,
  ) -> Option<&Registration> {
    self.registrations.get(&id)
  }

  pub(crate) fn registration_mut(
    &mut self,
    id: RegistrationId,
  ) -> Option<&mut Registration> {
    self.registrations.get_mut(&id)
  }

  pub(crate) fn worker(&self, id: WorkerId) -> Option<&Worker> {
    self.workers.get(&id)
  }

  pub(crate) fn worker_mut(&mut self, id: WorkerId) -> Option<&mut Worker> {
    self.workers.get_mut(&id)
  }

  pub(crate) fn any_worker_is(&self, state: ServiceWorkerState) -> bool {
    self.workers.values().any(|worker| worker.state == state)
  }

  pub(crate) fn add_worker(&mut self, worker: Worker) -> WorkerId {
    let id = WorkerId(self.next());
    self.workers.insert(id, worker);
    id
  }

  /// [Get Newest Worker](https://w3c.github.io/ServiceWorker/#get-newest-worker)
  pub(crate) fn newest_worker(&self, id: RegistrationId) -> Option<WorkerId> {
    let registration = self.registrations.get(&id)?;
    registration
      .installing
      .or(registration.waiting)
      .or(registration.active)
  }

  pub(crate) fn slot(
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

  /// The registration is found in its scope no more: what
  /// [unregistering](https://w3c.github.io/ServiceWorker/#dfn-unregistered)
  /// means.
  pub(crate) fn remove_from_map(&mut self, id: RegistrationId) {
    self.scopes.retain(|_, other| *other != id);
  }

  /// Whether it is in the registration map.
  pub(crate) fn is_registered(&self, id: RegistrationId) -> bool {
    self
      .registrations
      .get(&id)
      .is_some_and(|r| self.scopes.get(&r.scope) == Some(&id))
  }

  /// A registration that is in no map any more, and has no worker.
  pub(crate) fn forget_registration(&mut self, id: RegistrationId) {
    self.registrations.remove(&id);
  }

  /// A redundant worker that does not run any more.
  pub(crate) fn forget_worker(&mut self, id: WorkerId) {
    self.workers.remove(&id);
  }
}

impl Registration {
  /// Whether it is [stale](https://w3c.github.io/ServiceWorker/#dfn-stale):
  /// the last check is longer ago than `stale_after`.
  pub(crate) fn is_stale(
    &self,
    stale_after: Duration,
    now: SystemTime,
  ) -> bool {
    self.last_update_check.is_some_and(|last| {
      // A clock that was set back makes nothing stale.
      now.duration_since(last).is_ok_and(|age| age > stale_after)
    })
  }
}
