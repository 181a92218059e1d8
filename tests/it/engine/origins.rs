//! What a realm may reach by a number that its script has made up.

use background_fetch::engine::AbortOutcome;
use background_fetch::engine::Engine;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmMessage;
use background_fetch::engine::RealmOptions;
use background_fetch::network::NetworkPolicy;
use background_fetch::service_worker::Answer;
use background_fetch::service_worker::Call;
use background_fetch::service_worker::ServiceWorkerMessage;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

fn realm_at(engine: &Engine, kind: RealmKind, url: &str) -> Realm {
  engine.attach(RealmOptions::new(kind, url.parse().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_background_fetch_of_another_origin_is_out_of_reach() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r").script([Hold]));
  let engine = in_memory();
  let owner = worker(&engine);
  let key = fetch(&owner, "r", &[&server.url("/r")]).await.key;
  let other = realm_at(&engine, RealmKind::Window, "http://other.test/");
  assert!(records(&other, key).is_empty());
  assert_ne!(
    bounded(other.abort(key)).await.unwrap(),
    AbortOutcome::Aborted
  );
  bounded(other.update_ui(key, Some("mine now".to_string()), None)).await;
  assert_eq!(engine.background_fetches()[0].title, "");
  other.unwatch(key);
  other.watch(key);
  // The answer would come after an update.
  other.call(1, Call::GetRegistrations);
  let message = bounded(other.next_message()).await;
  assert!(
    matches!(
      message,
      RealmMessage::ServiceWorker(ServiceWorkerMessage::Reply { .. })
    ),
    "{message:?}"
  );
  // Its own origin has it, whatever the kind.
  let page = realm_at(&engine, RealmKind::Window, "http://localhost/page");
  assert_eq!(records(&page, key).len(), 1);
  assert_eq!(
    bounded(page.abort(key)).await.unwrap(),
    AbortOutcome::Aborted
  );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_of_another_origin_is_out_of_reach() {
  let engine = in_memory();
  let owner = worker(&engine);
  let id = owner.own_registration().unwrap().id;
  let page = realm_at(&engine, RealmKind::Window, "http://localhost/page");
  assert!(page.with_registration(id).is_some());
  let other = realm_at(&engine, RealmKind::Window, "http://other.test/");
  assert!(other.with_registration(id).is_none());
  let message = async {
    other.call(1, Call::Unregister { registration: id });
    loop {
      let message = other.next_message().await;
      if let RealmMessage::ServiceWorker(ServiceWorkerMessage::Reply {
        result,
        ..
      }) = message
      {
        return result;
      }
    }
  };
  let refused: Result<Answer, _> = bounded(message).await;
  assert_eq!(refused.unwrap_err().name(), "InvalidStateError");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_no_script_may_see_stay_in_the_engine() {
  let server = FaultServer::start().await;
  let resource = Resource::text("r").header("Set-Cookie", "secret=1");
  server.serve("/r", resource.header("X-Seen", "yes"));
  let engine = in_memory();
  let url = server.url("/sw.js");
  let realm = engine.attach(RealmOptions {
    policy: NetworkPolicy::Browser,
    ..RealmOptions::new(RealmKind::ServiceWorker, url.parse().unwrap())
  });
  realm.start_worker();
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  let (_, name, _) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess");
  let response = records(&realm, key)[0].response().await.unwrap();
  assert_eq!(response.headers.first("x-seen"), Some("yes"));
  let whole = serde_json::to_string(&response).unwrap();
  assert!(!whole.contains("secret"), "{whole}");
}
