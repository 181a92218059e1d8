//! Service workers that an earlier `bgfetch run --sw` has registered.

use background_fetch::DomException;
use background_fetch::engine::ServiceWorkers;
use url::Url;

/// Whether any service worker is registered for the origin of `base`.
pub fn any(workers: &ServiceWorkers, base: &Url) -> bool {
  let all = workers.registrations();
  all
    .iter()
    .any(|known| known.scope.origin() == base.origin())
}

/// Looks whether the script of the worker in `scope` is another one now, as
/// browsers do when a page is opened, and waits until the new worker is there.
///
/// # Errors
///
/// The script cannot be read or does not work: the worker before stays. The
/// host has reported one that does not work.
pub async fn update(
  workers: &ServiceWorkers,
  scope: &Url,
  script_url: &Url,
) -> Result<(), DomException> {
  let known = workers.registration(scope);
  let active = known.and_then(|registration| registration.active);
  let updated = match active {
    Some(worker) if worker.script_url == *script_url => {
      workers.update(scope).await.map(drop)
    }
    _ => Ok(()),
  };
  workers.idle().await;
  updated
}

/// Ends the registration in `scope`, if there is a worker. Its background
/// fetches would end with it.
pub async fn unregister(workers: &ServiceWorkers, scope: &Url) {
  let known = workers.registration(scope);
  if known.is_some_and(|r| r.active.is_some() || r.waiting.is_some()) {
    let _ = workers.unregister(scope).await;
  }
}
