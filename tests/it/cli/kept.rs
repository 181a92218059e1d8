//! What is kept although nothing happens with it: failed downloads, and events
//! that no service worker could handle.

use std::time::Instant;

use serde_json::Value;

use crate::cli::place::BOUND;
use crate::cli::place::Place;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;
use support::content;

const SIZE: u64 = 1_000_000;

/// The lines of `bgfetch list --json`.
fn list(place: &Place) -> Vec<Value> {
  let listed = place.bgfetch("list", &["--json"]).code(0).stdout;
  let lines = listed.lines();
  lines
    .map(|line| serde_json::from_str(line).unwrap())
    .collect()
}

/// Cut in the middle, once.
fn serve_unlucky(server: &FaultServer) -> String {
  let script = [TruncateAfter(400_000), Normal];
  let resource = Resource::bytes(SIZE, 1).etag("\"1\"").script(script);
  server.serve("/film.bin", resource)
}

#[test]
fn the_same_get_continues_what_has_failed() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = serve_unlucky(&server);
  let out = place.out();
  let get = ["--retries", "0", "--out", &out, &url];
  place.bgfetch("get", &get).code(1);

  let listed = list(&place).remove(0);
  assert_eq!(listed["state"], "failed");
  assert_eq!(listed["downloaded"], 400_000);
  assert!(listed["keptSince"].is_i64(), "{listed}");
  let shown = place.bgfetch("show", &["film.bin"]).code(0).stdout;
  let how = "the same command, `bgfetch resume` or `bgfetch retry film.bin`";
  assert!(shown.contains(how), "{shown}");

  place.bgfetch("get", &get).code(0);
  let film = std::fs::read(place.path("out/film.bin")).unwrap();
  assert_eq!(content::sha256_of(&film), content::sha256(SIZE, 1));
  let requests = server.requests_for("/film.bin");
  assert_eq!(requests.len(), 2);
  assert_eq!(requests[1].header("range"), Some("bytes=400000-"));
  assert!(list(&place).is_empty());
}

#[test]
fn what_has_failed_is_kept_no_longer_than_was_asked_for() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = serve_unlucky(&server);
  let out = place.out();
  let get = ["--retries", "0", "--out", &out, &url];
  place.bgfetch("get", &get).code(1);
  assert_eq!(list(&place).len(), 1);
  server.serve("/held.bin", Resource::text("held").script([Hold]));
  let held = server.url("/held.bin");
  let arguments = ["--retention", "0", "--out", &out, &held];
  let running = place.start("get", &arguments);
  server.block_on(server.wait_until_stalled("/held.bin", BOUND));
  wait_for(&place, |all| all.len() == 1 && all[0]["id"] == "held.bin");
  server.release("/held.bin");
  running.ended().code(0);
}

fn wait_for(place: &Place, so: impl Fn(&[Value]) -> bool) {
  let start = Instant::now();
  loop {
    let all = list(place);
    if so(&all) {
      return;
    }
    assert!(start.elapsed() < BOUND, "{all:#?}");
  }
}

const PAGE: &str = "
  const { serviceWorker } = navigator;
  await serviceWorker.register('sw.js');
  const registration = await serviceWorker.ready;
  await registration.backgroundFetch.fetch('slow', 'x.txt');
  await registration.backgroundFetch.fetch('held', '/held');
";

/// Takes longer than a second.
const WORKER: &str = "
  onbackgroundfetchsuccess = (event) => event.waitUntil((async () => {
    console.log('begins', event.registration.id);
    await new Promise((done) => setTimeout(done, 2000));
    const [record] = await event.registration.matchAll();
    const text = await (await record.responseReady).text();
    console.log('told', event.registration.id, text);
  })());
";

