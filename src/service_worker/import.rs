//! Scripts that a worker imports: with
//! [`importScripts()`](https://w3c.github.io/ServiceWorker/#importscripts) and
//! as modules.

use std::sync::Arc;

use url::Url;

use super::RealmId;
use super::service_workers::ServiceWorkers;
use super::snapshot::ServiceWorkerState;

/// Why a script cannot be imported: a `NetworkError`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ImportError(pub String);

impl ServiceWorkers {
  /// [Performing the fetch](https://w3c.github.io/ServiceWorker/#importscripts)
  /// for a script that the worker in `realm` imports: from its script resource
  /// map or, as long as it is not installed, from where it lies.
  pub(crate) async fn import(
    &self,
    realm: RealmId,
    url: Url,
  ) -> Result<String, ImportError> {
    let (worker, environment) = {
      let state = self.lock();
      let attached = state.realms.get(&realm);
      let gone = || ImportError("the worker has ended".to_string());
      let attached = attached.ok_or_else(gone)?;
      let Some(worker) = attached.worker else {
        return Err(ImportError("this is no service worker".to_string()));
      };
      let record = state.map.worker(worker).ok_or_else(gone)?;
      // Step 2: what is in the map is taken from there.
      if let Some(source) = record.scripts.get(&url) {
        return Ok(source.clone());
      }
      // Step 3.
      let is_new = matches!(
        record.state,
        ServiceWorkerState::Parsed | ServiceWorkerState::Installing
      );
      if !is_new && !record.embedded {
        return Err(ImportError(format!(
          "{url} was not imported before the worker was installed"
        )));
      }
      (worker, record.environment.clone())
    };
    // Steps 4 to 7.
    let script = self.fetch_script(&environment, &url, false).await;
    let script = script.map_err(|error| ImportError(error.message))?;
    // Step 8.
    let mut state = self.lock();
    if let Some(record) = state.map.worker_mut(worker)
      && !record.embedded
    {
      Arc::make_mut(&mut record.scripts).insert(url, script.source.clone());
    }
    Ok(script.source)
  }
}
