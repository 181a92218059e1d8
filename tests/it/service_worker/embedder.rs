//! What an embedder does with registrations, without a realm.

use background_fetch::engine::Engine;
use background_fetch::engine::RegisterOptions;
use background_fetch::engine::UnregisterOutcome;
use background_fetch::store::Store;
use url::Url;

use crate::service_worker::harness::*;

fn url(world: &World, path: &str) -> Url {
  world.server.url(path).parse().unwrap()
}

#[test]
fn a_worker_is_registered_updated_and_unregistered_by_the_embedder() {
  let world = World::new();
  world.script("/app/sw.js", "oninstall = () => console.log('the first');");
  let (script, scope) = (url(&world, "/app/sw.js"), url(&world, "/app/"));
  let workers = world.engine().service_workers();
  assert!(workers.registrations().is_empty());
  let options = RegisterOptions::default();
  let registered = workers.register(script.clone(), options);
  let registered = world.bounded(registered).unwrap();
  assert_eq!(registered.scope, scope);
  world.bounded(workers.idle());
  world.log.wait_for("the first");
  let known = workers.registration(&scope).unwrap();
  assert_eq!(known.active.as_ref().unwrap().script_url, script);
  assert_eq!(workers.registrations(), std::slice::from_ref(&known));

  // The same script makes no other worker, and another one does.
  world.bounded(workers.update(&scope)).unwrap();
  world.bounded(workers.idle());
  assert_eq!(workers.registration(&scope).unwrap().active, known.active);
  world.script("/app/sw.js", "oninstall = () => console.log('the second');");
  world.bounded(workers.update(&scope)).unwrap();
  world.bounded(workers.idle());
  world.log.wait_for("the second");
  assert_ne!(workers.registration(&scope).unwrap().active, known.active);

  let outcome = world.bounded(workers.unregister(&scope)).unwrap();
  assert_eq!(outcome, UnregisterOutcome::Unregistered);
  assert!(workers.registrations().is_empty());
  let outcome = world.bounded(workers.unregister(&scope)).unwrap();
  assert_eq!(outcome, UnregisterOutcome::NotRegistered);
  let gone = world.bounded(workers.update(&scope)).unwrap_err();
  assert_eq!(gone.name(), "InvalidStateError");
}

#[test]
fn what_cannot_be_registered_is_refused_with_the_exception_of_a_script() {
  let world = World::new();
  world.script("/app/throws.js", "throw new Error('no');");
  let workers = world.engine().service_workers();
  let refused = |path: &str, scope: Option<Url>| {
    let options = RegisterOptions {
      scope,
      ..RegisterOptions::default()
    };
    let registered = workers.register(url(&world, path), options);
    world.bounded(registered).unwrap_err().name()
  };
  assert_eq!(refused("/app/none.js", None), "TypeError");
  assert_eq!(refused("/app/throws.js", None), "TypeError");
  let above = Some(url(&world, "/"));
  assert_eq!(refused("/app/throws.js", above), "SecurityError");
  let elsewhere = Some("https://elsewhere.test/".parse().unwrap());
  assert_eq!(refused("/app/throws.js", elsewhere), "SecurityError");
  assert!(workers.registrations().is_empty());
}

#[test]
fn an_engine_without_a_host_registers_no_worker() {
  let world = World::new();
  let engine = Engine::builder()
    .start_blocking(Store::in_memory())
    .unwrap();
  let workers = engine.service_workers();
  let script = url(&world, "/sw.js");
  let registered = workers.register(script, RegisterOptions::default());
  let refused = world.bounded(registered).unwrap_err();
  assert_eq!(refused.name(), "NotSupportedError");
}

#[test]
fn an_engine_that_ends_answers_who_waits() {
  let mut world = World::new();
  let held = support::Resource::text("").script([support::Behaviour::Hold]);
  world.server.serve("/sw.js", held);
  let engine = world.engine.take().unwrap();
  let workers = engine.service_workers();
  let script = url(&world, "/sw.js");
  let registered = workers.register(script, RegisterOptions::default());
  let shut_down = async {
    world.server.wait_until_stalled("/sw.js", BOUND).await;
    engine.shutdown().await;
  };
  let both = async { tokio::join!(registered, shut_down).0 };
  let refused = world.bounded(both).unwrap_err();
  assert_eq!(refused.to_string(), "the engine has ended");
}
