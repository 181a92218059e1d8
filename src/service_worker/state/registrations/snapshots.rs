//! Copies of registrations, workers and clients, for scripts.

use super::Client;
use super::Registrations;
use crate::ids::RegistrationId;
use crate::ids::WorkerId;
use crate::service_worker::model::snapshot::ClientSnapshot;
use crate::service_worker::model::snapshot::RegistrationSnapshot;
use crate::service_worker::model::snapshot::WorkerSnapshot;
use crate::spec::RealmKind;

impl Registrations {
  pub(crate) fn worker_snapshot(&self, id: WorkerId) -> Option<WorkerSnapshot> {
    let worker = self.worker(id)?;
    Some(WorkerSnapshot {
      id,
      script_url: worker.script_url.clone(),
      state: worker.state,
    })
  }

  pub(crate) fn snapshot(
    &self,
    id: RegistrationId,
  ) -> Option<RegistrationSnapshot> {
    let registration = self.registration(id)?;
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
  pub(crate) fn snapshot(&self) -> ClientSnapshot {
    let is_window = self.kind == RealmKind::Window;
    let client_type = match self.kind {
      RealmKind::Window => "window",
      RealmKind::SharedWorker => "sharedworker",
      RealmKind::DedicatedWorker | RealmKind::ServiceWorker => "worker",
    };
    ClientSnapshot {
      id: self.id.clone(),
      url: self.url.clone(),
      client_type,
      frame_type: if is_window { "top-level" } else { "none" },
    }
  }
}
