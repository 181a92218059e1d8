//! Registration, states, events, updates, and the end.

use crate::service_worker::harness::World;

#[test]
fn a_worker_is_installed_and_activated_and_its_states_are_told_in_order() {
  let world = World::new();
  world.script(
    "/app/sw.js",
    r#"
    console.log(`evaluated ${serviceWorker.state}`);
    oninstall = (event) => {
      console.log(`install ${serviceWorker.state} ${registration.installing !== null}`);
      event.waitUntil(Promise.resolve());
    };
    onactivate = () => console.log(`activate ${serviceWorker.state}`);
    "#,
  );
  world.window(
    "/page.html",
    r#"
    const registration = await navigator.serviceWorker.register("/app/sw.js");
    assertEquals(registration.scope, new URL("/app/", location).href, "scope");
    const worker = registration.installing;
    const states = [worker.state];
    worker.onstatechange = () => states.push(worker.state);
    let updatefound = 0;
    registration.onupdatefound = () => updatefound++;
    await reached(worker, "activated");
    assertEquals(states, ["installing", "installed", "activating", "activated"], "states");
    assertEquals(updatefound, 1, "updatefound");
    assert(registration.active === worker, "active");
    assertEquals([registration.installing, registration.waiting], [null, null], "others");
    assert(await navigator.serviceWorker.getRegistration("/app/x") === registration, "get");
    const all = await navigator.serviceWorker.getRegistrations();
    assert(all.length === 1 && all[0] === registration, "all");
    assertEquals(navigator.serviceWorker.controller, null, "not controlled");
    "#,
  );
  assert_eq!(
    world.log.lines(),
    [
      "evaluated parsed",
      "install installing true",
      "activate activating"
    ]
  );
}

#[test]
fn a_script_that_is_the_same_updates_nothing() {
  let world = World::new();
  world.script("/sw.js", "// one");
  world.window(
    "/page.html",
    r#"
    const registration = await activated("/sw.js");
    const worker = registration.active;
    assert(await registration.update() === registration, "update");
    assert(await navigator.serviceWorker.register("/sw.js") === registration, "register");
    assert(registration.active === worker, "the same");
    assertEquals([registration.installing, registration.waiting], [null, null], "others");
    "#,
  );
  assert_eq!(world.server.requests_for("/sw.js").len(), 2);
  let first = &world.server.requests_for("/sw.js")[0];
  assert_eq!(first.header("service-worker"), Some("script"));
}

#[test]
fn a_changed_script_waits_until_it_skips_waiting() {
  let world = World::new();
  let script = "onmessage = () => skipWaiting();";
  world.script("/app/sw.js", script);
  let setup = world.open("/other", "await activated('/app/sw.js');");
  setup.wait();
  let controlled = world.open(
    "/app/page.html",
    r#"
    const { controller } = navigator.serviceWorker;
    assert(controller !== null, "controlled");
    const changed = new Promise((resolve) =>
      navigator.serviceWorker.oncontrollerchange = resolve);
    console.log("looking");
    await changed;
    assert(navigator.serviceWorker.controller !== controller, "another one");
    await reached(controller, "redundant");
    "#,
  );
  world.log.wait_for("looking");
  world.script("/app/sw.js", &format!("{script} // two"));
  world.window(
    "/page.html",
    r#"
    const registration = await navigator.serviceWorker.getRegistration("/app/");
    const old = registration.active;
    await registration.update();
    const worker = await reached(registration.installing, "installed");
    assert(registration.waiting === worker && registration.active === old, "waits");
    worker.postMessage(null);
    await reached(worker, "activated");
    assertEquals(old.state, "redundant", "the old one");
    assert(registration.active === worker && registration.waiting === null, "active");
    "#,
  );
  controlled.wait();
}

#[test]
fn a_changed_script_waits_until_the_last_client_of_the_old_one_is_gone() {
  let world = World::new();
  world.script("/app/sw.js", "// one");
  world.window("/other", "await activated('/app/sw.js');");
  let controlled = world.open("/app/page.html", "");
  controlled.finish();
  world.script("/app/sw.js", "// two");
  let observer = world.open(
    "/page.html",
    r#"
    const registration = await navigator.serviceWorker.getRegistration("/app/");
    await registration.update();
    await reached(registration.installing, "installed");
    console.log("waits");
    await reached(registration.waiting, "activated");
    "#,
  );
  world.log.wait_for("waits");
  drop(controlled);
  observer.wait();
}

#[test]
fn an_installation_that_fails_leaves_nothing_behind() {
  let world = World::new();
  world.script(
    "/sw.js",
    "oninstall = (e) => e.waitUntil(Promise.reject(new Error('no')));",
  );
  world.window(
    "/page.html",
    r#"
    const registration = await navigator.serviceWorker.register("/sw.js");
    await reached(registration.installing, "redundant");
    assertEquals(registration.installing, null, "installing");
    assertEquals(await navigator.serviceWorker.getRegistrations(), [], "all");
    await assertRejects(
      registration.backgroundFetch.fetch("x", "/"), "TypeError", "fetch");
    "#,
  );
}

