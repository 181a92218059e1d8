//! Bad networks, and the options against them.

use rustix::process::Signal;
use serde_json::Value;

use crate::cli::place::Place;
use support::Behaviour;
use support::FaultServer;
use support::Resource;

/// No TCP connection can be made to a multicast address: the kernel says that
/// the network is unreachable, and sends nothing.
const UNREACHABLE: &str = "http://224.0.0.1/film.bin";

#[test]
fn waiting_for_the_network_shows_itself_and_can_be_interrupted() {
  let place = Place::new();
  let out = place.out();
  let running = place.start("get", &["--json", "--out", &out, UNREACHABLE]);
  let line = running.line(|line| line.contains(r#""event":"waiting""#));
  let line: Value = serde_json::from_str(&line).unwrap();
  let why = "waiting for the network: could not connect to 224.0.0.1:80: the \
             network is unreachable";
  assert_eq!(
    (&line["id"], &line["waiting"]),
    (&"film.bin".into(), &why.into())
  );
  assert_eq!(line["failureReason"], "");
  // From any terminal, too.
  let listed = place.bgfetch("list", &[]).code(0).stdout;
  assert!(listed.starts_with("film.bin  waiting  "), "{listed}");
  let listed = place.bgfetch("list", &["--json"]).code(0).stdout;
  let listed: Value = serde_json::from_str(&listed).unwrap();
  assert_eq!(
    (&listed["state"], &listed["waiting"]),
    (&"waiting".into(), &why.into())
  );
  let shown = place.bgfetch("show", &["film.bin"]).code(0).stdout;
  assert!(shown.contains(why), "{shown}");

  running.signal(Signal::INT);
  running.ended().code(130);
  let listed = place.bgfetch("list", &[]).code(0).stdout;
  assert!(listed.starts_with("film.bin  unfinished  "), "{listed}");
}

#[test]
fn waiting_for_the_network_can_be_paused_and_aborted() {
  let place = Place::new();
  let out = place.out();
  let running = place.start("get", &["--json", "--out", &out, UNREACHABLE]);
  running.line(|line| line.contains(r#""event":"waiting""#));
  place.bgfetch("pause", &["film.bin"]).code(0);
  let listed = place.bgfetch("list", &[]).code(0).stdout;
  assert!(listed.starts_with("film.bin  paused  "), "{listed}");
  place.bgfetch("abort", &["film.bin"]).code(0);
  running.ended().code(1).says("/film.bin: it was aborted");
}

#[test]
fn a_log_says_why_it_waits_and_that_it_was_too_long() {
  let place = Place::new();
  let out = place.out();
  let arguments = ["--offline-timeout", "1", "--out", &out, UNREACHABLE];
  let ended = place.bgfetch("get", &arguments).code(1);
  let ended = ended.says("the network did not come back in time");
  let waiting = "film.bin: waiting for the network: could not connect";
  assert_eq!(ended.stderr.matches(waiting).count(), 1, "{ended:#?}");
}

#[test]
fn without_a_timeout_to_wait_for_it_fails_at_once() {
  let place = Place::new();
  let arguments = ["--quiet", "--offline-timeout", "0", UNREACHABLE];
  let ended = place.bgfetch("get", &arguments).code(1);
  ended.says("/film.bin: could not connect");
}

#[test]
fn retries_are_counted() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let refused = Resource::text("x").script([Behaviour::Refuse]);
  let url = server.serve("/x", refused);
  place.bgfetch("get", &["--retries", "1", &url]).code(1);
  assert_eq!(server.requests().len(), 2);
  place.bgfetch("get", &["--retries", "0", &url]).code(1);
  assert_eq!(server.requests().len(), 3);
}

#[test]
fn no_more_fetches_than_wanted_are_on_the_wire() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  // Slow enough to be on the wire together with others.
  let slow = Behaviour::Throttle {
    bytes_per_second: 200_000,
  };
  let slow = Resource::bytes(20_000, 1).script([slow]);
  let urls: Vec<_> = (0..20)
    .map(|i| server.serve(&format!("/{i}"), slow.clone()))
    .collect();
  let out = place.out();
  let mut arguments = vec!["--max-concurrent", "2", "--out", &out];
  arguments.extend(urls.iter().map(String::as_str));
  place.bgfetch("get", &arguments).code(0);
  assert_eq!(server.requests().len(), 20);
  assert!(server.most_at_once() <= 2, "{}", server.most_at_once());
}

#[test]
fn the_rate_is_limited() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/film.bin", Resource::bytes(1 << 30, 1));
  let out = place.out();
  let arguments = ["--json", "--limit-rate", "64K", "--out", &out, &url];
  let begin = std::time::Instant::now();
  let running = place.start("get", &arguments);
  let downloaded = |line: &str| {
    let line: Value = serde_json::from_str(line).unwrap();
    line["downloaded"].as_u64().unwrap()
  };
  let line = running.line(|line| downloaded(line) > 0);
  // Holds on a slow machine, too: the clock is read last.
  let most = 65536.0 * (begin.elapsed().as_secs_f64() + 0.5);
  assert!(downloaded(&line) as f64 <= most, "{line} {most}");
  running.signal(Signal::TERM);
  running.ended().code(130);
}

#[test]
fn a_server_that_is_busy_is_asked_again_unless_it_is_a_pages() {
  for (options, requests, code) in [
    (&[][..], 2, 0),
    (&["--retry-statuses", "404, 503"], 2, 0),
    (&["--retry-statuses", "none"], 1, 1),
    (&["--retry-statuses", "500"], 1, 1),
    (&["--policy", "browser"], 1, 1),
  ] {
    let place = Place::new();
    let server = FaultServer::start_blocking();
    let busy = [Behaviour::Status(503), Behaviour::Normal];
    let url = server.serve("/x", Resource::text("x").script(busy));
    let (out, base) = (place.out(), server.url("/"));
    let mut arguments = vec!["--out", &out, "--base", &base, &url];
    arguments.extend(options);
    place.bgfetch("get", &arguments).code(code);
    assert_eq!(server.requests().len(), requests, "{options:?}");
  }
}

#[test]
fn a_status_that_is_no_error_is_not_waited_for() {
  let place = Place::new();
  for statuses in ["200", "503;504", "any"] {
    let arguments = ["--retry-statuses", statuses, "http://127.0.0.1:1/x"];
    let ended = place.bgfetch("get", &arguments).code(2);
    let told = ended.stderr.contains("is not a status from 400 to 599");
    assert!(told, "{ended:#?}");
  }
}

#[test]
fn equal_lengths_are_trusted_when_that_is_asked_for() {
  for (options, range) in [
    (&[][..], None),
    (&["--resume", "same-length"], Some("bytes=500000-")),
  ] {
    let place = Place::new();
    let server = FaultServer::start_blocking();
    let cut = [Behaviour::TruncateAfter(500_000), Behaviour::Normal];
    let film = Resource::bytes(1_000_000, 1).script(cut);
    let url = server.serve("/x", film);
    let out = place.out();
    let mut arguments = vec!["--out", &out, &url];
    arguments.extend(options);
    place.bgfetch("get", &arguments).code(0);
    let requests = server.requests();
    assert_eq!(requests[1].header("range"), range);
  }
}

/// As in a train: the page in between is not the file, and costs no byte of it.
#[test]
fn what_a_login_page_or_an_error_interrupts_is_continued_by_the_same_command() {
  let page = Behaviour::All(vec![
    Behaviour::IgnoreRange,
    Behaviour::Header("ETag".into(), "".into()),
  ]);
  for (interruption, told) in [
    (page, "without the validator"),
    (Behaviour::Status(503), "answered 503"),
  ] {
    let place = Place::new();
    let server = FaultServer::start_blocking();
    let script = [Behaviour::TruncateAfter(500_000), interruption];
    let film = Resource::bytes(1_000_000, 1).etag("\"1\"");
    let url = server.serve("/x", film.script(script));
    let out = place.out();
    let arguments = ["--out", &out, "--retries", "1", &url];
    place.bgfetch("get", &arguments).code(1).says(told);
    server.script("/x", [Behaviour::Normal]);
    let before = server.requests().len();
    place.bgfetch("get", &arguments).code(0);
    let requests = server.requests();
    assert_eq!(requests.len(), before + 1);
    assert_eq!(requests[before].header("range"), Some("bytes=500000-"));
  }
}

/// The server answers anyone who takes it for a proxy, too: the target is then
/// the whole URL.
#[test]
fn a_proxy_of_the_environment_is_used_or_refused_and_never_passed_by() {
  let server = FaultServer::start_blocking();
  server.serve(&server.url("/x"), Resource::text("x"));
  let place = Place::new();
  let out = place.out();
  let get = |proxy: &str| {
    let arguments = ["--retries", "0", "--out", &out, &server.url("/x")];
    place.bgfetch_with(&[("http_proxy", proxy)], "get", &arguments)
  };
  for proxy in ["::::", " ", "ftp://127.0.0.1:1", "http:// x"] {
    get(proxy)
      .code(2)
      .says("http_proxy")
      .says("http://host:port");
  }
  // Nothing listens there.
  get("127.0.0.1:1/")
    .code(1)
    .says("could not connect to the proxy 127.0.0.1:1");
  assert!(server.requests().is_empty());
  let address = server.address().to_string();
  get(&address).code(0);
  assert_eq!(server.requests()[0].target, server.url("/x"));
}
