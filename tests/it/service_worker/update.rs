//! New versions of a worker's scripts, and when they are looked for.

use std::sync::Arc;
use std::time::Duration;

use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::service_worker::ServiceWorkerLimits;

use url::Url;

use crate::service_worker::harness::BOUND;
use crate::service_worker::harness::World;
use crate::service_worker::harness::limits;
use support::Behaviour;
use support::Resource;

/// Every check is out of date at once, and a worker with nothing to do ends
/// soon.
fn stale() -> ServiceWorkerLimits {
  ServiceWorkerLimits {
    stale_after: Duration::ZERO,
    idle: Duration::from_millis(50),
    ..limits()
  }
}

/// A worker that says which version handles an event.
fn version(name: &str) -> String {
  format!(
    "oninstall = () => console.log('installs {name}');
    onactivate = () => console.log('activates {name}');
    onbackgroundfetchsuccess = () => console.log('{name} handles');"
  )
}

/// A background fetch of `/held`, which does not continue before it is
/// released.
const START: &str = r#"
const registration = await activated("/sw.js");
await registration.backgroundFetch.fetch("my", "/held");
"#;

fn hold(world: &World) {
  let held = Resource::text("hello").script([Behaviour::Hold]);
  world.server.serve("/held", held);
}

#[test]
fn a_stale_registration_is_updated_after_its_event() {
  let directory = tempfile::tempdir().unwrap();
  let mut world = World::on_disk(directory.path());
  world.script("/sw.js", &version("one"));
  hold(&world);
  world.window("/page.html", START);
  world.script("/sw.js", &version("two"));
  world.server.serve("/held", Resource::text("hello"));
  // That it was looked at survives the process.
  world.limits = stale();
  world.reopen(directory.path());
  world.log.wait_for("activates two");
  let lines = world.log.lines();
  let at = |line: &str| lines.iter().position(|l| l.contains(line));
  assert!(at("one handles").unwrap() < at("installs two").unwrap());
}

/// A page whose embedder says what may be reached, here everything.
fn page_with_a_check(world: &World) -> RealmOptions {
  let url = world.server.url("/page.html").parse().unwrap();
  RealmOptions {
    net_check: Some(Arc::new(|_: &Url| Ok(()))),
    ..RealmOptions::new(RealmKind::Window, url)
  }
}

#[test]
fn after_a_restart_nothing_is_fetched_without_the_check_that_the_page_had() {
  let directory = tempfile::tempdir().unwrap();
  let mut world = World::on_disk(directory.path());
  world.script("/sw.js", &version("one"));
  hold(&world);
  world.open_with(page_with_a_check(&world), START).wait();
  let stalled = world.server.wait_until_stalled("/held", BOUND);
  world.server.block_on(stalled);
  world.server.serve("/held", Resource::text("hello"));
  let held = world.server.requests_for("/held").len();
  world.limits = stale();
  world.reopen(directory.path());
  world.window("/page.html", GET_IDS);
  assert_eq!(world.server.requests_for("/held").len(), held);
  world.open_with(page_with_a_check(&world), "").wait();
  world.log.wait_for("one handles");
  // The worker is stale, and its own realm has brought no check.
  world.log.wait_for("stopped");
  world.idle();
  assert_eq!(world.server.requests_for("/sw.js").len(), 1);
}

const GET_IDS: &str = r#"
const registration = await navigator.serviceWorker.getRegistration("/");
assertEquals(await registration.backgroundFetch.getIds(), ["my"], "ids");
"#;

#[test]
fn a_registration_that_is_not_stale_is_left_alone() {
  let world = World::with_limits(ServiceWorkerLimits {
    idle: Duration::from_millis(50),
    ..limits()
  });
  world.script("/sw.js", &version("one"));
  hold(&world);
  world.window("/page.html", START);
  world.log.wait_for("stopped");
  world.release("/held");
  world.log.wait_for("one handles");
  // Long after its event.
  world.log.wait_for_more("stopped", 1);
  assert_eq!(world.server.requests_for("/sw.js").len(), 1);
}

#[test]
fn a_worker_that_cannot_start_any_more_is_replaced_by_one_that_can() {
  let directory = tempfile::tempdir().unwrap();
  let mut world = World::on_disk(directory.path());
  // It starts only where it is installed.
  let once = "if (serviceWorker.state === 'activated') throw new Error('no');";
  world.script("/sw.js", &format!("{once}{}", version("one")));
  hold(&world);
  world.window("/page.html", START);
  world.script("/sw.js", &version("two"));
  world.server.serve("/held", Resource::text("hello"));
  world.limits = stale();
  world.reopen(directory.path());
  world.log.wait_for("activates two");
  world.log.wait_for("two handles");
  assert_eq!(world.log.count("one handles"), 0);
}

