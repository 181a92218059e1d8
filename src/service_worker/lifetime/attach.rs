//! Realms come and go.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ids::RealmId;
use crate::ids::WorkerId;
use crate::network::NetCheck;
use crate::platform::new_uuid;
use crate::service_worker::NewRealm;
use crate::service_worker::delegate::FunctionalEvents;
use crate::service_worker::model::script::UpdateViaCache;
use crate::service_worker::model::script::WorkerType;
use crate::service_worker::model::snapshot::RegistrationSnapshot;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::model::snapshot::WorkerSnapshot;
use crate::service_worker::service_workers::AttachedRealm;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::service_workers::State;
use crate::service_worker::state::registrations::Client;
use crate::service_worker::state::registrations::Slot;
use crate::service_worker::state::registrations::Worker;
use crate::spec::RealmKind;

/// What a realm begins with.
pub(crate) struct Attachment {
  /// Of a service worker's realm, its own; of another one, the registration
  /// that the embedder vouches for.
  pub(crate) registration: Option<RegistrationSnapshot>,
  pub(crate) controller: Option<WorkerSnapshot>,
  /// Of a service worker's realm, its own.
  pub(crate) worker: Option<WorkerSnapshot>,
}

impl ServiceWorkers {
  /// A realm is there. It is notified of everything that changes after what
  /// this returns.
  pub(crate) fn attach(&self, realm: NewRealm) -> Attachment {
    let has_host = self.delegate.has_host();
    let mut state = self.lock();
    let worker = match realm.kind {
      RealmKind::ServiceWorker => realm.worker.or_else(|| state.adopt(&realm)),
      _ => None,
    };
    if worker.is_none() && !has_host {
      state.assume_active(&realm);
    }
    let attached = AttachedRealm {
      send: realm.send,
      url: realm.url.clone(),
      scope: realm.scope.clone(),
      worker,
      environment: realm.environment,
    };
    state.realms.insert(realm.id, attached);
    let (registration, controller) = match worker {
      Some(worker) => (state.map.worker(worker).map(|w| w.registration), None),
      None => {
        let matching = state.map.match_registration(&realm.url);
        let controller =
          matching.and_then(|id| state.map.slot(id, Slot::Active));
        let client = Client {
          id: realm
            .client_id
            .unwrap_or_else(|| new_uuid(&*self.platform).to_string()),
          url: realm.url,
          kind: realm.kind,
          controller,
        };
        state.map.add_client(realm.id, client);
        let assumed_active = state.map.get_registration(&realm.scope);
        (assumed_active.filter(|_| !has_host), controller)
      }
    };
    Attachment {
      registration: registration.and_then(|id| state.map.snapshot(id)),
      controller: controller.and_then(|c| state.map.worker_snapshot(c)),
      worker: worker.and_then(|worker| state.map.worker_snapshot(worker)),
    }
  }

  /// The realm of a worker that was started says how it takes events.
  pub(crate) fn attach_worker(
    &self,
    worker: WorkerId,
    realm: RealmId,
    functional: Arc<dyn FunctionalEvents>,
  ) {
    let mut state = self.lock();
    if let Some(running) = state.running.get_mut(&worker) {
      running.attach(realm, functional);
    }
  }

  /// A further Content Security Policy governs what the realm registers from
  /// now on.
  pub(crate) fn add_csp(&self, realm: RealmId, policy: String) {
    if let Some(realm) = self.lock().realms.get_mut(&realm) {
      realm.environment.client.csp.push(policy);
    }
  }

  /// What is asked before every hop of what the realm's workers fetch.
  pub(crate) fn set_net_check(&self, realm: RealmId, check: Arc<dyn NetCheck>) {
    if let Some(realm) = self.lock().realms.get_mut(&realm) {
      realm.environment.net_check = Some(check);
    }
  }

  /// The same for what is fetched for a worker, which has a realm now.
  pub(crate) fn set_worker_net_check(
    &self,
    worker: WorkerId,
    check: Arc<dyn NetCheck>,
  ) {
    if let Some(worker) = self.lock().map.worker_mut(worker) {
      worker.environment.net_check = Some(check);
      worker.environment.net_check_lost = false;
    }
  }

  /// A realm is gone.
  pub(crate) fn detach(&self, realm: RealmId) {
    let mut state = self.lock();
    state.realms.remove(&realm);
    state
      .waiting_for_ready
      .retain(|(caller, _)| caller.realm != realm);
    let used = state.map.remove_client(realm);
    drop(state);
    if let Some(registration) = used {
      self.client_unloaded(registration);
    }
  }
}

impl State {
  /// The embedder runs a service worker in a realm of its own: it is the
  /// active worker of its scope, unless there is one already.
  fn adopt(&mut self, realm: &NewRealm) -> Option<WorkerId> {
    let id = self.map.get_registration(&realm.scope).unwrap_or_else(|| {
      let scope = realm.scope.clone();
      self.map.set_registration(scope, UpdateViaCache::default())
    });
    let active = self.map.slot(id, Slot::Active);
    if active.is_some() {
      return active;
    }
    let worker = self.map.add_worker(Worker {
      registration: id,
      script_url: realm.url.clone(),
      worker_type: WorkerType::default(),
      state: ServiceWorkerState::Activated,
      skip_waiting: false,
      scripts: Arc::default(),
      used_scripts: BTreeSet::new(),
      environment: realm.environment.clone(),
      embedder_owned: true,
    });
    self
      .map
      .update_registration_state(id, Slot::Active, Some(worker));
    self.resolve_ready();
    Some(worker)
  }

  /// This engine cannot start workers: the embedder attaches one when it sees
  /// fit.
  fn assume_active(&mut self, realm: &NewRealm) {
    let id = self.map.get_registration(&realm.scope).unwrap_or_else(|| {
      let scope = realm.scope.clone();
      self.map.set_registration(scope, UpdateViaCache::default())
    });
    if let Some(registration) = self.map.registration_mut(id) {
      registration.assumed_active = true;
    }
  }
}
