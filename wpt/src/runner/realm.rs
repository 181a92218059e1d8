//! One page of tests in a realm of its own.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use std::time::Instant;

use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::PermissionState;
use background_fetch::engine::RealmFacts;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RetryPolicy;
use background_fetch::extension::Console;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::WorkerThreads;
use background_fetch::extension::deliver_events;
use background_fetch::extension::extensions;
use background_fetch::network::MemoryCookieStore;
use background_fetch::network::NetworkConfig;
use background_fetch::network::Proxy;
use background_fetch::store::Store;
use deno_core::JsRuntime;
use deno_core::PollEventLoopOptions;
use deno_core::RuntimeOptions;
use parking_lot::Mutex;
use reqwest::Url;
use serde_json::json;

use super::Setting;
use super::host;
use super::host::Host;
use super::host::Log;
use super::host::Outcome;
use super::page;
use crate::discover::Scope;
use crate::discover::Test;
use crate::results::Results;
use crate::results::Status;
use crate::results::Subtest;

/// Runs `test` on the current thread, which has to have a stack that is large
/// enough for JavaScript.
pub fn run(test: &Test, setting: &Setting) -> Results {
  let start = Instant::now();
  let log = Log::default();
  let outcome = Rc::new(RefCell::new(Outcome::default()));
  let result = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build()
    .map_err(|error| error.to_string())
    .and_then(|tokio| {
      tokio.block_on(open_and_wait(test, setting, &log, &outcome))
    });
  let Outcome { ended, complete } = outcome.take();
  let (status, message, tests) = match (complete, result) {
    (Some(complete), _) => (
      Status::of_harness(complete.status),
      complete.message,
      complete.tests,
    ),
    (None, Ok(())) => {
      let message = "the harness did not come to its end in time";
      (Status::Timeout, Some(message.into()), ended)
    }
    (None, Err(error)) => (Status::Crash, Some(error), ended),
  };
  let subtests = tests.into_iter().map(|test| Subtest {
    name: test.name,
    status: Status::of_subtest(test.status),
    message: test.message,
  });
  Results {
    test: test.clone(),
    status,
    message,
    subtests: subtests.collect(),
    duration: start.elapsed(),
    console: log.take(),
  }
}

async fn open_and_wait(
  test: &Test,
  setting: &Setting,
  log: &Log,
  outcome: &Rc<RefCell<Outcome>>,
) -> Result<(), String> {
  let url = setting.base(test.https);
  let url = url.join(&test.entry).map_err(|error| error.to_string())?;
  let permission = Arc::new(Mutex::new(PermissionState::Granted));
  let quota = Arc::new(AtomicU64::new(QUOTA));
  let engine = engine(test, setting, permission.clone(), quota.clone(), log)?;
  let host = Host {
    loader: setting.loader.clone(),
    timeout_multiplier: setting.timeout_multiplier,
    permission,
    quota,
    log: log.clone(),
    outcome: outcome.clone(),
  };
  let mut runtime = realm(&engine, test.scope, url.clone(), host);
  let bound = setting.bound(test);
  let run = async {
    match test.scope {
      Scope::Window => open_page(&mut runtime, setting, url).await?,
      Scope::DedicatedWorker | Scope::ServiceWorker => {
        open_worker(&mut runtime, setting, test.scope, url).await?;
      }
    }
    deliver_events(&mut runtime);
    until(&mut runtime, || outcome.borrow().complete.is_some()).await
  };
  let result = match tokio::time::timeout(bound, run).await {
    Ok(result) => result,
    Err(_) => Ok(()),
  };
  drop(runtime);
  engine.shutdown().await;
  result
}

fn engine(
  test: &Test,
  setting: &Setting,
  permission: Arc<Mutex<PermissionState>>,
  quota: Arc<AtomicU64>,
  log: &Log,
) -> Result<Engine, String> {
  let config = EngineConfig {
    network: NetworkConfig {
      system_roots: false,
      root_certificates: setting.route.root_certificates.clone(),
      proxy: Proxy::Direct,
      dns_overrides: setting.route.hosts.clone(),
      cookies: Some(Arc::new(MemoryCookieStore::new())),
      ..NetworkConfig::default()
    },
    permission: Arc::new(move |_| *permission.lock()),
    // A host that nobody has is given up before a test's time is.
    retry: RetryPolicy {
      attempts: 3,
      first_delay: Duration::from_millis(20),
      max_delay: Duration::from_millis(200),
      ..RetryPolicy::default()
    },
    // A service worker's own tests run in a realm that is made here.
    service_worker_host: match test.scope {
      Scope::ServiceWorker => None,
      _ => Some(Arc::new(service_workers(log))),
    },
    quota: Arc::new(move |_| Some(quota.load(Ordering::Relaxed))),
    ..EngineConfig::default()
  };
  let store = Store::in_memory();
  Engine::start_on(setting.runtime.clone(), store, config)
    .map_err(|error| error.to_string())
}

