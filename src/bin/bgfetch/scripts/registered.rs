//! Service workers that an earlier `bgfetch run --sw` has registered.

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
pub async fn update(workers: &ServiceWorkers, scope: &Url, script_url: &Url) {
  let known = workers.registration(scope);
  let active = known.and_then(|registration| registration.active);
  if active.is_some_and(|worker| worker.script_url == *script_url) {
    // The host reports a script that fails; the one before stays then.
    let _ = workers.update(scope).await;
  }
  workers.idle().await;
}

/// Ends the registration in `scope`, if there is a worker. Its background
/// fetches would end with it.
pub async fn unregister(workers: &ServiceWorkers, scope: &Url) {
  let known = workers.registration(scope);
  if known.is_some_and(|r| r.active.is_some() || r.waiting.is_some()) {
    let _ = workers.unregister(scope).await;
  }
}
