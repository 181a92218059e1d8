//! The interfaces while something is transferred.

use std::cell::RefCell;
use std::io::Read;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::extension::Console;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::extensions;
use background_fetch::extension::realm;
use background_fetch::extension::run_until_idle;
use background_fetch::store::Store;
use deno_core::JsRuntime;
use deno_core::RuntimeOptions;

use support::Behaviour;
use support::FaultServer;
use support::Resource;

const BOUND: Duration = Duration::from_secs(240);

fn engine() -> Engine {
  Engine::builder()
    .start_blocking(Store::in_memory())
    .unwrap()
}

/// Answers `/204` and `/404` with that status, never answers `/stalled`, and
/// everything else that the tests ask for with `hello world`.
fn serve() -> FaultServer {
  let server = FaultServer::start_blocking();
  let hello = || Resource::text("hello world").content_type("text/plain");
  server.serve("/a", hello());
  server.serve("/post", hello());
  server.serve("/404", hello().script([Behaviour::Status(404)]));
  server.serve("/204", hello().script([Behaviour::Status(204)]));
  server.serve("/stalled", hello().script([Behaviour::Hold]));
  server
}

/// A service worker of a page of `origin`, and what it writes.
fn service_worker(origin: &str) -> (JsRuntime, Rc<RefCell<String>>) {
  let written = Rc::new(RefCell::new(String::new()));
  let sink = written.clone();
  let url = format!("{origin}/sw.js").parse().unwrap();
  let realm_options = RealmOptions::new(RealmKind::ServiceWorker, url);
  let options = ExtensionOptions {
    console: Console::Custom(Rc::new(move |text: &str, _| {
      sink.borrow_mut().push_str(text)
    })),
    ..ExtensionOptions::default()
  };
  let runtime = JsRuntime::new(RuntimeOptions {
    extensions: extensions(&engine(), realm_options, options),
    ..Default::default()
  });
  (runtime, written)
}

/// Runs `script` as the body of an async function in a service worker until
/// nothing is left to do; returns what it wrote, line by line.
fn run(script: &str) -> Vec<String> {
  let server = serve();
  run_at(&server.origin(), script)
}

/// The same with a server of the caller's.
fn run_at(origin: &str, script: &str) -> Vec<String> {
  let tokio = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build()
    .unwrap();
  tokio.block_on(async {
    let (mut runtime, written) = service_worker(origin);
    let realm = realm(&mut runtime);
    let script = format!(
      "const {{ backgroundFetch }} = registration; (async () => {{ {script} }})()"
    );
    runtime.execute_script("test.js", script).unwrap();
    tokio::time::timeout(BOUND, run_until_idle(&mut runtime, &realm))
    .await
    .expect("the script comes to an end")
    .unwrap();
    assert!(realm.is_idle());
    written.borrow().lines().map(String::from).collect()
  })
}

// steps: perform.8.7, perform.8.12.2, perform.8.13, fetch.1, fetch.4, fetch.7
// steps: fetch.8.12, fetch.8.14, fetch.8.14.1, fetch.9, get.4.1.1, get.4.1.2
// steps: instance.1 to instance.5, update.3, update.6.1, update.6.8
// steps: update.6.10
#[test]
fn a_success_is_told_by_progress_and_by_an_event() {
  let lines = run(
    r#"
    let bgFetch;
    onbackgroundfetchsuccess = (event) => {
      console.log("event", event.isTrusted,
        event instanceof BackgroundFetchUpdateUIEvent,
        event.registration === bgFetch, bgFetch.result, bgFetch.downloaded);
    };
    bgFetch = await backgroundFetch.fetch("id", ["/a"], { downloadTotal: 11 });
    console.log(bgFetch.id, bgFetch.downloadTotal, bgFetch.recordsAvailable);
    bgFetch.onprogress = ({ isTrusted }) => {
      if (bgFetch.result !== "") console.log("progress", isTrusted, bgFetch.result);
    };
    "#,
  );
  assert_eq!(
    lines,
    [
      "id 11 true",
      "progress true success",
      "event true true true success 11"
    ]
  );
}

