//! Workers whose threads crash, or do not stop.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::RealmMessage;
use background_fetch::engine::RealmOptions;
use background_fetch::engine::RedeliverOutcome;
use background_fetch::engine::ServiceWorkerHost;
use background_fetch::service_worker::ServiceWorkerLimits;
use background_fetch::service_worker::ServiceWorkerMessage;
use background_fetch::service_worker::StartWorker;
use background_fetch::store::Store;
use parking_lot::Mutex;
use url::Url;

use crate::service_worker::harness::BOUND;
use crate::service_worker::harness::Log;
use crate::service_worker::harness::World;
use crate::service_worker::harness::limits;
use support::Resource;

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
  /// Handles every event.
  Work,
  /// Its thread ends before its script is evaluated.
  Fail,
  /// Its thread ends when it gets an event of a background fetch.
  Crash,
  /// It blocks when it gets one, and hears of nothing any more.
  Hang,
}

/// Runs workers without a script, on threads that do as they are told: the
/// first one, the second one and so on, and the last for all that follow.
#[derive(Clone)]
struct Threads {
  log: Log,
  does: &'static [Does],
  started: Arc<AtomicUsize>,
  /// Threads that hang do so until it is dropped.
  hanging: Arc<Mutex<Option<mpsc::Receiver<()>>>>,
}

impl ServiceWorkerHost for Threads {
  fn start(&self, engine: Engine, worker: StartWorker) {
    let number = self.started.fetch_add(1, Ordering::SeqCst);
    let does = self.does[number.min(self.does.len() - 1)];
    self.log.write(format!("starts {}", number + 1));
    let itself = self.clone();
    std::thread::spawn(move || {
      let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
      if does != Does::Fail {
        tokio.block_on(itself.work(engine, &worker, does));
      }
    });
  }

  fn report(&self, _: &Url, message: &str) {
    self.log.write(format!("report {message}"));
  }
}

impl Threads {
  async fn work(&self, engine: Engine, worker: &StartWorker, does: Does) {
    let realm = engine.attach(RealmOptions::for_worker(worker));
    drop(engine);
    worker.handle.evaluated(Ok(()));
    loop {
      tokio::select! {
        message = realm.next_message() => {
          let lease = match message {
            RealmMessage::Event { lease, .. } => lease,
            RealmMessage::ServiceWorker(ServiceWorkerMessage::Event {
              id,
              ..
            }) => {
              realm.worker_event_handled(id, false);
              continue;
            }
            _ => continue,
          };
          match does {
            Does::Work | Does::Fail => {}
            Does::Crash => {
              drop(realm);
              return;
            }
            Does::Hang => {
              self.log.write("hangs".into());
              let hanging = self.hanging.lock().take();
              let _ = hanging.unwrap().recv();
            }
          }
          lease.acknowledge();
          self.log.write("is done".into());
        }
        () = worker.handle.stopping() => return,
      }
    }
  }
}

struct Place {
  world: World,
  /// Keeps the thread that hangs.
  _hold: mpsc::Sender<()>,
}

fn place(
  does: &'static [Does],
  limits: ServiceWorkerLimits,
  store: Store,
) -> Place {
  let mut world = World::new();
  let (hold, hanging) = mpsc::channel();
  let host = Threads {
    log: world.log.clone(),
    does,
    started: Arc::default(),
    hanging: Arc::new(Mutex::new(Some(hanging))),
  };
  let config = EngineConfig {
    service_worker_host: Some(Arc::new(host)),
    service_worker_limits: limits,
    ..EngineConfig::default()
  };
  world.engine = Some(
    Engine::builder()
      .config(config)
      .start_blocking(store)
      .unwrap(),
  );
  world.script("/sw.js", "");
  world.server.serve("/x", Resource::text("x"));
  Place { world, _hold: hold }
}

impl Place {
  /// An engine that continues with what the last one has left.
  fn next_engine(&self, does: &'static [Does], store: Store) -> Engine {
    let host = Threads {
      log: self.world.log.clone(),
      does,
      started: Arc::default(),
      hanging: Arc::default(),
    };
    let config = EngineConfig {
      service_worker_host: Some(Arc::new(host)),
      ..EngineConfig::default()
    };
    Engine::builder()
      .config(config)
      .start_blocking(store)
      .unwrap()
  }
}

const START: &str = r#"
const registration = await activated("/sw.js");
await registration.backgroundFetch.fetch("my", "/x");
"#;

fn bounded<T>(future: impl Future<Output = T>) -> T {
  let tokio = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build()
    .unwrap();
  tokio
    .block_on(async { tokio::time::timeout(BOUND, future).await })
    .expect("it comes to an end")
}

impl Place {
  fn scope(&self) -> Url {
    self.world.server.url("/").parse().unwrap()
  }
}

