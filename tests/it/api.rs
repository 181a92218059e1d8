//! The interfaces, driven as a script drives them. Nothing here needs a
//! transfer.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use background_fetch::engine::Engine;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::extension::Console;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::extensions;
use background_fetch::extension::init;
use background_fetch::store::Store;
use deno_core::JsRuntime;
use deno_core::RuntimeOptions;

fn engine() -> Engine {
  Engine::builder()
    .start_blocking(Store::in_memory())
    .unwrap()
}

/// What every script may use.
const PRELUDE: &str = concat!(
  include_str!("assertions.js"),
  r#"
globalThis.backgroundFetch = globalThis.registration?.backgroundFetch ??
  navigator.serviceWorker.ready.then((r) => backgroundFetch = r.backgroundFetch);
"#
);

fn realm_options(kind: RealmKind) -> RealmOptions {
  let url = "https://app.test/app/script.js".parse().unwrap();
  RealmOptions::new(kind, url)
}

/// Runs `script` as the body of an async function in a realm of its own;
/// panics with what it throws.
fn run(kind: RealmKind, script: &str) {
  let tokio = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build()
    .unwrap();
  let result = tokio.block_on(async {
    let written = Rc::new(RefCell::new(String::new()));
    let sink = written.clone();
    let realm_options = realm_options(kind);
    let options = ExtensionOptions {
      console: Console::Custom(Rc::new(move |text: &str, _| {
        sink.borrow_mut().push_str(text)
      })),
      ..ExtensionOptions::default()
    };
    let mut runtime = JsRuntime::new(RuntimeOptions {
      extensions: extensions(&engine(), realm_options, options),
      ..Default::default()
    });
    runtime.execute_script("prelude.js", PRELUDE).unwrap();
    let script = format!(
      "(async () => {{ await backgroundFetch; {script} }})().then(() => console.log('end'))"
    );
    runtime
      .execute_script("test.js", script)
      .map_err(|error| error.to_string())?;
    runtime
      .run_event_loop(Default::default())
      .await
      .map_err(|error| error.to_string())?;
    let written = written.borrow().clone();
    if written.ends_with("end\n") {
      Ok(())
    } else {
      Err(format!("the script never came to its end: {written}"))
    }
  });
  result.unwrap();
}

fn service_worker(script: &str) {
  run(RealmKind::ServiceWorker, script);
}

#[test]
fn a_host_with_globals_of_its_own_takes_the_interfaces_only() {
  let tokio = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build()
    .unwrap();
  tokio.block_on(async {
    let realm_options = realm_options(RealmKind::ServiceWorker);
    let mut runtime = JsRuntime::new(RuntimeOptions {
      extensions: vec![
        deno_webidl::deno_webidl::init(),
        deno_web::deno_web::init(
          Arc::new(deno_web::BlobStore::default()),
          Some(realm_options.url.clone()),
          false,
          deno_web::InMemoryBroadcastChannel::default(),
        ),
        deno_net::deno_net::init(None, None),
        deno_fetch::deno_fetch::init(deno_fetch::Options::default()),
        init(&engine(), realm_options),
      ],
      ..Default::default()
    });
    let script = r#"
      if (globalThis.Request || globalThis.navigator || !globalThis.Deno) {
        throw new Error("globals");
      }
      registration.backgroundFetch.getIds().then((ids) => {
        if (ids.length !== 0) throw new Error("ids");
      });
    "#;
    runtime.execute_script("test.js", script).unwrap();
    runtime.run_event_loop(Default::default()).await.unwrap();
  });
}

#[test]
fn a_service_worker_has_its_events_and_handlers() {
  service_worker(
    r#"
    for (const type of ["success", "fail", "abort", "click"]) {
      const name = `onbackgroundfetch${type}`;
      const d = Object.getOwnPropertyDescriptor(globalThis, name);
      assertEquals(
        [d.enumerable, d.configurable, d.get.name, d.set.name],
        [true, true, `get ${name}`, `set ${name}`],
        name,
      );
      assertEquals(globalThis[name], null, name);
      let called = 0;
      const handler = () => called++;
      globalThis[name] = handler;
      assert(globalThis[name] === handler, name);
      dispatchEvent(new Event(name.slice(2)));
      globalThis[name] = 3;
      assertEquals(globalThis[name], null, name);
      dispatchEvent(new Event(name.slice(2)));
      assertEquals(called, 1, name);
      assertThrows(() => d.get.call({}), "TypeError", name);
    }
    assert(registration instanceof ServiceWorkerRegistration, "registration");
    assertEquals(registration.scope, "https://app.test/app/", "scope");
    assertEquals(registration.active.scriptURL, location.href, "scriptURL");
    assert(registration.backgroundFetch === registration.backgroundFetch, "same");
    assertEquals(String(globalThis), "[object ServiceWorkerGlobalScope]", "tag");
    assert(globalThis instanceof EventTarget, "an event target");
    "#,
  );
}

