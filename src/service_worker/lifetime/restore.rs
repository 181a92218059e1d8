//! What survives the process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::RegistrationId;
use crate::ids::WorkerId;
use crate::network::ClientEnvironment;
use crate::service_worker::environment::WorkerEnvironment;
use crate::service_worker::model::navigation_preload::NavigationPreload;
use crate::service_worker::model::script::UpdateViaCache;
use crate::service_worker::model::script::WorkerType;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::service_workers::State;
use crate::service_worker::state::registrations::Slot;
use crate::service_worker::state::registrations::Worker;
use crate::store::StoredRegistration;
use crate::store::StoredWorker;

impl ServiceWorkers {
  /// Takes up the registrations of an earlier process.
  pub(crate) fn restore(&self, stored: Vec<StoredRegistration>) {
    let mut waiting = Vec::new();
    {
      let mut state = self.lock();
      for registration in stored {
        let document: RegistrationDocument =
          serde_json::from_str(&registration.document).unwrap_or_default();
        let id = state
          .map
          .set_registration(registration.scope, document.update_via_cache);
        if let Some(restored) = state.map.registration_mut(id) {
          restored.last_update_check = document.last_update_check;
          restored.navigation_preload = document.navigation_preload;
        }
        let workers = [
          (Slot::Active, registration.active),
          (Slot::Waiting, registration.waiting),
        ];
        for (slot, worker) in workers {
          let Some(worker) = worker else { continue };
          match state.restore_worker(id, slot, worker) {
            Ok(worker) => {
              state.map.update_registration_state(id, slot, Some(worker));
            }
            Err(error) => {
              tracing::error!(%error, "a stored service worker is damaged");
            }
          }
        }
        waiting.push(id);
      }
      // No realm is attached yet that could be notified.
      state.map.notices.clear();
    }
    // No client of the earlier process holds them back.
    for id in waiting {
      self.try_activate(id);
    }
  }

  /// Stores the registration as it stands now.
  pub(crate) async fn save(&self, id: RegistrationId) {
    let _saving = self.saving.lock().await;
    let stored = {
      let state = self.lock();
      state.stored(id).filter(|_| state.map.is_registered(id))
    };
    let Some(stored) = stored else { return };
    let scope = stored.scope.clone();
    if let Err(error) = self.delegate.save(stored).await {
      tracing::error!(%scope, %error, "a service worker cannot be stored");
    }
  }
}

/// What the store keeps of a registration beside its workers.
#[derive(Default, Serialize, Deserialize)]
struct RegistrationDocument {
  update_via_cache: UpdateViaCache,
  last_update_check: Option<SystemTime>,
  #[serde(default)]
  navigation_preload: NavigationPreload,
}

/// What the store keeps of a worker beside its scripts.
#[derive(Serialize, Deserialize)]
struct WorkerDocument {
  worker_type: WorkerType,
  environment: ClientEnvironment,
  embedder_data: String,
  /// Whether the client had a network check of its own.
  #[serde(default)]
  net_check: bool,
}

impl State {
  fn restore_worker(
    &mut self,
    registration: RegistrationId,
    slot: Slot,
    stored: StoredWorker,
  ) -> Result<WorkerId, serde_json::Error> {
    let document: WorkerDocument = serde_json::from_str(&stored.document)?;
    Ok(self.map.add_worker(Worker {
      registration,
      script_url: stored.script_url,
      worker_type: document.worker_type,
      // An activation that was cut short is not done again.
      state: match slot {
        Slot::Active => ServiceWorkerState::Activated,
        _ => ServiceWorkerState::Installed,
      },
      skip_waiting: false,
      scripts: Arc::new(stored.scripts),
      used_scripts: BTreeSet::new(),
      environment: WorkerEnvironment {
        client: document.environment,
        net_check: None,
        net_check_lost: document.net_check,
        embedder_data:
          Some(document.embedder_data).filter(|data| !data.is_empty()),
      },
      embedder_owned: false,
    }))
  }

  fn stored(&self, id: RegistrationId) -> Option<StoredRegistration> {
    let registration = self.map.registration(id)?;
    let worker = |id: Option<WorkerId>| {
      let worker = self
        .map
        .worker(id?)
        .filter(|worker| !worker.embedder_owned)?;
      let environment = worker.environment.clone();
      let document = WorkerDocument {
        worker_type: worker.worker_type,
        environment: environment.client,
        embedder_data: environment.embedder_data.unwrap_or_default(),
        net_check: environment.net_check.is_some()
          || environment.net_check_lost,
      };
      Some(StoredWorker {
        script_url: worker.script_url.clone(),
        document: serde_json::to_string(&document).ok()?,
        scripts: (*worker.scripts).clone(),
      })
    };
    let document = RegistrationDocument {
      update_via_cache: registration.update_via_cache,
      last_update_check: registration.last_update_check,
      navigation_preload: registration.navigation_preload.clone(),
    };
    Some(StoredRegistration {
      scope: registration.scope.clone(),
      document: serde_json::to_string(&document).ok()?,
      active: worker(registration.active),
      waiting: worker(registration.waiting),
    })
  }
}