#[test]
fn what_cannot_be_a_service_worker_is_refused() {
  let world = World::new();
  world.script("/throws.js", "throw new Error('at once');");
  world.script("/syntax.js", "((");
  world.script("/app/sw.js", "");
  let plain = support::Resource::text("").content_type("text/plain");
  world.server.serve("/plain.js", plain);
  let allowed = support::Resource::text("")
    .content_type("text/javascript; charset=utf-8")
    .header("Service-Worker-Allowed", "/");
  world.server.serve("/app/allowed.js", allowed);
  let elsewhere = support::Resource::redirect("/app/sw.js", 302);
  world.server.serve("/redirect.js", elsewhere);
  world.window(
    "/page.html",
    r#"
    const { serviceWorker } = navigator;
    const refused = (name, url, options) =>
      assertRejects(serviceWorker.register(url, options), name, url);
    await refused("TypeError", "/throws.js");
    await refused("TypeError", "/syntax.js");
    await refused("TypeError", "/missing.js");
    await refused("TypeError", "/redirect.js");
    await refused("TypeError", "data:text/javascript,");
    await refused("TypeError", "/a%2fb.js");
    await refused("SecurityError", "/plain.js");
    await refused("SecurityError", "https://other.test/sw.js");
    await refused("SecurityError", "/app/sw.js", { scope: "/" });
    await refused("SecurityError", "/app/sw.js", { scope: "https://other.test/" });
    await refused("TypeError", "/app/sw.js", { type: "shared" });
    assertEquals(await serviceWorker.getRegistrations(), [], "nothing is left");
    const registration =
      await serviceWorker.register("/app/allowed.js", { scope: "/" });
    assertEquals(new URL(registration.scope).pathname, "/", "allowed");
    "#,
  );
  assert!(world.log.lines().iter().any(|l| l.contains("at once")));
}

#[test]
fn imported_scripts_are_part_of_the_worker() {
  let world = World::new();
  world.script("/lib.js", "globalThis.answer = 42;");
  world.script("/dep.js", "export const answer = 43;");
  world.script(
    "/sw.js",
    r#"
    importScripts("/lib.js");
    try {
      importScripts("/missing.js");
    } catch (error) {
      console.log(`import ${error.name}`);
    }
    console.log(`answer ${answer}`);
    onmessage = (event) => {
      let late = "none";
      try { importScripts("/late.js"); } catch (error) { late = error.name; }
      importScripts("/lib.js");
      event.source.postMessage({ what: "late", late });
    };
    "#,
  );
  world.script(
    "/module.js",
    "import { answer } from './dep.js'; console.log(`module ${answer}`);",
  );
  world.script("/late.js", "");
  world.window(
    "/page.html",
    r#"
    const registration = await activated("/sw.js");
    registration.active.postMessage(null);
    assertEquals((await message("late")).late, "NetworkError", "late");
    const module = await activated("/module.js", { type: "module", scope: "/m/" });
    await registration.update();
    assertEquals(registration.installing, null, "nothing new");
    "#,
  );
  world.log.wait_for("import NetworkError");
  world.log.wait_for("answer 42");
  world.log.wait_for("module 43");
  world.script("/lib.js", "globalThis.answer = 44;");
  world.window(
    "/page.html",
    r#"
    const registration = await navigator.serviceWorker.getRegistration("/");
    await registration.update();
    await reached(registration.installing, "installed");
    "#,
  );
  world.log.wait_for("answer 44");
}

#[test]
fn a_background_fetch_needs_an_active_worker() {
  let world = World::new();
  world.script(
    "/sw.js",
    r#"
    let proceed;
    onmessage = () => proceed();
    oninstall = (event) =>
      event.waitUntil(new Promise((resolve) => proceed = resolve));
    "#,
  );
  world.server.serve("/a", support::Resource::text("a"));
  world.window(
    "/page.html",
    r#"
    const registration = await navigator.serviceWorker.register("/sw.js");
    const worker = registration.installing;
    await assertRejects(
      registration.backgroundFetch.fetch("x", "/a"), "TypeError", "installing");
    let ready = false;
    navigator.serviceWorker.ready.then(() => ready = true);
    worker.postMessage(null);
    await reached(worker, "activated");
    assert(await navigator.serviceWorker.ready === registration, "ready");
    await registration.backgroundFetch.fetch("x", "/a");
    "#,
  );
}

#[test]
fn what_a_listener_throws_stops_neither_the_script_nor_the_worker() {
  let world = World::new();
  world.script(
    "/sw.js",
    r#"
    addEventListener("deep", (event) => {
      if (!event.isLast) {
        const next = new Event("deep");
        next.isLast = true;
        dispatchEvent(next);
        console.log("after the last");
      }
      throw new Error("deep");
    });
    oninstall = () => {
      dispatchEvent(new Event("deep"));
      console.log("after the first");
      setTimeout(() => { throw new Error("late"); });
      queueMicrotask(() => { throw new Error("soon"); });
      Promise.reject(new Error("rejected"));
    };
    onmessage = ({ source }) => source.postMessage({ what: "alive" });
    "#,
  );
  world.window(
    "/page.html",
    r#"
    const registration = await activated("/sw.js");
    registration.active.postMessage("?");
    await message("alive");
    "#,
  );
  for text in ["after the last", "after the first"] {
    assert_eq!(world.log.count(text), 1, "{:#?}", world.log.lines());
  }
  assert_eq!(
    world.log.count("Error: deep"),
    2,
    "{:#?}",
    world.log.lines()
  );
  for text in ["Error: late", "Error: soon", "Error: rejected"] {
    world.log.wait_for(text);
  }
}
