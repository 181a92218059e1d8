//! What a worker finds that runs because an engine has started.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use background_fetch::engine::Engine;
use background_fetch::store::DamagedRow;
use background_fetch::store::MetadataStore;
use background_fetch::store::Owner;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use background_fetch::store::StoredBackgroundFetch;

use crate::hooked_metadata::Hooks;
use crate::hooked_metadata::hooked;
use crate::service_worker::harness::Log;
use crate::service_worker::harness::World;
use crate::service_worker::harness::config;
use crate::service_worker::harness::limits;
use support::Behaviour;
use support::Resource;

/// Takes its time to read background fetches: a worker that could start
/// earlier does.
struct Slow {
  log: Log,
}

#[async_trait]
impl Hooks for Slow {
  async fn claim(
    &self,
    rows: &dyn MetadataStore,
    owner: Owner,
    limit: usize,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
    for _ in 0..50 {
      if self.log.count("ids") > 0 {
        break;
      }
      tokio::time::sleep(Duration::from_millis(20)).await;
    }
    rows.claim(owner, limit).await
  }
}

#[test]
fn a_worker_that_runs_at_once_finds_every_background_fetch() {
  let directory = tempfile::tempdir().unwrap();
  let mut world = World::on_disk(directory.path());
  let held = Resource::text("x").script([Behaviour::Hold]);
  world.server.serve("/held", held);
  let claims = "onactivate = (e) => e.waitUntil(clients.claim());";
  world.script("/sw.js", claims);
  let window = world.open(
    "/page.html",
    r#"
    const registration = await activated("/sw.js");
    await registration.backgroundFetch.fetch("my", "/held");
    "#,
  );
  window.finish();
  // The next version waits, for the window uses the first one.
  world.script(
    "/sw.js",
    r#"
    onactivate = (event) => event.waitUntil((async () => {
      console.log("ids", await registration.backgroundFetch.getIds());
    })());
    "#,
  );
  world.window(
    "/other.html",
    r#"
    const registration = await navigator.serviceWorker.ready;
    await registration.update();
    await reached(registration.installing ?? registration.waiting, "installed");
    "#,
  );
  let engine = world.engine.take().unwrap();
  world.bounded(engine.shutdown());
  drop(window);

  let log = Log::default();
  let store = Store::open_directory(directory.path()).unwrap();
  let store = hooked(store, Arc::new(Slow { log: log.clone() }));
  let engine = Engine::builder()
    .config(config(&log, limits()))
    .start_blocking(store)
    .unwrap();
  assert_eq!(log.wait_for("ids"), "ids [ \"my\" ]");
  drop(engine);
}

#[test]
fn navigation_preload_is_a_setting_of_an_active_worker_that_lasts() {
  let directory = tempfile::tempdir().unwrap();
  let mut world = World::on_disk(directory.path());
  world.script(
    "/sw.js",
    "const installs = new Promise((resolve) => { onmessage = resolve; });
    oninstall = (event) => event.waitUntil(installs);",
  );
  world.window(
    "/page.html",
    r#"
    const fresh = await navigator.serviceWorker.register("/sw.js");
    const { navigationPreload } = fresh;
    assert(navigationPreload instanceof NavigationPreloadManager, "instance");
    await assertRejects(navigationPreload.enable(), "InvalidStateError", "too early");
    fresh.installing.postMessage("go");
    await activated("/sw.js");
    const initial = { enabled: false, headerValue: "true" };
    assertEquals(await navigationPreload.getState(), initial, "at first");
    await assertRejects(navigationPreload.setHeaderValue("\u{100}"), "TypeError", "bytes");
    await assertRejects(navigationPreload.setHeaderValue("a\nb"), "TypeError", "a line");
    assertEquals(await navigationPreload.enable(), undefined, "enable");
    await navigationPreload.setHeaderValue("7");
    "#,
  );
  world.reopen(directory.path());
  world.window(
    "/page.html",
    r#"
    const { navigationPreload } = await navigator.serviceWorker.getRegistration("/");
    const kept = { enabled: true, headerValue: "7" };
    assertEquals(await navigationPreload.getState(), kept, "after a restart");
    await navigationPreload.disable();
    assertEquals((await navigationPreload.getState()).enabled, false, "disabled");
    "#,
  );
}