// steps: fetch.2, fetch.6.4 to fetch.6.6, fetch.8.6 to fetch.8.8, fetch.8.8.1
// steps: fetch.8.8.2, fetch.8.8.3, fetch.8.8.3.1.1, fetch.8.8.3.3
// steps: fetch.8.8.3.4, fetch.8.10, match.1, match.2, matchAll.2, matchAll.3.3
// steps: matchAll.4, records.1, records.2.2 to records.2.7, records.2.8.3.2
// steps: records.2.8.4.1, records.2.8.4.1.1, records.2.8.4.1.2
// steps: records.2.8.4.2, records.2.8.4.5, records.2.9.2.3, records.2.9.2.4
// steps: records.2.9.2.5, records.2.9.2.6.1, records.2.9.2.6.2, records.2.10
// steps: records.3
#[test]
fn records_have_requests_and_responses_as_objects_of_fetch() {
  let lines = run(
    r#"
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("one "));
        controller.enqueue(new TextEncoder().encode("two"));
        controller.close();
      },
    });
    const post = new Request("/post", {
      method: "POST", body, headers: { "x-test": "y" }, duplex: "half",
    });
    addEventListener("backgroundfetchsuccess", (event) => {
      event.waitUntil((async () => {
        for (const record of await event.registration.matchAll()) {
          const { request } = record;
          const response = await record.responseReady;
          console.log(request instanceof Request, request.method,
            new URL(request.url).pathname, request.headers.get("x-test"),
            request.body && await request.text());
          console.log(response instanceof Response, response.status,
            response.type, response.url === request.url,
            response.headers.get("content-length"),
            response.body && await response.text());
        }
        const found = await event.registration.match("/post", { ignoreMethod: true });
        console.log(found instanceof BackgroundFetchRecord);
        console.log(await event.registration.match("/absent"));
      })());
    });
    const bgFetch = await backgroundFetch.fetch("id", ["/a", post, "/204"]);
    console.log(bgFetch.uploadTotal);
    "#,
  );
  assert_eq!(
    lines,
    [
      "7",
      "true GET /a null null",
      "true 200 basic true null hello world",
      "true POST /post y one two",
      "true 200 basic true null hello world",
      "true GET /204 null null",
      "true 204 basic true null null",
      "true",
      "undefined",
    ]
  );
}

// steps: abort.3.3, abort.3.5, perform.8.10.2, get.3, records.2.9.3
#[test]
fn an_abort_is_told_by_an_event_without_update_ui() {
  let lines = run(
    r#"
    onbackgroundfetchabort = (event) => {
      console.log("event", event instanceof BackgroundFetchEvent,
        event instanceof BackgroundFetchUpdateUIEvent);
      event.waitUntil((async () => {
        const record = await event.registration.match("/stalled");
        await record.responseReady.catch((error) =>
          console.log(error.name, error instanceof DOMException));
      })());
    };
    const bgFetch = await backgroundFetch.fetch("stalled", "/stalled");
    console.log(await bgFetch.abort(), await bgFetch.abort());
    console.log(await backgroundFetch.get("stalled"));
    "#,
  );
  assert!(lines.contains(&"true false".into()), "{lines:?}");
  assert!(lines.contains(&"undefined".into()), "{lines:?}");
  assert!(lines.contains(&"event true false".into()), "{lines:?}");
  assert!(lines.contains(&"AbortError true".into()), "{lines:?}");
}

// steps: perform.8.13.1 to perform.8.13.3, update.5, update.6.3, matchAll.1
// steps: updateUI.1
#[test]
fn an_event_is_extended_as_long_as_a_promise_is_pending() {
  let lines = run(
    r#"
    const name = (f) => { try { f(); return "ok"; } catch (e) { return e.name; } };
    onbackgroundfetchsuccess = async (event) => {
      const { registration } = event;
      await null;
      let end;
      console.log("microtask", name(() => event.waitUntil(
        new Promise((resolve) => end = resolve))));
      setTimeout(() => {
        console.log("extended", name(() => event.waitUntil(null)),
          registration.recordsAvailable);
        end();
      }, 10);
      while (registration.recordsAvailable) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      console.log("over", name(() => event.waitUntil(null)));
      await registration.matchAll().catch((e) => console.log(e.name));
      await event.updateUI().catch((e) => console.log(e.name));
    };
    await backgroundFetch.fetch("id", "/a");
    "#,
  );
  assert_eq!(
    lines,
    [
      "microtask ok",
      "extended ok true",
      "over InvalidStateError",
      "InvalidStateError",
      "InvalidStateError",
    ]
  );
}

// steps: updateUI.1, updateUI.2, updateUI.7
#[test]
fn update_ui_works_once() {
  let lines = run(
    r#"
    onbackgroundfetchsuccess = (event) => {
      event.waitUntil((async () => {
        console.log(await event.updateUI({ title: "done", icons: [{ src: "i" }] }));
        await event.updateUI({}).catch((e) => console.log(e.name));
      })());
    };
    await backgroundFetch.fetch("id", "/a");
    "#,
  );
  assert_eq!(lines, ["undefined", "InvalidStateError"]);
}

#[test]
fn a_handler_that_throws_has_handled_its_event() {
  let lines = run(
    r#"
    onbackgroundfetchsuccess = (event) => {
      event.waitUntil(Promise.reject(new Error("asynchronous")));
      throw new Error("synchronous");
    };
    const bgFetch = await backgroundFetch.fetch("id", "/a");
    bgFetch.onprogress = () => {
      if (bgFetch.result !== "") throw new Error("in progress");
    };
    "#,
  );
  let text = lines.join("\n");
  for message in ["asynchronous", "synchronous", "in progress"] {
    assert!(text.contains(&format!("Error: {message}")), "{text}");
  }
}

