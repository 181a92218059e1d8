//! What an operator sees of an engine: `docs/observability.md`.
//!
//! A recorder and a subscriber are the process's, so that this is a binary of
//! its own, with one test.

mod numbers;
mod page;
mod spans;

use std::time::Duration;

use background_fetch::Engine;
use background_fetch::EngineConfig;
use background_fetch::Realm;
use background_fetch::RealmKind;
use background_fetch::RealmOptions;
use background_fetch::Url;
use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::NewRecord;
use background_fetch::engine::RealmMessage;
use background_fetch::engine::RetryPolicy;
use background_fetch::network::NetworkPolicy;
use background_fetch::spec::Request;
use bytes::Bytes;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;
use tracing_subscriber::layer::SubscriberExt;

use self::numbers::Numbers;
use self::spans::Spans;

/// Nothing here takes longer, unless it hangs.
const BOUND: Duration = Duration::from_secs(240);

/// In bytes.
const FILM: u64 = 300_000;
/// Where its first transfer breaks off.
const BROKEN: u64 = 100_000;
const UPLOAD: u64 = 70_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_seen_as_the_page_says() {
  let numbers = Numbers::default();
  metrics::set_global_recorder(numbers.clone()).ok().unwrap();
  let spans = Spans::default();
  let subscriber = tracing_subscriber::registry().with(spans.clone());
  tracing::subscriber::set_global_default(subscriber).unwrap();
  let server = FaultServer::start().await;
  let directory = tempfile::tempdir().unwrap();
  let engine = Engine::builder()
    .config(EngineConfig {
      retry: RetryPolicy {
        first_delay: Duration::from_millis(1),
        ..RetryPolicy::default()
      },
      ..EngineConfig::default()
    })
    .open(directory.path())
    .await
    .unwrap();

  download(&engine, &server, &numbers).await;
  upload(&engine, &server).await;
  // Nothing of the film came twice: what had arrived was continued.
  let received = numbers.counter("background_fetch_received", &[]);
  assert_eq!(received, FILM + "thanks".len() as u64);
  fail(&engine, &server).await;
  engine.shutdown().await;

  check_numbers(&numbers);
  check_spans(&spans);
  no_secret_is_said(&spans);
  page::says_the_same(&numbers, &spans);
}

/// One that is interrupted once, and whose event goes to two workers.
async fn download(engine: &Engine, server: &FaultServer, numbers: &Numbers) {
  let film =
    Resource::bytes(FILM, 1).script([ResetAfter(BROKEN), StallAfter(1)]);
  let url = server.serve("/film", film.etag("\"1\""));
  let first = worker(engine);
  let url = format!("{url}?token=hidden");
  start(
    &first,
    "film",
    Request::get(Url::parse(&url).unwrap()),
    None,
  )
  .await;
  server.wait_until_stalled("/film", BOUND).await;
  assert_eq!(numbers.gauge("background_fetch_transfers"), 1.0);
  server.release("/film");
  let second = worker(engine);
  let _given_up = event(&first).await;
  drop(first);
  handle(&second).await;
}

async fn upload(engine: &Engine, server: &FaultServer) {
  let url = server.serve("/upload", Resource::text("thanks"));
  let realm = worker(engine);
  let request = Request {
    method: "POST".into(),
    body_length: Some(UPLOAD),
    ..Request::get(Url::parse(&url).unwrap())
  };
  let body = vec![7; UPLOAD as usize];
  start(&realm, "upload", request, Some(body.into())).await;
  handle(&realm).await;
}

async fn fail(engine: &Engine, server: &FaultServer) {
  let url = server.serve("/none", Resource::text("").script([Status(404)]));
  let realm = worker(engine);
  let request = Request::get(Url::parse(&url).unwrap());
  start(&realm, "none", request, None).await;
  handle(&realm).await;
}

fn worker(engine: &Engine) -> Realm {
  let url = Url::parse("http://localhost/app/sw.js").unwrap();
  let realm = engine.attach(RealmOptions {
    policy: NetworkPolicy::Server,
    ..RealmOptions::new(RealmKind::ServiceWorker, url)
  });
  realm.start_worker();
  realm
}

