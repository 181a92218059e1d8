//! Every registration of an engine, by scope.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Weak;

use parking_lot::Mutex;
use url::Url;

use super::registration::Registration;
use super::registration_events::OnUndelivered;
use crate::service_worker::ServiceWorkerLimits;
use crate::service_worker::ServiceWorkers;

pub(crate) struct Registrations {
  by_scope: Mutex<BTreeMap<Url, Arc<Registration>>>,
  service_workers: Weak<ServiceWorkers>,
  undelivered: Arc<OnUndelivered>,
  limits: ServiceWorkerLimits,
}

impl Registrations {
  pub(super) fn new(
    service_workers: Weak<ServiceWorkers>,
    undelivered: Arc<OnUndelivered>,
    limits: ServiceWorkerLimits,
  ) -> Self {
    Self {
      by_scope: Mutex::default(),
      service_workers,
      undelivered,
      limits,
    }
  }

  /// An engine that ends unties what holds each other.
  pub(super) fn clear(&self) {
    let registrations = std::mem::take(&mut *self.by_scope.lock());
    for registration in registrations.into_values() {
      registration.clear();
    }
  }

  pub(super) fn get(&self, scope: &Url) -> Arc<Registration> {
    let mut registrations = self.by_scope.lock();
    let new = || {
      let service_workers = self.service_workers.clone();
      Arc::new(Registration::new(
        scope.clone(),
        service_workers,
        self.undelivered.clone(),
        &self.limits,
      ))
    };
    registrations
      .entry(scope.clone())
      .or_insert_with(new)
      .clone()
  }
}
