//! Who gets which event.

use std::time::Duration;

use background_fetch::engine::ClickOutcome;
use background_fetch::engine::PauseOutcome;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmMessage;
use background_fetch::engine::RealmOptions;
use background_fetch::engine::RedeliverOutcome;
use background_fetch::engine::UnpauseOutcome;
use background_fetch::service_worker::Event;
use background_fetch::service_worker::Payload;
use background_fetch::service_worker::ServiceWorkerLimits;
use background_fetch::service_worker::ServiceWorkerMessage;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

const BOUND: Duration = Duration::from_secs(240);

// steps: perform.1, perform.8.13
#[tokio::test(flavor = "multi_thread")]
async fn a_realm_that_ends_takes_nothing_with_it() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r").script([Hold]));
  let engine = in_memory();
  let first = worker(&engine);
  let key = fetch(&first, "r", &[&server.url("/r")]).await.key;
  drop(first);
  server.wait_until_stalled("/r", BOUND).await;
  server.release("/r");
  let second = worker(&engine);
  let (_, name, snapshot) = next_event(&second).await;
  assert_eq!((name, snapshot.key), ("backgroundfetchsuccess", key));
  assert_eq!(read(&records(&second, key)[0]).await.unwrap(), b"r");
}

// steps: perform.8.13.1, perform.8.13.2
#[tokio::test(flavor = "multi_thread")]
async fn an_event_goes_to_one_worker_and_on_to_the_next_when_it_dies() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r"));
  let engine = in_memory();
  let first = worker(&engine);
  let second = worker(&engine);
  let key = fetch(&first, "r", &[&server.url("/r")]).await.key;
  let (over, _, _) = next_event(&first).await;
  drop(first);
  let (lease, name, _) = next_event(&second).await;
  assert_eq!(name, "backgroundfetchsuccess");
  // Only the one that has the event can say that it is handled.
  over.acknowledge();
  assert!(!second.is_idle());
  assert_eq!(records(&second, key).len(), 1);
  lease.acknowledge();
  bounded(second.idle()).await;
  assert!(records(&second, key).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_lease_is_dropped_is_delivered_again() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r"));
  let engine = in_memory();
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  let (lease, name, _) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess");
  let handler = tokio::spawn(async move {
    let _lease = lease;
    panic!("a handler that fails");
  });
  assert!(handler.await.unwrap_err().is_panic());
  let (lease, again, snapshot) = next_event(&realm).await;
  assert_eq!((again, snapshot.key), (name, key));
  assert_eq!(read(&records(&realm, key)[0]).await.unwrap(), b"r");
  lease.acknowledge();
  bounded(realm.idle()).await;
  assert!(records(&realm, key).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_lease_is_always_dropped_is_kept_as_undelivered() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r"));
  let engine = in_memory();
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  for _ in 0..ServiceWorkerLimits::default().tries {
    drop(next_event(&realm).await);
  }
  let kept = wait_for(&engine, key, |b| b.retained.is_some()).await;
  let why = kept.retained.unwrap().undelivered.unwrap();
  let dropped = "its lease was dropped 3 times, without an acknowledgement";
  assert_eq!(why, dropped);
  bounded(realm.idle()).await;
  let outcome = engine.redeliver(key).await.unwrap();
  assert_eq!(outcome, RedeliverOutcome::Redelivered);
  settle(&realm, "backgroundfetchsuccess").await;
}

// steps: click.1, display.9, automation.7
#[tokio::test(flavor = "multi_thread")]
async fn a_click_is_an_event_and_ends_nothing() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r").script([Hold]));
  let engine = in_memory();
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  assert_eq!(engine.click(key), ClickOutcome::Fired);
  let (lease, name, _) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchclick");
  lease.acknowledge();
  assert_eq!(records(&realm, key).len(), 1);
  server.wait_until_stalled("/r", BOUND).await;
  server.release("/r");
  settle(&realm, "backgroundfetchsuccess").await;
  assert_ne!(engine.click(key), ClickOutcome::Fired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_after_every_update_before_it() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r").script([Hold]));
  let engine = in_memory();
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  let own = realm.own_worker().unwrap().id;
  let page = "http://localhost/app/page".parse().unwrap();
  let page = engine.attach(RealmOptions::new(RealmKind::Window, page));
  for paused in [true, false, true, false] {
    match paused {
      true => {
        let outcome = engine.pause(key).await.unwrap();
        assert_eq!(outcome, PauseOutcome::Paused);
      }
      false => {
        let outcome = engine.unpause(key).await.unwrap();
        assert_eq!(outcome, UnpauseOutcome::Unpaused);
      }
    }
    page.post_to_worker(own, Payload(Box::new(paused)));
    let mut last = None;
    let message = bounded(async {
      loop {
        match realm.next_message().await {
          RealmMessage::Updates(updates) => last = updates.last().cloned(),
          RealmMessage::ServiceWorker(ServiceWorkerMessage::Event {
            event,
            ..
          }) => return event,
          _ => {}
        }
      }
    });
    assert!(matches!(message.await, Event::Message { .. }));
    assert_eq!(last.unwrap().paused, paused);
  }
}