async fn start(realm: &Realm, id: &str, request: Request, body: Option<Bytes>) {
  let body = match body {
    Some(bytes) => {
      let mut body = realm.create_request_body().await.unwrap();
      body.write(bytes).await.unwrap();
      Some(body.finish())
    }
    None => None,
  };
  let records = vec![NewRecord { request, body }];
  let options = BackgroundFetchOptions::default();
  realm.fetch(id.into(), records, options).await.unwrap();
}

async fn event(realm: &Realm) -> background_fetch::engine::EventLease {
  let next = async {
    loop {
      if let RealmMessage::Event { lease, .. } = realm.next_message().await {
        return lease;
      }
    }
  };
  tokio::time::timeout(BOUND, next).await.unwrap()
}

async fn handle(realm: &Realm) {
  event(realm).await.acknowledge();
  tokio::time::timeout(BOUND, realm.idle()).await.unwrap();
}

fn check_numbers(numbers: &Numbers) {
  let count = |name: &str, labels: &[(&str, &str)]| {
    numbers.counter(&format!("background_fetch_{name}"), labels)
  };
  assert_eq!(count("started", &[]), 3);
  assert_eq!(count("settled", &[("result", "success")]), 2);
  assert_eq!(count("settled", &[("failure_reason", "bad-status")]), 1);
  assert_eq!(count("attempts", &[]), 4);
  assert_eq!(count("attempts", &[("outcome", "retry")]), 1);
  assert_eq!(count("attempts", &[("outcome", "complete")]), 3);
  assert_eq!(count("retries", &[("cause", "network")]), 1);
  assert_eq!(numbers.gauge("background_fetch_transfers"), 0.0);
  assert_eq!(count("sent", &[]), UPLOAD);
  let success = [("event", "backgroundfetchsuccess")];
  assert_eq!(count("events_delivered", &success), 3);
  assert_eq!(count("events_redelivered", &success), 1);
  assert_eq!(
    count("events_delivered", &[("event", "backgroundfetchfail")]),
    1
  );
  assert_eq!(count("events_undelivered", &[]), 0);
  assert!(count("flushes", &[("outcome", "done")]) >= 3);
  assert_eq!(
    count("flushes", &[]),
    numbers.samples("background_fetch_flush_duration", &[]) as u64
  );
  let durations = "background_fetch_attempt_duration";
  assert_eq!(numbers.samples(durations, &[("outcome", "complete")]), 3);
}

fn check_spans(spans: &Spans) {
  let fetches = spans.spans("background_fetch");
  let ids: Vec<&str> = fetches.iter().map(|span| span.field("id")).collect();
  assert_eq!(ids, ["film", "upload", "none"]);
  assert!(fetches.iter().all(|span| !span.is_open));
  let attempts = spans.spans("attempt");
  let fields = ["attempt", "method", "from", "status", "stored", "outcome"];
  let told: Vec<_> = attempts
    .iter()
    .map(|span| fields.map(|name| span.field(name).to_string()))
    .collect();
  let at = &told[1][2];
  assert_eq!(told[0][..4], ["1", "GET", "0", "200"]);
  assert_eq!((&told[0][4], told[0][5].as_str()), (at, "retry"));
  assert_eq!(told[1], ["2", "GET", at, "206", "300000", "complete"]);
  assert_eq!(told[2], ["1", "POST", "0", "200", "6", "complete"]);
  assert!(
    attempts
      .iter()
      .all(|s| s.parent == Some("background_fetch"))
  );
  let retries = spans.events("retry");
  assert_eq!(retries.len(), 1);
  assert_eq!(retries[0].parent, Some("attempt"));
  assert_eq!(spans.events("started").len(), 3);
  let settled = spans.events("settled");
  assert_eq!(settled[2].field("failure_reason"), "bad-status");
  let events = spans.spans("service_worker_event");
  let outcomes: Vec<_> = events
    .iter()
    .map(|span| (span.field("delivery"), span.field("outcome")))
    .collect();
  let handled = ("1", "handled");
  let again = ("2", "handled");
  assert_eq!(outcomes, [("1", "released"), again, handled, handled]);
  assert!(spans.spans("flush").iter().all(|s| s.parent.is_none()));
}

fn no_secret_is_said(spans: &Spans) {
  for seen in spans.all() {
    for (name, value) in &seen.fields.0 {
      assert!(!value.contains("hidden"), "{}.{name}: {value}", seen.name);
    }
  }
}