#[test]
fn a_page_has_no_service_worker_interfaces() {
  for kind in [RealmKind::Window, RealmKind::DedicatedWorker] {
    run(
      kind,
      r#"
      for (const name of [
        "ExtendableEvent", "BackgroundFetchEvent",
        "BackgroundFetchUpdateUIEvent", "registration",
        "onbackgroundfetchsuccess", "onbackgroundfetchfail",
        "onbackgroundfetchabort", "onbackgroundfetchclick",
      ]) {
        assert(!(name in globalThis), name);
      }
      const ready = await navigator.serviceWorker.ready;
      assert(ready instanceof ServiceWorkerRegistration, "ready");
      assert(ready.backgroundFetch instanceof BackgroundFetchManager, "manager");
      assert(await navigator.serviceWorker.getRegistration() === ready, "it");
      assertEquals(
        await navigator.serviceWorker.getRegistration("/other"),
        undefined,
        "out of scope",
      );
      await assertRejects(
        () => navigator.serviceWorker.getRegistration("https://other.test/"),
        "SecurityError",
        "another origin",
      );
      "#,
    );
  }
}

// steps: fetch.5, fetch.6.1, fetch.6.2, get.3
#[test]
fn fetch_rejects_what_it_cannot_take_and_never_throws() {
  service_worker(
    r#"
    const used = new Request("/x", { method: "POST", body: "x" });
    await used.text();
    const cases = {
      "no argument": [],
      "one argument": ["id"],
      "an empty id": ["", "/x"],
      "an id that is a symbol": [Symbol(), "/x"],
      "no request": ["id", []],
      "a URL that cannot be parsed": ["id", "https://"],
      "a URL with credentials": ["id", "https://user:pass@app.test/"],
      "no-cors": ["id", new Request("/x", { mode: "no-cors" })],
      "no-cors among others": ["id", ["/x", new Request("/x", { mode: "no-cors" })]],
      "a used body": ["id", used],
      "an iterator that is not a function": ["id", { [Symbol.iterator]: 1 }],
      "options that are not dictionary": ["id", "/x", 1],
      "icons that are not sequence": ["id", "/x", { icons: 1 }],
      "an icon without src": ["id", "/x", { icons: [{}] }],
      "a title that is a symbol": ["id", "/x", { title: Symbol() }],
      "a downloadTotal that is a BigInt": ["id", "/x", { downloadTotal: 1n }],
    };
    for (const [what, args] of Object.entries(cases)) {
      await assertRejects(
        () => backgroundFetch.fetch(...args), "TypeError", what);
    }
    await assertRejects(() => backgroundFetch.get(), "TypeError", "get()");
    await assertRejects(() => backgroundFetch.get(""), "TypeError", "get('')");
    assertEquals(await backgroundFetch.get("absent"), undefined, "absent");
    assertEquals(await backgroundFetch.getIds(), [], "getIds()");
    "#,
  );
}

#[test]
fn an_exception_of_a_conversion_is_the_rejection() {
  service_worker(
    r#"
    const mine = new RangeError("mine");
    const fail = () => { throw mine; };
    const error = await assertRejects(
      () => backgroundFetch.fetch({ toString: fail }, "/x"), "RangeError", "id");
    assert(error === mine, "the very same");
    await assertRejects(
      () => backgroundFetch.fetch("id", { get [Symbol.iterator]() { fail(); } }),
      "RangeError", "iterator");
    await assertRejects(
      () => backgroundFetch.fetch("id", "/x", { get title() { fail(); } }),
      "RangeError", "title");
    "#,
  );
}

