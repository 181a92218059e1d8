//! How an engine is opened.

use background_fetch::engine::Engine;
use background_fetch::engine::StartError;
use background_fetch::store::Store;
use support::FaultServer;
use support::Resource;
use tokio::runtime::Builder;
use tokio::runtime::Runtime;

use super::harness::bounded;
use super::harness::fetch;
use super::harness::next_event;
use super::harness::realm_options;

fn one_thread() -> Runtime {
  Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_current_thread_runtime_is_refused_where_nothing_drives_it() {
  let lent = one_thread();
  let builder = || Engine::builder().runtime(lent.handle().clone());
  let blocking = builder().start_blocking(Store::in_memory()).err();
  assert!(matches!(blocking, Some(StartError::CurrentThread)));
  let start = || builder().start(Store::in_memory());
  let error = one_thread().block_on(bounded(start())).err().unwrap();
  assert!(matches!(error, StartError::CurrentThread));
  assert!(error.to_string().contains("multi-threaded"), "{error}");
  let engine = lent.block_on(bounded(start())).unwrap();
  lent.block_on(bounded(engine.shutdown()));
}

#[test]
fn an_engine_opens_without_blocking_the_runtime_of_its_caller() {
  let directory = tempfile::tempdir().unwrap();
  let engine = one_thread().block_on(bounded(Engine::open(directory.path())));
  let engine = engine.unwrap();
  // It is open: a second one cannot have the store.
  let second = Engine::open_blocking(directory.path()).err().unwrap();
  assert!(matches!(second, StartError::Store(_)), "{second}");
  one_thread().block_on(bounded(engine.shutdown()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_works_on_a_runtime_that_is_lent() {
  let server = FaultServer::start().await;
  server.serve("/a", Resource::bytes(1000, 1));
  let engine = Engine::builder()
    .runtime(tokio::runtime::Handle::current())
    .start(Store::in_memory())
    .await
    .unwrap();
  let realm = engine.attach(realm_options());
  realm.start_worker();
  fetch(&realm, "a", &[&server.url("/a")]).await;
  let (_, name, _) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess");
  bounded(engine.shutdown()).await;
}
