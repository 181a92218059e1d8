//! Messages and clients.

use crate::service_worker::harness::World;

#[test]
fn messages_go_both_ways_with_ports_and_buffers() {
  let world = World::new();
  world.script(
    "/sw.js",
    r#"
    onmessage = (event) => {
      const { source, data, ports, origin } = event;
      source.postMessage({
        what: "echo",
        is: event instanceof ExtendableMessageEvent && event.isTrusted,
        source: [source.constructor.name, source.type, source.frameType, source.url],
        origin,
        map: data.map,
        bytes: data.bytes,
      });
      ports[0].postMessage("through the port");
      ports[0].onmessage = ({ data }) => ports[0].postMessage(`got ${data}`);
    };
    "#,
  );
  world.window(
    "/page.html",
    r#"
    const registration = await activated("/sw.js");
    const { port1, port2 } = new MessageChannel();
    const said = [];
    const both = new Promise((resolve) => port1.onmessage = ({ data }) => {
      said.push(data);
      if (said.length === 1) port1.postMessage("an answer");
      if (said.length === 2) resolve();
    });
    const bytes = new Uint8Array([1, 2, 3]);
    registration.active.postMessage(
      { map: new Map([[1, "one"]]), bytes },
      [port2, bytes.buffer],
    );
    assertEquals(bytes.length, 0, "the buffer is detached");
    const echo = await message("echo");
    assert(echo.is, "the event");
    assertEquals(echo.source, ["WindowClient", "window", "top-level", location.href], "source");
    assertEquals(echo.origin, location.origin, "origin");
    assertEquals([...echo.map], [[1, "one"]], "map");
    assertEquals([...echo.bytes], [1, 2, 3], "bytes");
    await both;
    assertEquals(said, ["through the port", "got an answer"], "port");
    try {
      registration.active.postMessage(() => {});
      assert(false, "a function");
    } catch (error) {
      assertEquals(error.name, "DataCloneError", "a function");
    }
    port1.close();
    "#,
  );
}

#[test]
fn two_windows_share_one_worker_which_claims_them() {
  let world = World::new();
  world.script(
    "/app/sw.js",
    r#"
    const started = Math.random();
    onmessage = (event) => event.waitUntil((async () => {
      if (event.data === "claim") return await clients.claim();
      const all = await clients.matchAll({ includeUncontrolled: true });
      const own = await clients.matchAll();
      for (const client of all) {
        client.postMessage({
          what: "clients",
          started,
          all: all.map(({ url }) => new URL(url).pathname).sort(),
          own: own.map(({ url }) => new URL(url).pathname).sort(),
          same: (await clients.get(client.id)).url === client.url,
          missing: await clients.get("nobody"),
        });
      }
    })());
    "#,
  );
  let inside = world.open(
    "/app/page.html",
    r#"
    assertEquals(navigator.serviceWorker.controller, null, "not yet");
    const changed = new Promise((resolve) =>
      navigator.serviceWorker.oncontrollerchange = resolve);
    console.log("inside");
    const first = await message("clients");
    assertEquals([first.all, first.own], [["/app/page.html", "/page.html"], []], "first");
    assert(first.same && first.missing === undefined, "get");
    await changed;
    const { controller } = navigator.serviceWorker;
    assertEquals(new URL(controller.scriptURL).pathname, "/app/sw.js", "controller");
    controller.postMessage("again");
    const second = await message("clients");
    assertEquals(second.own, ["/app/page.html"], "second");
    assertEquals(second.started, first.started, "one worker");
    console.log("seen");
    "#,
  );
  world.log.wait_for("inside");
  let outside = world.open(
    "/page.html",
    r#"
    const { active } = await activated("/app/sw.js");
    active.postMessage("who");
    const first = await message("clients");
    active.postMessage("claim");
    const second = await message("clients");
    assertEquals(second.started, first.started, "one worker");
    assertEquals(navigator.serviceWorker.controller, null, "out of scope");
    "#,
  );
  inside.wait();
  outside.wait();
}

#[test]
fn an_event_that_was_sent_to_a_window_says_who_has_sent_it() {
  let world = World::new();
  world.script(
    "/sw.js",
    "onmessage = ({ source }) => source.postMessage('hello');",
  );
  world.window(
    "/page.html",
    r#"
    const { active } = await activated("/sw.js");
    const event = await new Promise((resolve) => {
      navigator.serviceWorker.addEventListener("message", resolve);
      navigator.serviceWorker.startMessages();
      active.postMessage(null);
    });
    assert(event.source === active, "source");
    assertEquals([event.data, event.origin, event.isTrusted],
      ["hello", location.origin, true], "event");
    "#,
  );
}