/// Runs the service workers that pages register.
fn service_workers(log: &Log) -> WorkerThreads {
  let (of_workers, of_reports) = (log.clone(), log.clone());
  WorkerThreads::new()
    .with_options(move |_| options(&of_workers))
    .with_report(move |url, error| of_reports.line(&format!("{url}: {error}")))
}

fn options(log: &Log) -> ExtensionOptions {
  let log = log.clone();
  ExtensionOptions {
    console: Console::Custom(Rc::new(move |text, _| log.write(text))),
  }
}

fn realm(engine: &Engine, scope: Scope, url: Url, host: Host) -> JsRuntime {
  let kind = match scope {
    Scope::Window => RealmKind::Window,
    Scope::DedicatedWorker => RealmKind::DedicatedWorker,
    Scope::ServiceWorker => RealmKind::ServiceWorker,
  };
  let options = options(&host.log);
  let mut extensions = extensions(engine, RealmFacts::new(kind, url), options);
  extensions.push(host::wpt_host::init(host));
  JsRuntime::new(RuntimeOptions {
    extensions,
    ..RuntimeOptions::default()
  })
}

async fn open_page(
  runtime: &mut JsRuntime,
  setting: &Setting,
  url: Url,
) -> Result<(), String> {
  let source = setting.loader.load_text(url.clone()).await?;
  for element in page::elements(&source) {
    let attributes = json!(element.attributes);
    let (name, text) = (json!(element.name), json!(element.text));
    call(runtime, "append", &format!("{name}, {attributes}, {text}"))?;
    if element.name == "script" {
      let (source, script) = match element.attribute("src") {
        None => (element.text, url.clone()),
        Some(src) => {
          let script = url.join(src).map_err(|error| error.to_string())?;
          (setting.loader.load_text(script.clone()).await?, script)
        }
      };
      run_script(runtime, &source, &script).await?;
    }
  }
  call(runtime, "loaded", "")
}

async fn open_worker(
  runtime: &mut JsRuntime,
  setting: &Setting,
  scope: Scope,
  url: Url,
) -> Result<(), String> {
  let source = setting.loader.load_text(url.clone()).await?;
  run_script(runtime, &source, &url).await?;
  if scope == Scope::ServiceWorker {
    // The harness takes it for the end of the script.
    let install = "dispatchEvent(new ExtendableEvent('install'))";
    execute(runtime, install.into())?;
  }
  Ok(())
}

/// Runs a script and the microtasks it leaves behind.
async fn run_script(
  runtime: &mut JsRuntime,
  source: &str,
  url: &Url,
) -> Result<(), String> {
  let arguments = format!("{}, {}", json!(source), json!(url.as_str()));
  call(runtime, "run", &arguments)?;
  let mut turns = 0;
  until(runtime, || {
    turns += 1;
    turns > 1
  })
  .await
}

fn call(
  runtime: &mut JsRuntime,
  function: &str,
  arguments: &str,
) -> Result<(), String> {
  let host = "globalThis[Symbol.for('wpt.host')]";
  execute(runtime, format!("{host}.{function}({arguments})"))
}

fn execute(runtime: &mut JsRuntime, source: String) -> Result<(), String> {
  match runtime.execute_script("wpt:runner", source) {
    Ok(_) => Ok(()),
    Err(error) => Err(error.to_string()),
  }
}

/// Turns the event loop until `done`, which is asked before every turn.
async fn until(
  runtime: &mut JsRuntime,
  mut done: impl FnMut() -> bool,
) -> Result<(), String> {
  poll_fn(|cx| {
    if done() {
      return Poll::Ready(Ok(()));
    }
    let turn = runtime.poll_event_loop(cx, PollEventLoopOptions::default());
    if let Poll::Ready(Err(error)) = turn {
      return Poll::Ready(Err(error.to_string()));
    }
    if done() {
      return Poll::Ready(Ok(()));
    }
    Poll::Pending
  })
  .await
}

/// In bytes: more than any test fetches, and less than some ask for.
const QUOTA: u64 = 1024 * 1024 * 1024;
