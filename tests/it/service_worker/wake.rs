//! Background fetches end in a worker that may not be running.

use background_fetch::engine::ClickOutcome;
use std::path::Path;
use std::time::Duration;

use background_fetch::service_worker::ServiceWorkerLimits;
use background_fetch::store::Store;

use crate::service_worker::harness::World;
use crate::service_worker::harness::limits;
use support::Behaviour;
use support::Resource;

/// Reads every record, and says what it has read.
const READER: &str = r#"
onbackgroundfetchsuccess = (event) => event.waitUntil((async () => {
  const records = await event.registration.matchAll();
  const texts = [];
  for (const record of records) {
    texts.push(await (await record.responseReady).text());
  }
  console.log(`${event.type} ${event.registration.id} ${texts}`);
})());
onbackgroundfetchclick = (event) => console.log(`click ${event.registration.id}`);
"#;

/// Starts a background fetch of `/held` and `/b`.
const START: &str = r#"
const registration = await activated("/sw.js");
await registration.backgroundFetch.fetch("my", ["/held", "/b"]);
"#;

fn quick() -> ServiceWorkerLimits {
  ServiceWorkerLimits {
    idle: Duration::from_millis(50),
    ..limits()
  }
}

fn serve(world: &World, script: &str) {
  world.script("/sw.js", script);
  let held = Resource::text("hello").script([Behaviour::Hold]);
  world.server.serve("/held", held);
  world.server.serve("/b", Resource::text("world"));
}

#[test]
fn a_worker_that_was_stopped_is_woken_when_its_background_fetch_has_settled() {
  let world = World::with_limits(quick());
  serve(&world, READER);
  world.window("/page.html", START);
  // The window is gone, and the worker has nothing to do.
  world.log.wait_for("stopped /sw.js");
  world.release("/held");
  world.log.wait_for("backgroundfetchsuccess my hello,world");
  world.log.wait_for_more("stopped /sw.js", 1);
  assert!(world.engine().background_fetches().is_empty());
}

#[test]
fn a_click_wakes_the_worker() {
  let world = World::with_limits(quick());
  serve(&world, READER);
  world.window("/page.html", START);
  world.log.wait_for("stopped /sw.js");
  let key = world.engine().background_fetches()[0].key;
  assert_eq!(world.engine().click(key), ClickOutcome::Fired);
  world.log.wait_for("click my");
}

#[test]
fn a_worker_with_an_event_to_handle_is_not_idle() {
  let world = World::with_limits(quick());
  serve(
    &world,
    r#"
    onbackgroundfetchsuccess = (event) => event.waitUntil((async () => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      console.log("handled");
    })());
    "#,
  );
  world.window("/page.html", START);
  world.log.wait_for("stopped");
  world.release("/held");
  world.log.wait_for("handled");
  world.log.wait_for_more("stopped", 1);
  assert_eq!(world.log.count("stopped"), 2);
}

#[test]
fn a_new_process_wakes_the_worker_which_reads_every_record() {
  let directory = tempfile::tempdir().unwrap();
  let mut world = World::on_disk(directory.path());
  world.script("/lib.js", "const imported = 'imported';");
  serve(
    &world,
    &format!("importScripts('/lib.js'); console.log(imported); {READER}"),
  );
  world.window("/page.html", START);
  // Neither script is fetched again.
  world.server.serve("/sw.js", Resource::text("gone"));
  world.server.serve("/lib.js", Resource::text("gone"));
  world.server.serve("/held", Resource::text("hello"));
  world.reopen(directory.path());
  world.log.wait_for("backgroundfetchsuccess my hello,world");
  assert_eq!(world.log.count("imported"), 1);
  world.window(
    "/page.html",
    r#"
    const registration = await navigator.serviceWorker.getRegistration("/");
    assertEquals(registration.active.state, "activated", "state");
    assertEquals(await registration.backgroundFetch.getIds(), [], "ids");
    "#,
  );
}

#[test]
fn an_event_whose_handler_was_cut_short_comes_again_in_a_new_process() {
  let directory = tempfile::tempdir().unwrap();
  let mut world = World::on_disk(directory.path());
  serve(
    &world,
    r#"
    onbackgroundfetchsuccess = (event) => {
      console.log("at work");
      event.waitUntil(new Promise(() => {}));
    };
    "#,
  );
  world.server.serve("/held", Resource::text("hello"));
  world.window("/page.html", START);
  world.log.wait_for("at work");
  world.reopen(directory.path());
  world.log.wait_for("at work");
}