// steps: fetch.8.8.3.1.2, fetch.8.8.3.2, fetch.8.11, fetch.8.10
#[test]
fn a_body_that_fails_rejects_and_cancels_the_others() {
  let lines = run(
    r#"
    const post = (source) => new Request("/post", {
      method: "POST", body: new ReadableStream(source), duplex: "half",
    });
    let cancelled;
    const wasCancelled = new Promise((resolve) => cancelled = resolve);
    await backgroundFetch.fetch("id", [
      post({ pull: (c) => c.error(new Error("mine")) }),
      post({ pull: () => new Promise(() => {}), cancel: cancelled }),
    ]).catch((error) => console.log(error.name, error.cause?.message));
    console.log((await wasCancelled).name);
    await backgroundFetch.fetch("id", post({ pull: (c) => c.enqueue("text") }))
      .catch((error) => console.log(error.name));
    console.log((await backgroundFetch.getIds()).length);
    "#,
  );
  assert_eq!(lines, ["TypeError mine", "AbortError", "TypeError", "0"]);
}

#[test]
fn events_wait_for_the_script() {
  let tokio = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build()
    .unwrap();
  let server = serve();
  tokio.block_on(async {
    let (mut runtime, written) = service_worker(&server.origin());
    runtime
      .execute_script(
        "start.js",
        "registration.backgroundFetch.fetch('id', '/a').then((bgFetch) => \
           bgFetch.onprogress = () => console.log(bgFetch.result))",
      )
      .unwrap();
    let settled = async {
      while !written.borrow().contains("success") {
        runtime.run_event_loop(Default::default()).await.unwrap();
        tokio::task::yield_now().await;
      }
    };
    tokio::time::timeout(BOUND, settled).await.unwrap();
    written.borrow_mut().clear();
    runtime
      .execute_script(
        "later.js",
        "onbackgroundfetchsuccess = () => console.log('event')",
      )
      .unwrap();
    let realm = realm(&mut runtime);
    run_until_idle(&mut runtime, &realm).await.unwrap();
    assert_eq!(*written.borrow(), "event\n");
  });
}

// steps: perform.8.11, perform.8.11.1, perform.8.11.2, update.4, update.6.4
// steps: update.6.9
#[test]
fn a_failure_is_told_once_and_by_an_event_with_update_ui() {
  let lines = run(
    r#"
    onbackgroundfetchfail = ({ type, registration, constructor }) => {
      console.log(type, constructor === BackgroundFetchUpdateUIEvent,
        registration.result, registration.failureReason);
    };
    const bgFetch = await backgroundFetch.fetch("id", "/404");
    console.log(`"${bgFetch.failureReason}"`);
    // Later news, of its records, are not progress any more.
    bgFetch.onprogress = () => {
      if (bgFetch.result !== "") console.log(bgFetch.failureReason);
    };
    "#,
  );
  assert_eq!(
    lines,
    [
      "\"\"",
      "bad-status",
      "backgroundfetchfail true failure bad-status"
    ]
  );
}

// steps: complete.11.body.4, update.2, update.6.5 to update.6.7, get.4.2
#[test]
fn progress_tells_what_is_new_and_nothing_twice() {
  let lines = run(
    r#"
    const post = new Request("/post", { method: "POST", body: "x".repeat(99) });
    await backgroundFetch.fetch("id", post);
    const bgFetch = await backgroundFetch.get("id");
    const state = () => JSON.stringify([
      bgFetch.downloaded, bgFetch.uploaded, bgFetch.result,
    ]);
    let last = state();
    bgFetch.onprogress = () => {
      if (state() === last) console.log("nothing new", last);
      last = state();
    };
    onbackgroundfetchsuccess = () => console.log(last);
    "#,
  );
  assert_eq!(lines, [r#"[11,99,"success"]"#]);
}

// steps: updateUI.2, updateUI.3, updateUI.7
#[test]
fn update_ui_without_options_counts_as_well() {
  let lines = run(
    r#"
    onbackgroundfetchsuccess = (event) => {
      event.waitUntil((async () => {
        console.log(await event.updateUI());
        await event.updateUI({ title: "x" }).catch((e) => console.log(e.name));
      })());
    };
    await backgroundFetch.fetch("id", "/a");
    "#,
  );
  assert_eq!(lines, ["undefined", "InvalidStateError"]);
}

/// The heads of two requests, byte by byte as the socket has them.
#[test]
fn a_post_with_a_null_body_has_a_length_on_the_wire() {
  let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
  let origin = format!("http://{}", listener.local_addr().unwrap());
  let (sender, heads) = std::sync::mpsc::channel();
  std::thread::spawn(move || {
    for client in listener.incoming() {
      let mut client = client.unwrap();
      let mut head = Vec::new();
      while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.extend(byte);
      }
      let answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
      client.write_all(answer.as_bytes()).unwrap();
      sender.send(String::from_utf8(head).unwrap()).unwrap();
    }
  });
  let script = r#"
    await backgroundFetch.fetch("p", new Request("/p", { method: "POST" }));
    await fetch("/q", { method: "POST" });
  "#;
  run_at(&origin, script);
  for _ in 0..2 {
    let head = heads.recv_timeout(BOUND).unwrap();
    assert!(head.starts_with("POST /"), "{head}");
    let lengths: Vec<&str> = head
      .split("\r\n")
      .filter(|line| line.to_lowercase().starts_with("content-length"))
      .collect();
    assert_eq!(lengths, ["content-length: 0"], "{head}");
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
  }
}
