//! What a host may do: bring its own scripts, and fail.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::RegisterOptions;
use background_fetch::engine::ServiceWorkerHost;
use background_fetch::service_worker::ScriptRequest;
use background_fetch::service_worker::ScriptResponse;
use background_fetch::service_worker::StartWorker;
use background_fetch::spec::HeaderList;
use background_fetch::store::Store;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use url::Url;

use crate::service_worker::harness::Log;
use crate::service_worker::harness::World;

fn engine_with(host: Option<Arc<dyn ServiceWorkerHost>>) -> Engine {
  let config = EngineConfig {
    service_worker_host: host,
    ..EngineConfig::default()
  };
  Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap()
}

/// Takes scripts from nowhere, and starts nothing.
struct Broken(Log);

impl ServiceWorkerHost for Broken {
  fn start(&self, _: Engine, worker: StartWorker) {
    self.0.write(format!("starts {}", worker.script_url.path()));
    let (_, source) = worker.scripts.first_key_value().unwrap();
    self.0.write(format!("source {source}"));
  }

  fn fetch_script(
    &self,
    request: &ScriptRequest,
  ) -> Option<BoxFuture<'static, Result<ScriptResponse, String>>> {
    let mut headers = HeaderList::new();
    headers.append("content-type", "text/javascript");
    let response = ScriptResponse {
      status: 200,
      headers,
      body: format!("// {:?}", request.role).into(),
    };
    Some(async { Ok(response) }.boxed())
  }

  fn report(&self, script_url: &Url, message: &str) {
    self
      .0
      .write(format!("report {}: {message}", script_url.path()));
  }
}

#[test]
fn a_worker_whose_thread_ends_at_once_is_reported_and_not_registered() {
  let mut world = World::new();
  let host = Broken(world.log.clone());
  world.engine = Some(engine_with(Some(Arc::new(host))));
  world.window(
    "/page.html",
    r#"
    await assertRejects(
      navigator.serviceWorker.register("/sw.js"), "TypeError", "register");
    assertEquals(await navigator.serviceWorker.getRegistrations(), [], "all");
    "#,
  );
  assert_eq!(
    world.log.lines(),
    [
      "starts /sw.js",
      "source // Main",
      "report /sw.js: its thread has ended unexpectedly",
    ]
  );
}

/// Starts what does not work, and looks when that is reported.
struct Failing {
  log: Log,
  /// Hears of the end of the registration.
  rejected: Mutex<mpsc::Receiver<()>>,
}

impl ServiceWorkerHost for Failing {
  fn start(&self, _: Engine, worker: StartWorker) {
    std::thread::spawn(move || {
      worker.handle.evaluated(Err("it is broken".into()));
    });
  }

  fn report(&self, _: &Url, message: &str) {
    let rejected = self.rejected.lock().recv_timeout(UNTOLD);
    let when = if rejected.is_ok() { "after" } else { "before" };
    self.log.write(format!("{message}, {when} the rejection"));
  }
}

/// Long enough for a registration to be rejected, if it could be.
const UNTOLD: Duration = Duration::from_millis(200);

/// The process may end as soon as the registration is rejected.
#[test]
fn a_script_that_fails_is_reported_before_its_registration_is_rejected() {
  let mut world = World::new();
  let (reject, rejected) = mpsc::channel();
  let host = Failing {
    log: world.log.clone(),
    rejected: Mutex::new(rejected),
  };
  world.engine = Some(engine_with(Some(Arc::new(host))));
  world.script("/sw.js", "");
  let url = Url::parse(&world.server.url("/sw.js")).unwrap();
  let workers = world.engine().service_workers();
  let registered =
    world.bounded(workers.register(url, RegisterOptions::default()));
  assert!(registered.is_err(), "{registered:?}");
  let _ = reject.send(());
  assert_eq!(world.log.lines(), ["it is broken, before the rejection"]);
}

#[test]
fn without_a_host_nothing_can_be_registered() {
  let mut world = World::new();
  world.engine = Some(engine_with(None));
  world.window(
    "/page.html",
    r#"
    await assertRejects(
      navigator.serviceWorker.register("/sw.js"), "NotSupportedError", "register");
    "#,
  );
}
