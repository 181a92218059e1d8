//! Errors that no script catches are events.

use background_fetch::engine::RealmKind;

use crate::extension::harness::EVERY_KIND;
use crate::extension::harness::run;

const URL: &str = "https://app.test/script.js";

#[test]
fn an_unhandled_rejection_is_an_event_and_then_an_error() {
  for kind in EVERY_KIND {
    let ended = run(
      kind,
      URL,
      r#"
      addEventListener("unhandledrejection", (event) => {
        const { reason, promise, cancelable, isTrusted } = event;
        console.log(event.constructor.name, reason.message,
          promise === lost, cancelable, isTrusted);
        setTimeout(() => console.log("later"), 1);
      });
      const lost = Promise.reject(new Error("lost"));
      "#,
    );
    let event = "PromiseRejectionEvent lost true true true";
    assert_eq!(ended.lines, [event, "later"], "{kind:?}");
    let uncaught = ended.uncaught();
    assert_eq!(uncaught.len(), 1, "{ended:?}");
    assert!(uncaught[0].contains("lost"), "{ended:?}");
    // It ends a page only.
    let is_page = kind == RealmKind::Window;
    assert_eq!(ended.errors.is_empty(), !is_page, "{ended:?}");
  }
}

#[test]
fn a_rejection_that_a_listener_prevents_is_no_error() {
  for kind in EVERY_KIND {
    let ended = run(
      kind,
      URL,
      r#"
      onunhandledrejection = (event) => {
        event.preventDefault();
        console.log(`unhandled ${event.reason}`);
        setTimeout(() => late.catch(() => {}), 1);
      };
      onrejectionhandled = ({ reason, cancelable, isTrusted }) =>
        console.log(`handled ${reason}`, cancelable, isTrusted);
      const late = Promise.reject("late");
      Promise.reject("at once").catch(() => {});
      "#,
    );
    let lines = ["unhandled late", "handled late false true"];
    assert_eq!(ended.lines, lines, "{kind:?}");
    assert!(ended.uncaught().is_empty(), "{ended:?}");
  }
}

#[test]
fn an_error_in_a_task_is_an_event_and_then_an_error() {
  for kind in EVERY_KIND {
    let ended = run(
      kind,
      URL,
      r#"
      let prevented = true;
      addEventListener("error", (event) => {
        console.log(event.constructor.name, event.message, event.error.name);
        if (prevented) event.preventDefault();
        prevented = false;
      });
      setTimeout(() => { throw new TypeError("first"); }, 0);
      queueMicrotask(() => console.log("microtask"));
      setTimeout(() => { throw new RangeError("second"); }, 20);
      "#,
    );
    assert_eq!(ended.lines.len(), 3, "{ended:?}");
    assert_eq!(ended.lines[0], "microtask");
    for (line, parts) in [
      (1, ["ErrorEvent", "first", "TypeError"]),
      (2, ["ErrorEvent", "second", "RangeError"]),
    ] {
      let line = &ended.lines[line];
      assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }
    let uncaught = ended.uncaught();
    assert_eq!(uncaught.len(), 1, "{ended:?}");
    assert!(uncaught[0].contains("second"), "{ended:?}");
  }
}
