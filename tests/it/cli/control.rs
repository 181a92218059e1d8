//! Looking into a store and controlling what happens in it, also while it is
//! in use.

use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

use crate::cli::place::BOUND;
use crate::cli::place::Place;
use crate::cli::place::Running;
use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::cannot_run::as_another_user;
use support::content;

/// A `get` that stands still, its row in the store.
fn standing_still(place: &Place, server: &FaultServer) -> Running {
  let held = Resource::text("x").script([Behaviour::Hold, Behaviour::Normal]);
  let url = server.serve("/x.txt", held);
  let running = place.start("get", &["--json", "--out", &place.out(), &url]);
  running.line(|line| line.contains("registered"));
  server.block_on(server.wait_until_stalled("/x.txt", BOUND));
  running
}

#[test]
fn a_store_is_one_processs_and_can_be_read_by_others() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let running = standing_still(&place, &server);

  let ended = place.bgfetch("resume", &[]).code(2);
  ended.says("is in use by process");

  let listed = place.bgfetch("list", &[]).code(0).stdout;
  assert!(listed.starts_with("x.txt  unfinished  0 B"), "{listed}");
  let listed = place.bgfetch("list", &["--json"]).code(0).stdout;
  let listed: Value = serde_json::from_str(&listed).unwrap();
  assert_eq!(listed["id"], "x.txt");
  assert_eq!(listed["state"], "unfinished");
  let shown = place.bgfetch("show", &["x.txt"]).code(0).stdout;
  assert!(shown.contains(&server.url("/x.txt")), "{shown}");
  let shown = place.bgfetch("show", &["--json", "x.txt"]).code(0).stdout;
  let shown: Value = serde_json::from_str(&shown).unwrap();
  assert_eq!(shown["requests"][0]["url"], server.url("/x.txt"));

  server.release("/x.txt");
  running.ended().code(0);
  place
    .bgfetch("show", &["x.txt"])
    .code(2)
    .says("no background fetch");
}

#[test]
fn a_background_fetch_that_no_process_works_on_can_be_aborted() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  standing_still(&place, &server).kill();
  place
    .bgfetch("abort", &["y"])
    .code(2)
    .says("no background fetch");
  let ended = place.bgfetch("abort", &["x.txt"]).code(0);
  assert_eq!(ended.stdout, "x.txt is aborted\n");
  assert_eq!(place.bgfetch("list", &[]).code(0).stdout, "");
  place.bgfetch("resume", &[]).code(0);
  assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_script_hears_of_its_abortion_when_it_is_resumed() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let held = Resource::text("x").script([Behaviour::Hold]);
  server.serve("/x", held);
  let script = place.write(
    "script.js",
    "onbackgroundfetchabort = ({ registration }) => {
      console.log(registration.id, registration.failureReason);
    };
    navigator.serviceWorker.ready.then((registration) =>
      registration.backgroundFetch.fetch('x', '/x').catch(() => {}));",
  );
  let base = server.url("/");
  let running = place.start("run", &["--json", "--base", &base, &script]);
  server.block_on(server.wait_until_stalled("/x", BOUND));
  running.kill();
  let aborted = place.bgfetch("abort", &["x"]).code(0).stdout;
  assert!(
    aborted.contains("`bgfetch resume` tells its script"),
    "{aborted}"
  );
  let resumed = place.bgfetch("resume", &[]).code(1);
  assert_eq!(resumed.says("x was aborted").stdout, "x aborted\n");
  assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_store_that_is_not_there_is_not_made_by_looking() {
  let place = Place::new();
  for (command, arguments) in [
    ("list", &[] as &[&str]),
    ("show", &["x"]),
    ("abort", &["x"]),
    ("pause", &["x"]),
    ("unpause", &["x"]),
    ("click", &["x"]),
  ] {
    place
      .bgfetch(command, arguments)
      .code(2)
      .says("no store in it");
  }
  assert!(!place.path("store").exists());
}

const SIZE: u64 = 3_000_000;