#[test]
fn an_event_that_has_ended_three_workers_is_kept_and_given_to_no_fourth() {
  let does = &[Does::Crash, Does::Crash, Does::Crash, Does::Work];
  let place = place(does, limits(), Store::in_memory());
  place.world.window("/page.html", START);
  let engine = place.world.engine();
  bounded(engine.until_settled(&place.scope())).unwrap();
  let log = &place.world.log;
  assert_eq!(log.count("starts"), 3, "{:?}", log.lines());
  log.wait_for_more("report its thread has ended unexpectedly", 2);
  let kept = engine.background_fetches().remove(0);
  let why = kept.retained.unwrap().undelivered.unwrap();
  assert_eq!(why, "3 service workers have crashed while they handled it");
  assert!(kept.records_available);

  assert_eq!(
    bounded(engine.redeliver(kept.key)).unwrap(),
    RedeliverOutcome::Redelivered
  );
  log.wait_for("is done");
  bounded(engine.until_settled(&place.scope())).unwrap();
  assert!(engine.background_fetches().is_empty());
  assert_ne!(
    bounded(engine.redeliver(kept.key)).unwrap(),
    RedeliverOutcome::Redelivered
  );
}

#[test]
fn an_event_that_ends_workers_takes_no_other_with_it() {
  let place = place(&[Does::Crash], limits(), Store::in_memory());
  place.world.window("/page.html", START);
  let engine = place.world.engine();
  bounded(engine.until_settled(&place.scope())).unwrap();
  // The next event is a new one, and has tries of its own.
  place.world.window("/page.html", START);
  bounded(engine.until_settled(&place.scope())).unwrap();
  let log = &place.world.log;
  assert_eq!(log.count("starts"), 6, "{:?}", log.lines());
  assert_eq!(engine.background_fetches().len(), 2);
}

#[test]
fn an_event_that_could_not_be_delivered_outlives_the_process() {
  let directory = tempfile::tempdir().unwrap();
  let open = || Store::open_directory(directory.path()).unwrap();
  let mut place = place(&[Does::Crash], limits(), open());
  place.world.window("/page.html", START);
  bounded(place.world.engine().until_settled(&place.scope())).unwrap();
  bounded(place.world.engine.take().unwrap().shutdown());

  let next = place.next_engine(&[Does::Work], open());
  bounded(next.until_settled(&place.scope())).unwrap();
  let kept = next.background_fetches().remove(0);
  assert!(kept.retained.unwrap().undelivered.is_some());
  assert_eq!(place.world.log.count("is done"), 0);
  assert_eq!(
    bounded(next.redeliver(kept.key)).unwrap(),
    RedeliverOutcome::Redelivered
  );
  // What is asked for again comes again, even after the next end.
  bounded(next.shutdown());
  let next = place.next_engine(&[Does::Work], open());
  bounded(next.until_settled(&place.scope())).unwrap();
  assert_eq!(place.world.log.count("is done"), 1);
  assert!(next.background_fetches().is_empty());
}

#[test]
fn an_event_whose_first_worker_crashed_is_handled_by_the_next() {
  let does = &[Does::Crash, Does::Work];
  let place = place(does, limits(), Store::in_memory());
  place.world.window("/page.html", START);
  place.world.log.wait_for("is done");
  bounded(place.world.engine().until_settled(&place.scope())).unwrap();
  assert_eq!(place.world.log.count("starts"), 2);
}

#[test]
fn a_worker_that_fails_to_start_three_times_keeps_its_event() {
  let does = &[Does::Crash, Does::Fail];
  let place = place(does, limits(), Store::in_memory());
  place.world.window("/page.html", START);
  let stuck = bounded(place.world.engine().until_settled(&place.scope()));
  let message = stuck.unwrap_err().to_string();
  assert!(message.contains(place.scope().as_str()), "{message}");
  assert_eq!(place.world.engine().background_fetches().len(), 1);
  let log = &place.world.log;
  log.wait_for("report it cannot be started; its events wait");
  assert_eq!(log.count("starts"), 3, "{:?}", log.lines());
}

#[test]
fn a_thread_that_does_not_stop_is_left_to_itself() {
  let short = ServiceWorkerLimits {
    event: Duration::from_millis(100),
    stop: Duration::from_millis(100),
    ..limits()
  };
  let does = &[Does::Hang, Does::Work];
  let place = place(does, short, Store::in_memory());
  place.world.window("/page.html", START);
  let log = &place.world.log;
  log.wait_for("report an event was not handled in time");
  log.wait_for("report its thread does not stop, and is left to itself");
  // The event is for the next one.
  log.wait_for("is done");
  bounded(place.world.engine().until_settled(&place.scope())).unwrap();
  assert!(place.world.engine().background_fetches().is_empty());
  assert_eq!(log.count("starts"), 2);
}

#[test]
fn a_thread_that_does_not_stop_does_not_keep_the_store() {
  let short = ServiceWorkerLimits {
    stop: Duration::from_millis(100),
    ..limits()
  };
  let directory = tempfile::tempdir().unwrap();
  let open = || Store::open_directory(directory.path());
  let mut place = place(&[Does::Hang], short, open().unwrap());
  place.world.window("/page.html", START);
  place.world.log.wait_for("hangs");
  assert!(open().is_err(), "the store is in use");
  bounded(place.world.engine.take().unwrap().shutdown());
  // What the thread was working on is owed to the next engine.
  let next = Engine::builder().start_blocking(open().unwrap()).unwrap();
  assert_eq!(next.background_fetches().len(), 1);
  // The thread continues, and changes nothing.
  drop(place._hold);
  place.world.log.wait_for("is done");
  bounded(next.shutdown());
  let next = Engine::builder().start_blocking(open().unwrap()).unwrap();
  assert_eq!(next.background_fetches().len(), 1);
}
