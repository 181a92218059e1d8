//! Service workers that an earlier `bgfetch run --sw` has registered.

use background_fetch::engine::Engine;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmMessage;
use background_fetch::engine::RealmOptions;
use background_fetch::service_worker::Answer;
use background_fetch::service_worker::Call;
use background_fetch::service_worker::RegistrationSnapshot;
use background_fetch::service_worker::ServiceWorkerMessage;
use url::Url;

/// Whether any service worker is registered for the origin of `base`.
pub async fn any(engine: &Engine, base: &Url) -> bool {
  let realm = page(engine, base);
  let answer = ask(&realm, Call::GetRegistrations).await;
  matches!(answer, Some(Answer::Registrations(all)) if !all.is_empty())
}

/// Looks whether the script of the worker in `scope` is another one now, as
/// browsers do when a page is opened, and waits until the new worker is there.
pub async fn update(engine: &Engine, scope: &Url, script_url: &Url) {
  let realm = page(engine, scope);
  if let Some(registration) = find(&realm, scope).await
    && registration
      .active
      .is_some_and(|w| w.script_url == *script_url)
  {
    // The host reports a script that fails; the one before stays then.
    let registration = registration.id;
    ask(&realm, Call::Update { registration }).await;
  }
  // While this page is there the old worker is used.
  drop(realm);
  engine.service_workers_idle().await;
}

/// Ends the registration in `scope`, if there is one. Its background fetches
/// would end with it.
pub async fn unregister(engine: &Engine, scope: &Url) {
  let realm = page(engine, scope);
  if let Some(registration) = find(&realm, scope).await {
    let registration = registration.id;
    ask(&realm, Call::Unregister { registration }).await;
  }
}

async fn find(realm: &Realm, scope: &Url) -> Option<RegistrationSnapshot> {
  let answer = ask(realm, Call::GetRegistrations).await;
  let Some(Answer::Registrations(all)) = answer else {
    return None;
  };
  let mut workers = all.into_iter().filter(|registration| {
    registration.active.is_some() || registration.waiting.is_some()
  });
  workers.find(|r| r.scope == *scope)
}

/// Only to ask: a realm of this kind takes no event.
fn page(engine: &Engine, url: &Url) -> Realm {
  engine.attach(RealmOptions::new(RealmKind::Window, url.clone()))
}

async fn ask(realm: &Realm, what: Call) -> Option<Answer> {
  realm.call(0, what);
  loop {
    let message = realm.next_message().await;
    if let RealmMessage::ServiceWorker(ServiceWorkerMessage::Reply {
      result,
      ..
    }) = message
    {
      return result.ok();
    }
  }
}
