//! Scripts that a worker imports: with
//! [`importScripts()`](https://w3c.github.io/ServiceWorker/#importscripts) and
//! as modules.

use std::sync::Arc;

use url::Url;

use crate::dom_exception::DomException;
use crate::ids::RealmId;
use crate::service_worker::delegate::ScriptRole;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::service_workers::ServiceWorkers;

impl ServiceWorkers {
  /// [Performing the fetch](https://w3c.github.io/ServiceWorker/#importscripts)
  /// for a script that the worker in `realm` imports: from its script resource
  /// map or, as long as it is not installed, from where it lies.
  pub(crate) async fn import(
    &self,
    realm: RealmId,
    url: Url,
  ) -> Result<String, DomException> {
    let (worker, environment, stop, bypass_cache, role) = {
      let mut state = self.lock();
      let attached = state.realms.get(&realm);
      let gone = || DomException::Network("the worker has ended".to_string());
      let attached = attached.ok_or_else(gone)?;
      let Some(worker) = attached.worker else {
        return Err(DomException::Network(
          "this is not a service worker".to_string(),
        ));
      };
      let record = state.map.worker(worker).ok_or_else(gone)?;
      // Steps 4.1 and 5: what is in the map is taken from there.
      if let Some(source) = record.scripts.get(&url).cloned() {
        if let Some(record) = state.map.worker_mut(worker) {
          record.used_scripts.insert(url);
        }
        return Ok(source);
      }
      // Step 4: a worker that is installed imports nothing new.
      let is_new = matches!(
        record.state,
        ServiceWorkerState::Parsed | ServiceWorkerState::Installing
      );
      if !is_new && !record.embedder_owned {
        return Err(DomException::Network(format!(
          "{url} was not imported before the worker was installed"
        )));
      }
      let running = state.running.get(&worker);
      let stop = running.map(|running| running.handle.stop.clone());
      let environment = record.environment.clone();
      // Steps 6 and 8: whether the HTTP cache is passed by.
      let registration = state.map.registration(record.registration);
      let bypass = registration.is_some_and(|r| self.bypasses_cache(r, false));
      let role = ScriptRole::import_of(record.worker_type);
      (worker, environment, stop.unwrap_or_default(), bypass, role)
    };
    // Step 9: fetch the script, as long as the worker runs.
    let script = tokio::select! {
      biased;
      script = self.fetch_script(&environment, &url, role, bypass_cache) => script,
      () = stop.cancelled() => {
        return Err(DomException::Network("the worker was stopped".to_string()));
      }
    };
    let script =
      script.map_err(|error| DomException::Network(error.to_string()))?;
    let mut state = self.lock();
    // Step 10: the registration was checked for an update just now.
    let registration = state.map.worker(worker).map(|w| w.registration);
    if let Some(registration) =
      registration.and_then(|id| state.map.registration_mut(id))
    {
      registration.last_update_check = Some(self.platform.now());
    }
    // Steps 12 and 13: keep the script in the worker's script resource map.
    if let Some(record) = state.map.worker_mut(worker)
      && !record.embedder_owned
    {
      record.used_scripts.insert(url.clone());
      Arc::make_mut(&mut record.scripts).insert(url, script.source.clone());
    }
    Ok(script.source)
  }
}