#[test]
fn a_changed_import_makes_a_new_worker_which_needs_no_other_copy_of_it() {
  let world = World::new();
  world.script("/a.js", "globalThis.a = 1; importScripts('/c.js');");
  world.script("/b.js", "globalThis.b = 1;");
  world.script("/c.js", "");
  world.script(
    "/app/sw.js",
    "importScripts('/a.js', '/b.js'); console.log(`runs ${a} ${b}`);
    onmessage = ({ source }) => {
      let late;
      try { importScripts('/c.js'); } catch (error) { late = error.name; }
      source.postMessage({ what: 'late', late });
    };",
  );
  world.window("/page.html", "await activated('/app/sw.js');");
  world.script("/a.js", "globalThis.a = 2;");
  world.script("/c.js", "// changed as well");
  world.window(
    "/page.html",
    r#"
    const registration = await navigator.serviceWorker.getRegistration("/app/");
    await registration.update();
    const worker = registration.installing;
    await reached(worker, "activated");
    // What it has not used on its way here, it does not have.
    worker.postMessage(null);
    assertEquals((await message("late")).late, "NetworkError", "late");
    "#,
  );
  assert_eq!(world.log.count("runs 1 1"), 1);
  assert_eq!(world.log.count("runs 2 1"), 1);
  for path in ["/app/sw.js", "/a.js", "/b.js", "/c.js"] {
    assert_eq!(world.server.requests_for(path).len(), 2, "{path}");
  }
}

#[test]
fn caches_on_the_way_are_bypassed_as_the_registration_says() {
  let world = World::new();
  world.script("/sw.js", "importScripts('/lib.js');");
  world.script("/lib.js", "");
  for (mode, main, imported) in [
    ("imports", true, false),
    ("all", false, false),
    ("none", true, true),
  ] {
    world.window(
      "/page.html",
      &format!(
        r#"
        const registration = await activated(
          "/sw.js", {{ updateViaCache: "{mode}", scope: "/{mode}/" }});
        assertEquals(registration.updateViaCache, "{mode}", "mode");
        await registration.update();
        "#
      ),
    );
    for (path, bypassed) in [("/sw.js", main), ("/lib.js", imported)] {
      let requests = world.server.requests_for(path);
      let [.., first, second] = &requests[..] else {
        panic!("{path}: {requests:#?}");
      };
      let expected = bypassed.then_some("max-age=0");
      for request in [first, second] {
        let found = request.header("cache-control");
        assert_eq!(found, expected, "{path} with {mode}");
      }
    }
  }
}

#[test]
fn another_update_via_cache_alone_is_taken_over() {
  let world = World::new();
  world.script("/sw.js", "");
  world.window(
    "/page.html",
    r#"
    const registration = await activated("/sw.js");
    assertEquals(registration.updateViaCache, "imports", "before");
    const same = await navigator.serviceWorker.register(
      "/sw.js", { updateViaCache: "none" });
    assert(same === registration, "the same");
    assertEquals(registration.updateViaCache, "none", "after");
    assertEquals(registration.installing, null, "no new worker");
    "#,
  );
}

#[test]
fn the_pages_policy_says_which_workers_it_may_register() {
  let world = World::new();
  world.script("/sw.js", "");
  let refused = r#"
    const error = await assertRejects(
      navigator.serviceWorker.register("/sw.js"), "SecurityError", "register");
    assert(error.message.includes("Content Security Policy"), error.message);
  "#;
  for (csp, script) in [
    ("worker-src 'none'", refused),
    ("child-src 'none'", refused),
    ("script-src 'none'", refused),
    ("default-src 'none'", refused),
    (
      "worker-src 'self' https://cdn.test",
      "await activated('/sw.js');",
    ),
    (
      "connect-src 'none'; worker-src 'self'; default-src 'none'",
      "await activated('/sw.js', { scope: '/other/' });",
    ),
  ] {
    let url = world.server.url("/page.html").parse().unwrap();
    let realm_options = RealmOptions {
      csp: vec![csp.into()],
      ..RealmOptions::new(RealmKind::Window, url)
    };
    world.open_with(realm_options, script).wait();
  }
  assert_eq!(world.server.requests_for("/sw.js").len(), 2);
}

#[test]
fn the_workers_own_policy_says_what_it_may_import() {
  let world = World::new();
  let script = "try { importScripts('/lib.js'); } catch (error) {
    console.log(`import ${error.name}`);
  }";
  let script = Resource::text(script)
    .content_type("text/javascript")
    .header("Content-Security-Policy", "script-src 'none'");
  world.server.serve("/sw.js", script);
  world.script("/lib.js", "");
  world.window("/page.html", "await activated('/sw.js');");
  world.log.wait_for("import NetworkError");
  assert_eq!(world.server.requests_for("/lib.js").len(), 0);
}
