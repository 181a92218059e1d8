//! What an embedder says of a realm.

use std::sync::Arc;

use url::Url;

use crate::ids::WorkerId;
use crate::network::ClientEnvironment;
use crate::network::NetCheck;
use crate::network::NetworkPolicy;
use crate::service_worker::StartWorker;
use crate::service_worker::WorkerEnvironment;
use crate::spec::RealmKind;
use crate::spec::ReferrerPolicy;

/// The options of a realm, given by the embedder.
#[derive(Clone)]
pub struct RealmOptions {
  /// What the realm is.
  pub kind: RealmKind,
  /// The scope of the service worker registration.
  pub scope: Url,
  /// The realm's own URL: its base URL, its origin and its referrer.
  pub url: Url,
  /// Whose rules hold for its requests. Default: `Browser`.
  pub policy: NetworkPolicy,
  /// The values of `Content-Security-Policy` that govern the realm.
  pub csp: Vec<String>,
  /// What is said of where a request comes from. Default: `None`, which is
  /// [`ReferrerPolicy::StrictOriginWhenCrossOrigin`].
  pub referrer_policy: Option<ReferrerPolicy>,
  /// Asked once for each request when it is registered, and once before each
  /// hop of it, in addition to the check in
  /// [`NetworkConfig`](crate::network::NetworkConfig). No store can keep it: a
  /// background fetch that had one waits after a restart until a realm of the
  /// same registration brings one, unless `NetworkConfig` has one.
  pub net_check: Option<Arc<dyn NetCheck>>,
  /// Whatever the embedder wants to find again with the background fetch
  /// after a restart. Default: nothing.
  pub embedder_data: Option<String>,
  /// Whether a background fetch of the realm that has failed is kept with its
  /// bytes when its event was handled, so that [`Engine::retry`](crate::engine::Engine::retry)
  /// can continue it, for the [retention time](crate::engine::EngineConfig::retention).
  /// Default: `false`, as the specification has it: its records are deleted
  /// after the event. For a realm that has no script which could start it
  /// again.
  pub keep_failed: bool,
  /// The service worker that the realm runs, when a
  /// [host](crate::engine::ServiceWorkerHost) was asked to.
  pub worker: Option<WorkerId>,
  /// The client that a [`Navigation`](crate::engine::Navigation) has reserved
  /// for the page. Default: `None`, a new one.
  pub client_id: Option<String>,
}

opaque_debug!(RealmOptions);

impl RealmOptions {
  /// A realm of `kind` at `url` with the policy of a browser; the scope is
  /// the directory of `url`.
  pub fn new(kind: RealmKind, url: Url) -> Self {
    Self {
      kind,
      scope: url.join("./").unwrap_or_else(|_| url.clone()),
      url,
      policy: NetworkPolicy::Browser,
      csp: Vec::new(),
      referrer_policy: None,
      net_check: None,
      embedder_data: None,
      keep_failed: false,
      worker: None,
      client_id: None,
    }
  }

  /// The realm of a service worker that a host is asked to run.
  pub fn for_worker(worker: &StartWorker) -> Self {
    let environment = worker.environment.clone();
    Self {
      kind: RealmKind::ServiceWorker,
      scope: worker.scope.clone(),
      url: worker.script_url.clone(),
      policy: environment.client.policy,
      csp: environment.client.csp,
      referrer_policy: environment.client.referrer_policy.parse().ok(),
      net_check: environment.net_check,
      embedder_data: environment.embedder_data,
      keep_failed: false,
      worker: Some(worker.worker),
      client_id: None,
    }
  }

  /// What its fetches are judged by.
  pub(crate) fn client(&self) -> ClientEnvironment {
    ClientEnvironment {
      url: self.url.clone(),
      policy: self.policy,
      csp: self.csp.clone(),
      referrer_policy: self
        .referrer_policy
        .map_or_else(String::new, |policy| policy.as_str().to_string()),
    }
  }

  pub(crate) fn worker_environment(&self) -> WorkerEnvironment {
    WorkerEnvironment {
      client: self.client(),
      net_check: self.net_check.clone(),
      net_check_lost: false,
      embedder_data: self.embedder_data.clone(),
    }
  }
}