#[test]
fn an_event_that_could_not_be_delivered_outlives_a_kill_and_is_resumed() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  server.serve("/app/x.txt", Resource::text("x"));
  server.serve("/held", Resource::text("held").script([Hold, Normal]));
  let base = server.url("/app/page.html");
  let sw = place.write("sw.js", WORKER);
  let page = place.write("page.js", PAGE);
  let limits = ["--handler-timeout", "1", "--handler-tries", "2"];
  let arguments = ["--base", &base, "--sw", &sw, &page];
  let running = place.start("run", &[&limits[..], &arguments].concat());
  running.line(|line| line == "begins slow");
  running.line(|line| line == "begins slow");
  wait_for(&place, |all| {
    all
      .iter()
      .any(|b| b["id"] == "slow" && b["state"] == "undelivered")
  });
  running.kill();

  let shown = place.bgfetch("show", &["slow"]).code(0).stdout;
  let why = "its handler has not ended within 1s, tried 2 times";
  assert!(shown.contains(why), "{shown}");
  let resumed = place.bgfetch("resume", &[]).code(0);
  let mut told: Vec<_> = resumed
    .stdout
    .lines()
    .filter(|l| l.starts_with("told"))
    .collect();
  told.sort_unstable();
  assert_eq!(told, ["told held held", "told slow x"]);
  assert!(list(&place).is_empty());
}

#[test]
fn an_event_that_could_not_be_delivered_makes_the_status_1() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  server.serve("/app/x.txt", Resource::text("x"));
  let base = server.url("/app/page.html");
  let sw = place.write("sw.js", WORKER);
  let page = place.write("page.js", &PAGE.replace(", '/held'", ", 'x.txt'"));
  let limits = ["--handler-timeout", "1", "--handler-tries", "1"];
  let arguments = ["--base", &base, "--sw", &sw, &page];
  let ended = place.bgfetch("run", &[&limits[..], &arguments].concat());
  let ended = ended.code(1);
  let why = "the event of slow could not be delivered";
  assert!(ended.stderr.contains(why), "{}", ended.stderr);
}

#[test]
fn an_interval_and_an_open_port_hold_no_script_that_is_done() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  server.serve("/x", Resource::text("x"));
  let base = server.url("/");
  for endless in [
    "setInterval(() => {}, 500);",
    "new MessageChannel().port1.onmessage = () => {};",
  ] {
    let script = format!(
      "addEventListener('backgroundfetchsuccess', () => console.log('told'));
      await registration.backgroundFetch.fetch('x', '/x');
      {endless}"
    );
    let script = place.write("script.js", &script);
    let ended = place.bgfetch("run", &["--base", &base, &script]);
    assert_eq!(ended.code(0).stdout, "told\n", "{endless}");
  }
}

#[test]
fn an_interval_that_an_evaluation_waits_for_holds_the_script() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  server.serve("/x", Resource::text("x"));
  let base = server.url("/");
  let script = "
    await registration.backgroundFetch.fetch('x', '/x');
    let ticks = 0;
    await new Promise((done) => {
      const interval = setInterval(() => {
        if (++ticks === 12) { clearInterval(interval); done(); }
      }, 100);
    });
    console.log(ticks);
  ";
  let script = place.write("script.js", script);
  let ended = place.bgfetch("run", &["--base", &base, &script]);
  assert_eq!(ended.code(0).stdout, "12\n");
}

/// Before anything of it was noted in the store, too.
#[test]
fn what_is_shown_of_the_requests_adds_up_to_the_whole() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let mut urls = Vec::new();
  for (name, seed) in [("/a", 1), ("/b", 2)] {
    let resource = Resource::bytes(SIZE, seed).script([StallAfter(300_000)]);
    urls.push(server.serve(name, resource));
  }
  let out = place.out();
  let arguments = ["--out", &out, &urls[0], &urls[1]];
  let running = place.start("get", &arguments);
  for name in ["/a", "/b"] {
    server.block_on(server.wait_until_stalled(name, BOUND));
  }
  wait_for(&place, |all| {
    let has = |b: &Value| b["downloaded"].as_u64() >= Some(300_000);
    all.len() == 2 && all.iter().all(has)
  });
  for id in ["a", "b"] {
    let shown = place.bgfetch("show", &["--json", id]).code(0).stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let requests = shown["requests"].as_array().unwrap();
    let parts = requests.iter().map(|r| r["downloaded"].as_u64().unwrap());
    assert_eq!(shown["downloaded"].as_u64(), Some(parts.sum()), "{shown}");
  }
  running.kill();
}
