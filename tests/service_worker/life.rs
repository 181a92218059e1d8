//! Registration, states, events, updates, and the end.

use crate::harness::World;

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
