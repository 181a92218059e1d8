//! What goes wrong in a script, and how the program ends then.

use crate::cli::place::Ended;
use crate::cli::place::Place;
use support::FaultServer;
use support::Resource;

fn run(place: &Place, script: &str) -> Ended {
  let script = place.write("script.js", script);
  place.bgfetch("run", &[&script])
}

#[test]
fn a_top_level_await_that_can_never_end_is_an_error() {
  let place = Place::new();
  let script = "console.log('begins'); await new Promise(() => {});";
  let ended = run(&place, script).code(1);
  assert_eq!(ended.stdout, "begins\n");
  ended.says("script.js: its top-level await never ends");
  let sw = place.write("sw.js", "");
  let page = place.write(
    "page.js",
    "await navigator.serviceWorker.ready; console.log('never');",
  );
  let ended = place.bgfetch("run", &["--sw", &sw, &page]).code(1);
  assert!(ended.stderr.contains("register(\"/sw.js\")"), "{ended:?}");
  ended.says("page.js: its top-level await never ends");
}

#[test]
fn a_top_level_await_of_a_timer_is_waited_for() {
  let place = Place::new();
  let script = "await new Promise((done) => setTimeout(done, 1500));
    console.log('later');";
  assert_eq!(run(&place, script).code(0).stdout, "later\n");
}

#[test]
fn an_unhandled_rejection_is_told_and_ends_with_status_1() {
  let place = Place::new();
  let ended = run(
    &place,
    "addEventListener('unhandledrejection', ({ reason }) =>
      console.log('event', reason.message));
    Promise.reject(new Error('lost'));
    setTimeout(() => console.log('goes on'), 10);",
  );
  let ended = ended.code(1);
  assert_eq!(ended.stdout, "event lost\ngoes on\n");
  ended.says("script.js: Error: lost");
}

#[test]
fn a_rejection_that_the_script_takes_care_of_is_none() {
  let place = Place::new();
  let ended = run(
    &place,
    "onunhandledrejection = (event) => event.preventDefault();
    onerror = () => true;
    Promise.reject(new Error('lost'));
    setTimeout(() => { throw new Error('caught'); }, 1);",
  );
  assert_eq!(ended.code(0).stderr, "");
}

#[test]
fn what_a_listener_throws_or_waits_for_in_vain_ends_with_status_1() {
  let server = FaultServer::start_blocking();
  server.serve("/x", Resource::text("x"));
  let base = server.url("/");
  let fetch = "await registration.backgroundFetch.fetch('x', '/x');";
  let listen = "addEventListener('backgroundfetchsuccess', (event) =>";
  let run = |script: &str| {
    let place = Place::new();
    let script = place.write("script.js", &format!("{script} {fetch}"));
    place.bgfetch("run", &["--base", &base, &script])
  };
  for (script, says) in [
    (
      "{ throw new Error('thrown'); });",
      "script.js: Error: thrown",
    ),
    (
      "event.waitUntil(Promise.reject(new Error('rejected'))));",
      "script.js: Error: rejected",
    ),
    ("{ throw Symbol('odd'); });", "script.js: Symbol(odd)"),
    ("{ throw 5; });", "script.js: 5"),
  ] {
    run(&format!("{listen} {script}")).code(1).says(says);
  }
  // Progress may come more than once.
  let progress = run(
    "(await registration.backgroundFetch.fetch('y', '/x')).onprogress =
      () => { throw new Error('in progress'); };",
  );
  let progress = progress.code(1).stderr;
  assert!(
    progress.contains("script.js: Error: in progress"),
    "{progress}"
  );
  let prevented = format!(
    "addEventListener('error', (event) => event.preventDefault());
    onunhandledrejection = (event) => event.preventDefault();
    {listen} {{ event.waitUntil(Promise.reject(1)); throw 2; }});"
  );
  assert!(!run(&prevented).code(0).stderr.contains("script.js"));
}

#[test]
fn a_value_that_cannot_be_shown_is_an_error_like_any_other() {
  for script in [
    "throw Symbol('odd');",
    "throw Object.create(null);",
    "setTimeout(() => { throw new Proxy({}, { get() { throw 1; } }); });",
    "setTimeout(() => queueMicrotask(() => { throw Symbol('odd'); }));",
    "Promise.reject({ toString() { throw 1; } });",
    "setTimeout(() => reportError(new AggregateError([Symbol('odd')])));",
  ] {
    let place = Place::new();
    run(&place, script).code(1).says("script.js: ");
  }
}
