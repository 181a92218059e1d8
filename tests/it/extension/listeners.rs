//! What listeners throw, when the user agent has fired the event.

use background_fetch::engine::RealmKind;

use crate::extension::harness::run;
use support::FaultServer;
use support::Resource;

const FETCH: &str = r#"registration.backgroundFetch.fetch("x", "/x");"#;

/// Runs the script of a service worker; what it writes, and what is reported.
fn reported(script: &str) -> (Vec<String>, Vec<String>) {
  let server = FaultServer::start_blocking();
  server.serve("/x", Resource::text("x"));
  let url = server.url("/sw.js");
  let ended = run(RealmKind::ServiceWorker, &url, &format!("{script}{FETCH}"));
  assert_eq!(ended.errors, [""; 0], "{script}");
  let first_line = |text: String| text.lines().next().map(str::to_string);
  let reported = ended.reported.into_iter().filter_map(first_line);
  (ended.lines, reported.collect())
}

#[test]
fn what_a_listener_throws_is_an_event_and_then_reported() {
  let (lines, reported) = reported(
    r#"
    addEventListener("error", ({ error, message, isTrusted }) =>
      console.log(error.message, message.includes("mine"), isTrusted));
    const listen = (f) => addEventListener("backgroundfetchsuccess", f);
    listen(() => { throw new RangeError("mine"); });
    listen({ handleEvent: 1 });
    listen(() => console.log("the next one is called all the same"));
    "#,
  );
  assert_eq!(lines[0], "mine true true");
  assert_eq!(lines[2], "the next one is called all the same");
  assert_eq!(reported[0], "RangeError: mine");
  assert_eq!(reported.len(), 2, "{reported:?}");
}

#[test]
fn why_a_promise_that_extends_the_event_is_rejected_is_an_event_and_reported() {
  let (lines, reported) = reported(
    r#"
    onunhandledrejection = ({ reason, promise, isTrusted }) =>
      console.log(reason.message, promise === given, isTrusted);
    let given;
    onbackgroundfetchsuccess = (event) => {
      given = new Promise((_, reject) =>
        setTimeout(() => reject(new Error("late")), 5));
      event.waitUntil(given);
    };
    "#,
  );
  assert_eq!(lines, ["late true true"]);
  assert_eq!(reported, ["Error: late"]);
}

#[test]
fn what_a_script_prevents_is_not_reported() {
  let (lines, reported) = reported(
    r#"
    addEventListener("error", (event) => {
      console.log("error");
      event.preventDefault();
    });
    addEventListener("unhandledrejection", (event) => {
      console.log("rejection");
      event.preventDefault();
    });
    addEventListener("backgroundfetchsuccess", (event) => {
      event.waitUntil(Promise.reject(1));
      throw 2;
    });
    "#,
  );
  assert_eq!(lines, ["error", "rejection"]);
  assert_eq!(reported, [""; 0]);
}

#[test]
fn a_value_that_cannot_be_shown_ends_nothing() {
  let values = "[Symbol('s'), Object.create(null), new Proxy({},
    { get() { throw 1; } }), { toString() { throw 1; } },
    new Error('e', { cause: Symbol() }), new AggregateError([Symbol()]),
    null, undefined, { get stack() { throw 1; } }]";
  let (_, reported) = reported(&format!(
    r#"
    for (const value of {values}) {{
      addEventListener("backgroundfetchsuccess", (event) => {{
        event.waitUntil(Promise.reject(value));
        throw value;
      }});
    }}
    "#
  ));
  assert_eq!(reported.len(), 18, "{reported:?}");
}

#[test]
fn an_event_at_its_target_calls_listeners_as_dom_says() {
  let (lines, reported) = reported(
    r#"
    const listen = (name, options, f = () => {}) => addEventListener(
      "backgroundfetchsuccess", function (event) {
        console.log(name, this === globalThis, event.eventPhase,
          event.composedPath().length, event.currentTarget === globalThis);
        f(event);
      }, options);
    listen("bubbling", false, () => removeEventListener(
      "backgroundfetchsuccess", removed));
    listen("capturing", true);
    listen("once", { once: true }, () => listen("added", false));
    const removed = () => console.log("removed");
    addEventListener("backgroundfetchsuccess", removed);
    listen("last", false, (event) => event.stopImmediatePropagation());
    listen("stopped", false);
    addEventListener("backgroundfetchsuccess", (event) => setTimeout(() =>
      console.log(event.eventPhase, event.currentTarget,
        event.target === globalThis)), true);
    "#,
  );
  let called = |name: &str| format!("{name} true 2 1 true");
  assert_eq!(
    lines,
    [
      called("capturing"),
      called("bubbling"),
      called("once"),
      called("last"),
      "0 null true".to_string(),
    ]
  );
  assert_eq!(reported, [""; 0]);
}