/// A `get` that has stored the half of its film and waits for the rest.
fn half_way(place: &Place, server: &FaultServer) -> Running {
  let stalls = [Behaviour::StallAfter(SIZE / 2), Behaviour::Normal];
  let film = Resource::bytes(SIZE, 3).etag("\"v1\"").script(stalls);
  let url = server.serve("/film.bin", film);
  let running = place.start("get", &["--json", "--out", &place.out(), &url]);
  running.line(|line| line.contains("\"downloaded\":1500000"));
  running
}

fn shown(place: &Place, id: &str) -> Value {
  let shown = place.bgfetch("show", &["--json", id]).code(0).stdout;
  serde_json::from_str(&shown).unwrap()
}

/// The bytes were asked for once, and then the rest of them.
fn assert_continued(place: &Place, server: &FaultServer) {
  let requests = server.requests_for("/film.bin");
  let ranges = requests.iter().map(|request| request.header("range"));
  assert_eq!(ranges.collect::<Vec<_>>(), [None, Some("bytes=1500000-")]);
  content::verify(place.path("out/film.bin"), SIZE, 3).unwrap();
}

#[test]
fn a_running_get_is_paused_and_goes_on() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let running = half_way(&place, &server);
  let said = place.bgfetch("pause", &["film.bin"]).code(0).stdout;
  assert_eq!(said, "film.bin is paused\n");
  let shown = shown(&place, "film.bin");
  assert_eq!(shown["state"], "paused");
  assert_eq!(shown["downloaded"], SIZE / 2);
  let again = place.bgfetch("pause", &["film.bin"]).code(0).stdout;
  assert_eq!(again, "film.bin is paused already\n");
  assert_eq!(server.requests_for("/film.bin").len(), 1);

  let said = place.bgfetch("unpause", &["--quiet", "film.bin"]).code(0);
  assert_eq!(said.stdout, "");
  running.ended().code(0);
  assert_continued(&place, &server);
  assert!(!place.path("store/control").exists());
}

#[test]
fn what_is_paused_without_an_engine_waits_in_the_next_one() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  half_way(&place, &server).kill();
  // What the killed process has left has no owner.
  assert!(place.path("store/control").exists());
  let ended = place.bgfetch("click", &["film.bin"]).code(2);
  ended.says("no process works on the store");
  place.bgfetch("pause", &["film.bin"]).code(0);
  assert_eq!(shown(&place, "film.bin")["state"], "paused");
  let resumed = place.start("resume", &["--json"]);
  resumed.line(|line| line.contains("registered"));
  assert_eq!(server.requests().len(), 1);
  place.bgfetch("unpause", &["film.bin"]).code(0);
  resumed.ended().code(0);
  assert_continued(&place, &server);
}

#[test]
fn a_running_get_is_aborted() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let running = half_way(&place, &server);
  let said = place.bgfetch("abort", &["film.bin"]).code(0).stdout;
  assert_eq!(said, "film.bin is aborted\n");
  running.ended().code(1).says("/film.bin: it was aborted");
  assert!(!place.path("out/film.bin").exists());
  assert_eq!(place.bgfetch("list", &[]).code(0).stdout, "");
}

#[test]
fn a_click_reaches_the_script() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  server.serve("/x", Resource::text("x").script([Behaviour::Hold]));
  let script = place.write(
    "script.js",
    "onbackgroundfetchclick = (event) => {
      console.log('clicked', event.registration.id);
      event.waitUntil(event.registration.abort());
    };
    await registration.backgroundFetch.fetch('x', '/x');",
  );
  let running = place.start("run", &["--base", &server.url("/"), &script]);
  server.block_on(server.wait_until_stalled("/x", BOUND));
  let said = place.bgfetch("click", &["x"]).code(0).stdout;
  assert_eq!(said, "x was clicked\n");
  assert_eq!(running.line(|_| true), "clicked x");
  running.ended().code(1).says("x was aborted");
}

