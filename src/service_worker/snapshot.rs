//! What scripts see of registrations, workers and clients.

use serde::Deserialize;
use serde::Serialize;
use url::Url;

use super::RegistrationId;
use super::WorkerId;
use super::script::UpdateViaCache;

/// [The state of a service worker](https://w3c.github.io/ServiceWorker/#dfn-state).
#[derive(
  Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum ServiceWorkerState {
  Parsed,
  Installing,
  Installed,
  Activating,
  Activated,
  Redundant,
}

/// A service worker at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkerSnapshot {
  pub id: WorkerId,
  #[serde(rename = "scriptURL")]
  pub script_url: Url,
  pub state: ServiceWorkerState,
}

/// A registration at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationSnapshot {
  pub id: RegistrationId,
  pub scope: Url,
  pub update_via_cache: UpdateViaCache,
  pub installing: Option<WorkerSnapshot>,
  pub waiting: Option<WorkerSnapshot>,
  pub active: Option<WorkerSnapshot>,
}

/// A [service worker client](https://w3c.github.io/ServiceWorker/#dfn-service-worker-client)
/// at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientSnapshot {
  pub id: String,
  /// Its creation URL.
  pub url: Url,
  /// `window` or `worker`.
  #[serde(rename = "type")]
  pub client_type: &'static str,
  /// `top-level` or `none`.
  pub frame_type: &'static str,
}
