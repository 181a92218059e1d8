//! What goes wrong in a script, and how the program ends then.

use crate::place::Ended;
use crate::place::Place;

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
