//! Scripts.

use crate::cli::place::BOUND;
use crate::cli::place::Ended;
use crate::cli::place::Place;
use crate::cli::place::Running;
use support::Behaviour;
use support::FaultServer;
use support::Resource;

fn run(place: &Place, arguments: &[&str], script: &str) -> Ended {
  let script = place.write("script.js", script);
  let mut all = arguments.to_vec();
  all.push(&script);
  place.bgfetch("run", &all)
}

#[test]
fn a_script_without_background_fetches_just_runs() {
  let place = Place::new();
  place.write("other.js", "export const answer = 42;");
  let ended = run(
    &place,
    &[],
    "import { answer } from './other.js';
    console.log(answer, location.href, registration.scope);
    console.warn('careful');
    setTimeout(() => console.log('later'), 10);",
  );
  let ended = ended.code(0);
  let expected = "42 http://localhost/ http://localhost/\nlater\n";
  assert_eq!(ended.stdout, expected);
  assert_eq!(ended.stderr, "careful\n");
}

#[test]
fn a_script_that_throws_ends_with_status_1() {
  let place = Place::new();
  let ended = run(&place, &[], "throw new Error('no luck');").code(1);
  ended.says("script.js: Error: no luck");
  let ended = run(&place, &[], "setTimeout(() => { throw 1 }, 1);").code(1);
  ended.says("script.js: ");
  let late = "await null; await Promise.reject(new Error('late'));";
  run(&place, &[], late)
    .code(1)
    .says("script.js: Error: late");
  let unhandled = "Promise.reject(new Error('lost'));";
  run(&place, &[], unhandled).code(1).says("lost");
  run(&place, &[], "let").code(1).says("SyntaxError");
  run(&place, &[], "import './no.js';").code(1).says("no.js");
}

#[test]
fn an_empty_list_of_requests_is_a_type_error() {
  let place = Place::new();
  let script = "await registration.backgroundFetch.fetch('x', []);";
  run(&place, &[], script).code(1).says("TypeError");
}

#[test]
fn an_id_that_is_active_is_a_type_error() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let held = Resource::text("x").script([Behaviour::Hold]);
  server.serve("/x", held);
  let script = place.write(
    "script.js",
    "const { backgroundFetch } = registration;
    const both = [1, 2].map(() => backgroundFetch.fetch('twice', '/x'));
    await Promise.allSettled(both);
    console.log('both have an answer');
    await Promise.all(both);",
  );
  let running = place.start("run", &["--base", &server.url("/"), &script]);
  running.line(|line| line == "both have an answer");
  server.block_on(server.wait_until_stalled("/x", BOUND));
  server.release("/x");
  let ended = running.ended();
  // The first one is not disturbed.
  let ended = ended.code(1).says("twice");
  assert!(ended.stderr.contains("twice: done, 1 B"), "{ended:#?}");
}

#[test]
fn the_event_is_handled_and_the_files_are_saved() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  server.serve("/a/x.txt", Resource::text("a"));
  server.serve("/b/x.txt", Resource::text("b"));
  let ended = run(
    &place,
    &["--base", &server.url("/a/sw.js"), "--out", &place.out()],
    "addEventListener('backgroundfetchsuccess', (event) => {
      event.waitUntil((async () => {
        for (const record of await event.registration.matchAll()) {
          const response = await record.responseReady;
          console.log(response.url, await response.text());
        }
        await event.updateUI({ title: 'Read' });
      })());
    });
    const options = { title: 'Two files' };
    await registration.backgroundFetch.fetch('my', ['x.txt', '/b/x.txt'], options);",
  );
  let ended = ended.code(0);
  let [a, b] = ["/a/x.txt", "/b/x.txt"].map(|path| server.url(path));
  assert_eq!(ended.stdout, format!("{a} a\n{b} b\n"));
  for line in ["my: \"Two files\", 2 requests", "my: done", "my: \"Read\""] {
    assert!(ended.stderr.contains(line), "{line}: {ended:#?}");
  }
  let read = |name| std::fs::read_to_string(place.path(name)).unwrap();
  assert_eq!(read("out/x.txt"), "a");
  assert_eq!(read("out/x-1.txt"), "b");
}

#[test]
fn a_script_may_await_its_event_at_the_top_level() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  server.serve("/x", Resource::text("x"));
  let ended = run(
    &place,
    &["--base", &server.url("/")],
    "await registration.backgroundFetch.fetch('x', '/x');
    const event = await new Promise((resolve) => {
      onbackgroundfetchsuccess = resolve;
    });
    console.log(event.registration.result);",
  );
  assert_eq!(ended.code(0).stdout, "success\n");
}

#[test]
fn aborting_ends_with_status_1() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let held = Resource::text("x").script([Behaviour::Hold]);
  server.serve("/x", held);
  let ended = run(
    &place,
    &["--json", "--base", &server.url("/")],
    "onbackgroundfetchabort = (event) => {
      console.log('aborted', event.registration.failureReason);
    };
    const x = await registration.backgroundFetch.fetch('x', '/x');
    console.log(await x.abort());",
  );
  let ended = ended.code(1);
  // Standard output has nothing but objects.
  assert_eq!(ended.stdout.lines().count(), 2, "{ended:#?}");
  for line in ended.stdout.lines() {
    assert!(line.starts_with("{\"event\":"), "{line}");
  }
  assert!(ended.stderr.contains("true\n"), "{ended:#?}");
  assert!(ended.stderr.contains("aborted aborted\n"), "{ended:#?}");
  ended.says("x was aborted");
}

#[test]
fn no_path_has_to_be_utf_8() {
  use std::ffi::OsStr;
  use std::os::unix::ffi::OsStrExt;
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/x.txt", Resource::text("x"));
  let odd = place.path("").join(OsStr::from_bytes(b"caf\xe9"));
  std::fs::create_dir(&odd).unwrap();
  let script = odd.join(OsStr::from_bytes(b"scr\xffpt.js"));
  std::fs::write(odd.join("other.js"), format!("export const url = {url:?};"))
    .unwrap();
  std::fs::write(
    &script,
    "import { url } from './other.js';
     await registration.backgroundFetch.fetch('x', url, { title: 'x' });",
  )
  .unwrap();
  let worker = odd.join(OsStr::from_bytes(b"w\xfe.js"));
  std::fs::write(
    &worker,
    "addEventListener('backgroundfetchsuccess', () => {});",
  )
  .unwrap();
  let page = odd.join(OsStr::from_bytes(b"p\xfdge.js"));
  std::fs::write(
    &page,
    format!(
      "await navigator.serviceWorker.register('w%FE.js');
       const {{ backgroundFetch }} = await navigator.serviceWorker.ready;
       await backgroundFetch.fetch('y', {url:?}, {{ title: 'y' }});"
    ),
  )
  .unwrap();
  for (arguments, out) in [(vec![&script], "a"), (vec![&page, &worker], "b")] {
    let out = odd.join(out);
    let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_bgfetch"));
    process.arg("run").arg(arguments[0]);
    process
      .arg("--store")
      .arg(odd.join("store"))
      .arg("--out")
      .arg(&out);
    if let Some(worker) = arguments.get(1) {
      process.arg("--sw").arg(worker);
    }
    Running::spawn(process).ended().code(0);
    assert_eq!(std::fs::read_to_string(out.join("x.txt")).unwrap(), "x");
  }
}
