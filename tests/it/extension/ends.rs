//! How running a script ends, when it is not by the script itself.

use std::panic::AssertUnwindSafe;

use background_fetch::engine::Engine;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::RunError;
use background_fetch::extension::check;
use background_fetch::extension::extensions;
use background_fetch::extension::init;
use background_fetch::extension::realm;
use background_fetch::extension::run_script;
use background_fetch::extension::run_until_idle;
use background_fetch::store::Store;
use deno_core::JsRuntime;
use deno_core::RuntimeOptions;
use support::Behaviour::StallAfter;
use support::FaultServer;
use support::Resource;
use tokio::runtime::Builder;

use super::harness::BOUND;

fn engine() -> Engine {
  Engine::builder()
    .start_blocking(Store::in_memory())
    .unwrap()
}

fn options(kind: RealmKind, origin: &str) -> RealmOptions {
  RealmOptions::new(kind, format!("{origin}/app/script.js").parse().unwrap())
}

fn runtime(engine: &Engine, options: RealmOptions) -> JsRuntime {
  JsRuntime::new(RuntimeOptions {
    extensions: extensions(engine, options, ExtensionOptions::default()),
    ..Default::default()
  })
}

/// Runs `script` on the only thread of a runtime, with what happens meanwhile.
fn run(
  engine: &Engine,
  options: RealmOptions,
  script: &str,
  meanwhile: impl Future<Output = ()>,
) -> Result<(), RunError> {
  let tokio = Builder::new_current_thread().enable_all().build().unwrap();
  tokio.block_on(async {
    let mut js = runtime(engine, options);
    run_script(&mut js, "script.js", script)?;
    let realm = realm(&mut js);
    let both = async {
      let (ended, ()) =
        tokio::join!(run_until_idle(&mut js, &realm), meanwhile);
      ended
    };
    tokio::time::timeout(BOUND, both).await.unwrap()
  })
}

const STARTS: &str =
  "registration.backgroundFetch.fetch('film', '/film', { title: 'A film' });";

#[test]
fn a_script_ends_when_its_engine_is_shut_down() {
  let server = FaultServer::start_blocking();
  let film = Resource::bytes(5_000_000, 1).script([StallAfter(1_000_000)]);
  server.serve("/film", film);
  let engine = engine();
  let options = options(RealmKind::ServiceWorker, &server.origin());
  let shuts_down = async {
    server.wait_until_stalled("/film", BOUND).await;
    engine.clone().shutdown().await;
  };
  let ended = run(&engine, options.clone(), STARTS, shuts_down);
  assert!(matches!(ended, Err(RunError::Stopped)), "{ended:?}");
  // And afterwards.
  let ended = run(&engine, options, "1", async {});
  assert!(matches!(ended, Err(RunError::Stopped)), "{ended:?}");
}

#[test]
fn a_page_ends_when_there_is_no_worker_for_its_events() {
  let server = FaultServer::start_blocking();
  server.serve("/film", Resource::bytes(1000, 1));
  let engine = engine();
  let options = options(RealmKind::Window, &server.origin());
  let scope = options.scope.clone();
  let starts = "navigator.serviceWorker.ready.then((registration) =>
    registration.backgroundFetch.fetch('film', '/film'));";
  let ended = run(&engine, options, starts, async {});
  let Err(RunError::NoWorker(stuck)) = ended else {
    panic!("{ended:?}");
  };
  assert_eq!(stuck.scope, scope);
  // It is kept for a worker that comes.
  assert_eq!(engine.background_fetches().len(), 1);
}

#[test]
fn a_runtime_of_many_threads_is_refused() {
  let one = Builder::new_current_thread().enable_all().build().unwrap();
  let many = Builder::new_multi_thread().enable_all().build().unwrap();
  let engine = engine();
  let options = || options(RealmKind::Window, "http://127.0.0.1:1");
  let mut js = one.block_on(async { runtime(&engine, options()) });
  let realm = realm(&mut js);
  let ended = many.block_on(run_until_idle(&mut js, &realm));
  assert!(matches!(ended, Err(RunError::Tokio)), "{ended:?}");
  // Before deno_core can end the process.
  let makes = || {
    let _context = many.enter();
    extensions(&engine, options(), ExtensionOptions::default())
  };
  let panic = std::panic::catch_unwind(AssertUnwindSafe(makes))
    .err()
    .unwrap();
  let message = panic.downcast_ref::<String>().unwrap();
  assert!(message.contains("current_thread"), "{message}");
}

#[test]
fn an_error_that_main_returns_can_be_read() {
  let engine = engine();
  let options = || options(RealmKind::Window, "http://127.0.0.1:1");
  for script in [
    "throw new RangeError('seven is too much')",
    "setTimeout(() => { throw new RangeError('seven is too much'); })",
  ] {
    let error = run(&engine, options(), script, async {}).unwrap_err();
    let text = format!("{error:?}");
    assert!(text.contains("RangeError: seven is too much"), "{text}");
    // It and where it came from, and nothing of how the runtime keeps it.
    assert!(text.lines().count() < 8, "{text}");
    assert!(!text.contains('{'), "{text}");
  }
}

#[test]
fn an_extension_that_is_missing_is_named() {
  let engine = engine();
  let options = options(RealmKind::Window, "http://127.0.0.1:1");
  let error = check(&[init(&engine, options)]).unwrap_err();
  let text = error.to_string();
  assert!(
    text.contains("background_fetch needs deno_webidl"),
    "{text}"
  );
}
