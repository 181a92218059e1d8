//! What scripts see of registrations, workers and clients.

use serde::Deserialize;
use serde::Serialize;
use url::Url;

use super::script::UpdateViaCache;
use crate::ids::RegistrationId;
use crate::ids::WorkerId;

/// [The state of a service worker](https://w3c.github.io/ServiceWorker/#dfn-state).
#[derive(
  Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
/// What has become of a service worker.
#[serde(rename_all = "lowercase")]
pub enum ServiceWorkerState {
  /// Its script is there.
  Parsed,
  /// It handles its `install` event.
  Installing,
  /// It waits to take the place of another one.
  Installed,
  /// It handles its `activate` event.
  Activating,
  /// It takes events.
  Activated,
  /// It takes none any more.
  Redundant,
}

/// A service worker at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkerSnapshot {
  /// Names the worker.
  pub id: WorkerId,
  /// Where its script is.
  #[serde(rename = "scriptURL")]
  pub script_url: Url,
  /// What has become of it.
  pub state: ServiceWorkerState,
}

/// A registration at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationSnapshot {
  /// Names the registration.
  pub id: RegistrationId,
  /// What it is registered for.
  pub scope: Url,
  /// Which of its scripts may come from the HTTP cache.
  pub update_via_cache: UpdateViaCache,
  /// The worker that is being installed.
  pub installing: Option<WorkerSnapshot>,
  /// The worker that waits.
  pub waiting: Option<WorkerSnapshot>,
  /// The worker that takes events.
  pub active: Option<WorkerSnapshot>,
}

/// A [service worker client](https://w3c.github.io/ServiceWorker/#dfn-service-worker-client)
/// at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientSnapshot {
  /// Names the client.
  pub id: String,
  /// Its creation URL.
  pub url: Url,
  /// `window`, `worker` or `sharedworker`.
  #[serde(rename = "type")]
  pub client_type: &'static str,
  /// `top-level` or `none`.
  pub frame_type: &'static str,
}