#[test]
fn arguments_are_converted_in_the_order_of_web_idl() {
  service_worker(
    r#"
    const log = [];
    const text = (name, value) => ({
      toString() { log.push(name); return value; },
    });
    const requests = {
      get [Symbol.iterator]() {
        log.push("iterator");
        return function* () {
          log.push("next");
          yield text("request", "/x");
        };
      },
    };
    const options = new Proxy({
      icons: [new Proxy({ src: "i" }, {
        get(target, key) { log.push(`icon.${key}`); return target[key]; },
      })],
    }, {
      get(target, key) { log.push(key); return target[key]; },
    });
    // An empty id is refused after all arguments were converted.
    await assertRejects(
      () => backgroundFetch.fetch(text("id", ""), requests, options),
      "TypeError", "empty id");
    assertEquals(log, [
      "id", "iterator", "next", "request",
      "icons", "icon.label", "icon.sizes", "icon.src", "icon.type",
      "title", "downloadTotal",
    ], "order");
    "#,
  );
}

#[test]
fn events_are_constructed_from_a_registration_only() {
  service_worker(
    r#"
    for (const Event_ of [BackgroundFetchEvent, BackgroundFetchUpdateUIEvent]) {
      assertThrows(() => new Event_(), "TypeError", "no argument");
      assertThrows(() => new Event_("x"), "TypeError", "no init");
      assertThrows(() => new Event_("x", {}), "TypeError", "no registration");
      assertThrows(
        () => new Event_("x", { registration }), "TypeError", "another registration");
      assertThrows(
        () => new Event_("x", {
          registration: Object.create(BackgroundFetchRegistration.prototype),
        }),
        "TypeError", "a prototype's");
    }
    "#,
  );
}

#[test]
fn an_event_of_a_script_extends_nothing() {
  service_worker(
    r#"
    const event = new ExtendableEvent("x", { cancelable: true });
    assertEquals(
      [event.type, event.bubbles, event.cancelable, event.isTrusted],
      ["x", false, true, false], "init");
    assertThrows(() => event.waitUntil(), "TypeError", "no argument");
    const error = assertThrows(
      () => event.waitUntil(Promise.resolve()), "InvalidStateError", "waitUntil");
    assert(error instanceof DOMException, "a DOMException");
    let thrown;
    addEventListener("x", (e) => {
      try { e.waitUntil(1); } catch (error) { thrown = error.name; }
    });
    dispatchEvent(event);
    assertEquals(thrown, "InvalidStateError", "while it is dispatched");
    "#,
  );
}

#[test]
fn a_bare_realm_has_the_globals_of_a_worker() {
  service_worker(
    r#"
    for (const name of [
      "AbortController", "AbortSignal", "Blob", "CustomEvent", "DOMException",
      "Event", "EventTarget", "File", "FormData", "Headers", "MessageChannel",
      "QuotaExceededError", "ReadableStream", "Request", "Response",
      "TextDecoder", "TextDecoderStream", "TextEncoder", "TransformStream",
      "URL", "URLSearchParams", "WritableStream", "atob", "btoa",
      "clearInterval", "clearTimeout", "queueMicrotask", "reportError",
      "setInterval", "setTimeout", "structuredClone",
    ]) {
      assertEquals(typeof globalThis[name], "function", name);
    }
    assert(self === globalThis, "self");
    assertEquals(location.href, "https://app.test/app/script.js", "location");
    assertEquals(origin, "https://app.test", "origin");
    assertEquals(new Request("x").url, "https://app.test/app/x", "base URL");
    assertEquals(atob(btoa("x")), "x", "base64");
    assertThrows(() => atob("*"), "InvalidCharacterError", "atob");
    assertEquals(structuredClone({ a: [1] }), { a: [1] }, "structuredClone");
    assert(performance.now() >= 0, "performance");
    assertEquals([typeof Deno, typeof __bootstrap], ["undefined", "undefined"], "Deno");
    const { port1, port2 } = new MessageChannel();
    const message = new Promise((resolve) => port2.onmessage = resolve);
    port1.postMessage({ a: 1 });
    assertEquals((await message).data, { a: 1 }, "MessageChannel");
    port1.close();
    await new Promise((resolve) => setTimeout(resolve, 1));
    assertEquals(
      await new Response(new Blob(["a", "b"])).text(), "ab", "Response");
    "#,
  );
}

#[test]
fn no_script_is_read_from_the_disk() {
  let realm_options = realm_options(RealmKind::ServiceWorker);
  for extension in
    extensions(&engine(), realm_options, ExtensionOptions::default())
  {
    let files = [
      &extension.js_files,
      &extension.esm_files,
      &extension.lazy_loaded_esm_files,
      &extension.lazy_loaded_js_files,
    ];
    for file in files.into_iter().flat_map(|files| files.iter()) {
      assert!(file.is_runtime_loadable(), "{}", file.specifier);
    }
  }
}