#[test]
fn a_handler_that_throws_has_handled_its_event() {
  let world = World::with_limits(quick());
  serve(
    &world,
    r#"
    onbackgroundfetchsuccess = () => { throw new Error("in the handler"); };
    setTimeout(() => { throw new Error("in a timer"); }, 0);
    "#,
  );
  world.server.serve("/held", Resource::text("hello"));
  world.window("/page.html", START);
  world.log.wait_for("in the handler");
  world.log.wait_for("in a timer");
  world.log.wait_for("stopped");
  world.until_settled();
  assert!(world.engine().background_fetches().is_empty());
}

#[test]
fn a_handler_that_never_ends_is_interrupted_and_its_event_is_kept() {
  let world = World::with_limits(ServiceWorkerLimits {
    event: Duration::from_millis(300),
    tries: 2,
    ..quick()
  });
  serve(
    &world,
    r#"
    console.log("started");
    onbackgroundfetchsuccess = () => { console.log("loops"); for (;;); };
    "#,
  );
  world.window("/page.html", START);
  world.log.wait_for("stopped");
  world.release("/held");
  world.log.wait_for("loops");
  world
    .log
    .wait_for("report /sw.js: an event was not handled in time");
  // Another one tries it, and no third.
  world.log.wait_for_more("loops", 1);
  world.until_settled();
  assert_eq!(world.log.count("loops"), 2);
  assert_eq!(world.log.count("left to itself"), 0);
  let kept = world.engine().background_fetches().remove(0);
  let why = kept.retained.unwrap().undelivered.unwrap();
  assert_eq!(why, "its handler has not ended within 300ms, tried 2 times");
}

#[test]
fn a_script_that_never_ends_is_interrupted() {
  let world = World::with_limits(ServiceWorkerLimits {
    start: Duration::from_millis(300),
    ..quick()
  });
  world.script("/sw.js", "for (;;);");
  world.window(
    "/page.html",
    r#"
    await assertRejects(
      navigator.serviceWorker.register("/sw.js"), "TypeError", "register");
    assertEquals(await navigator.serviceWorker.getRegistrations(), [], "all");
    "#,
  );
  world.log.wait_for("stopped");
}

#[test]
fn unregistering_ends_background_fetches_without_a_word() {
  let directory = tempfile::tempdir().unwrap();
  let mut world = World::on_disk(directory.path());
  serve(
    &world,
    r#"
    for (const type of ["success", "fail", "abort"]) {
      addEventListener(`backgroundfetch${type}`, () => console.log(`event ${type}`));
    }
    "#,
  );
  world.window(
    "/page.html",
    r#"
    const registration = await activated("/sw.js");
    const worker = registration.active;
    const my = await registration.backgroundFetch.fetch("my", ["/held", "/b"]);
    assert(await registration.unregister(), "unregister");
    assert(!await registration.unregister(), "again");
    await reached(worker, "redundant");
    assertEquals(registration.active, null, "active");
    assertEquals(await registration.backgroundFetch.getIds(), [], "ids");
    assert(!await my.abort(), "abort");
    await assertRejects(
      registration.backgroundFetch.fetch("x", "/b"), "TypeError", "fetch");
    assertEquals(await navigator.serviceWorker.getRegistration("/"), undefined, "get");
    // The scope is free.
    const next = await activated("/sw.js");
    assert(next !== registration, "another one");
    await next.backgroundFetch.fetch("my", "/held");
    await next.unregister();
    "#,
  );
  // What was on its way is let go, and forgotten then.
  world.until_settled();
  assert!(world.engine().background_fetches().is_empty());
  world.reopen(directory.path());
  assert!(world.engine().background_fetches().is_empty());
  world.window(
    "/page.html",
    r#"assertEquals(await navigator.serviceWorker.getRegistrations(), [], "all");"#,
  );
  assert_eq!(world.log.count("event"), 0);
  assert_eq!(files(&directory.path().join("bodies")), 0);
  let rows = Store::read_directory(directory.path()).unwrap();
  assert!(rows.is_empty());
}

fn files(directory: &Path) -> usize {
  let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
  entries
    .map(|entry| match entry.path().is_dir() {
      true => files(&entry.path()),
      false => 1,
    })
    .sum()
}