#[test]
fn a_begun_upload_cannot_be_paused() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  server.serve("/x", Resource::text("x").script([Behaviour::Hold]));
  let script = place.write(
    "script.js",
    "const request = new Request('/x', { method: 'POST', body: 'x' });
    await registration.backgroundFetch.fetch('x', request);",
  );
  let running = place.start("run", &["--base", &server.url("/"), &script]);
  server.block_on(server.wait_until_stalled("/x", BOUND));
  place.bgfetch("pause", &["x"]).code(1).says("not a GET");
  server.release("/x");
  running.ended().code(0);
}

/// What a client gets for `text`, up to the end of the connection.
fn say(socket: &Path, text: &[u8]) -> String {
  let mut stream = UnixStream::connect(socket).unwrap();
  stream.set_read_timeout(Some(BOUND)).unwrap();
  stream.write_all(text).unwrap();
  stream.shutdown(Shutdown::Write).unwrap();
  let mut said = String::new();
  stream.read_to_string(&mut said).unwrap();
  said
}

#[test]
fn nonsense_does_no_harm() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let running = half_way(&place, &server);
  let socket = place.path("store/control");
  let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
  assert_eq!(mode(socket.clone()) & 0o777, 0o600);
  assert_eq!(mode(place.path("store")) & 0o777, 0o700);
  let error = "\"answer\":\"error\"";
  for nonsense in [
    b"\n".as_slice(),
    b"GET / HTTP/1.1\r\n\r\n",
    b"\xff\0",
    b"{\"version\":1,\"command\":\"list\"}",
    b"{\"version\":9,\"command\":\"list\"}\n",
    b"{\"version\":1,\"command\":\"pause\",\"key\":\"x\"}\n",
    "[".repeat(4000).as_bytes(),
  ] {
    let said = say(&socket, nonsense);
    assert!(said.contains(error), "{nonsense:?}: {said}");
  }
  // Who says nothing is not waited for.
  let silent: Vec<_> = (0..4)
    .map(|_| UnixStream::connect(&socket).unwrap())
    .collect();
  let two = b"{\"version\":1,\"command\":\"list\"}\n\
    {\"version\":1,\"command\":\"pause\",\"key\":-1}\n";
  let said = say(&socket, two);
  assert!(said.contains("\"downloaded\":1500000"), "{said}");
  assert!(said.contains("\"outcome\":\"unknown\""), "{said}");
  drop(silent);
  server.release("/film.bin");
  running.ended().code(0);
  content::verify(place.path("out/film.bin"), SIZE, 3).unwrap();
}

#[test]
fn a_store_with_a_long_path_is_controlled_as_well() {
  let mut place = Place::new();
  place.store = format!("{0}/{0}/store", "long".repeat(40));
  let server = FaultServer::start_blocking();
  let running = half_way(&place, &server);
  place.bgfetch("abort", &["film.bin"]).code(0);
  running.ended().code(1);
}

/// Names the socket for the test that runs as another user.
const SOCKET: &str = "CONTROL_SOCKET";

#[test]
#[cfg_attr(without_other_user, ignore = "it needs to be the superuser")]
fn another_user_is_not_answered_even_if_the_socket_lets_all_users_in() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let running = half_way(&place, &server);
  let socket = place.path("store/control");
  assert!(!place.path("store/control.new").exists());
  let open = std::fs::Permissions::from_mode(0o777);
  for path in [&place.path(""), &place.path("store"), &socket] {
    std::fs::set_permissions(path, open.clone()).unwrap();
  }
  as_another_user(
    "cli::control::another_user",
    &[(SOCKET, socket.to_str().unwrap())],
  );
  // Who may be answered is.
  let said = say(&socket, b"{\"version\":1,\"command\":\"list\"}\n");
  assert!(said.contains("\"downloaded\":1500000"), "{said}");
  server.release("/film.bin");
  running.ended().code(0);
}

#[test]
#[ignore = "only another test runs it, as another user"]
fn another_user() {
  let mut stream = UnixStream::connect(std::env::var(SOCKET).unwrap()).unwrap();
  // It may be closed before this arrives.
  let _ = stream.write_all(b"{\"version\":1,\"command\":\"list\"}\n");
  let mut said = Vec::new();
  let _ = stream.read_to_end(&mut said);
  assert_eq!(said, b"");
}
