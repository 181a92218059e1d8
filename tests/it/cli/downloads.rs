//! `bgfetch get`: each file by itself, and how it is saved.

use std::fs;
use std::process::Command;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use serde_json::Value;

use crate::cli::place::BOUND;
use crate::cli::place::Ended;
use crate::cli::place::Place;
use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::content;

fn get(place: &Place, arguments: &[&str]) -> Ended {
  let out = place.out();
  let mut all = vec!["--retries", "0", "--out", &out];
  all.extend_from_slice(arguments);
  place.bgfetch("get", &all)
}

fn saved(place: &Place, name: &str) -> String {
  fs::read_to_string(place.path("out").join(name)).unwrap()
}

/// The names of the saved files.
fn names(place: &Place) -> Vec<String> {
  let files = fs::read_dir(place.path("out")).unwrap();
  let mut names: Vec<_> = files
    .map(|file| file.unwrap().file_name().into_string().unwrap())
    .collect();
  names.sort();
  names
}

#[test]
fn one_that_fails_takes_no_other_with_it() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let a = server.serve("/a", Resource::text("a"));
  let missing = Resource::text("").script([Behaviour::Status(404)]);
  let missing = server.serve("/missing?x=1", missing);
  let b = server.serve("/b", Resource::text("b"));
  let ended = get(&place, &[&a, &missing, &b]).code(1);
  assert_eq!(names(&place), ["a", "b"]);
  let why = format!("bgfetch: {missing} answered 404");
  let lines: Vec<_> = ended.stderr.lines().collect();
  let of_it: Vec<_> = lines.iter().filter(|l| l.starts_with(&why)).collect();
  assert_eq!(of_it.len(), 1, "{ended:#?}");
  assert!(of_it[0].ends_with("; check the URL"), "{ended:#?}");
  assert_eq!(
    lines.last(),
    Some(&"2 of 3 files are there, 1 failed"),
    "{ended:#?}"
  );
}

#[test]
fn a_file_is_saved_while_others_are_under_way() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let a = server.serve("/a", Resource::text("a"));
  let held = Resource::text("b").script([Behaviour::Hold, Behaviour::Normal]);
  let b = server.serve("/b", held);
  let running = place.start("get", &["--json", "--out", &place.out(), &a, &b]);
  running.line(|line| line.contains(r#""event":"settled","id":"a""#));
  assert_eq!(saved(&place, "a"), "a");
  let listed = place.bgfetch("list", &[]).code(0).stdout;
  let is_b = |row: &str| row.starts_with("b  ") && row.ends_with(&b);
  assert!(listed.lines().any(is_b), "{listed}");
  server.block_on(server.wait_until_stalled("/b", BOUND));
  server.release("/b");
  running.ended().code(0);
  assert_eq!(saved(&place, "b"), "b");
}

#[test]
fn what_has_failed_is_continued_by_the_same_command_and_by_resume() {
  for command in ["get", "resume"] {
    let place = Place::new();
    let server = FaultServer::start_blocking();
    let film = Resource::bytes(3_000_000, 1).etag("\"1\"").script([
      Behaviour::TruncateAfter(1_000_000),
      Behaviour::Refuse,
      Behaviour::Normal,
    ]);
    let url = server.serve("/film.bin", film);
    let arguments = ["--retries", "1", "--out", &place.out(), &url];
    let ended = place.bgfetch("get", &arguments).code(1);
    assert!(ended.stderr.contains("are kept)"), "{ended:#?}");
    assert!(!place.path("out/film.bin").exists());
    match command {
      "get" => place.bgfetch("get", &arguments).code(0),
      _ => place.bgfetch("resume", &[]).code(0),
    };
    content::verify(place.path("out/film.bin"), 3_000_000, 1).unwrap();
    let requests = server.requests_for("/film.bin");
    let range = requests.last().unwrap().header("range").map(str::to_string);
    let first = range.unwrap();
    let first = first.trim_start_matches("bytes=").trim_end_matches('-');
    assert!(first.parse::<u64>().unwrap() > 500_000, "{first}");
  }
}

#[test]
fn the_server_may_name_the_file() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let named = |name: &str, text: &str| {
    let value = format!("attachment; filename=\"{name}\"");
    Resource::text(text).header("Content-Disposition", &value)
  };
  let a = server.serve("/1?x=1", named("report 2024.pdf", "a"));
  let b = server.serve("/2", named("../../etc/report 2024.pdf", "b"));
  let ended = get(&place, &["-j", "1", &a, &b]).code(0);
  assert_eq!(names(&place), ["report 2024-1.pdf", "report 2024.pdf"]);
  assert!(ended.stderr.contains("saved as "), "{ended:#?}");
  let c = server.serve("/3", named(".bashrc", "c"));
  get(&place, &["--no-content-disposition", &c]).code(0);
  assert_eq!(saved(&place, "3"), "c");
}

#[test]
fn the_user_may_name_the_file() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let named = Resource::text("x")
    .header("Content-Disposition", "attachment; filename=server.txt");
  let url = server.serve("/x", named);
  get(&place, &["-o", "mine.txt", &url]).code(0);
  assert_eq!(saved(&place, "mine.txt"), "x");
  let ended = get(&place, &["-o", "a/b/mine.txt", &url]).code(2);
  ended.says("add --create-dirs");
  get(&place, &["-o", "a/b/mine.txt", "--create-dirs", &url]).code(0);
  assert_eq!(saved(&place, "a/b/mine.txt"), "x");
  let other = server.serve("/y", Resource::text("y"));
  get(&place, &["-o", "one.txt", &url, &other])
    .code(2)
    .says("--output is for one URL");
}

#[test]
fn a_name_need_not_be_utf_8() {
  use std::os::unix::ffi::OsStrExt;
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/x", Resource::text("x"));
  let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
  let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_bgfetch"));
  process.args(["get", "--quiet", "--store"]);
  process
    .arg(place.path("store"))
    .arg("--out")
    .arg(place.out());
  process.arg("-o").arg(name).arg(&url);
  assert!(process.status().unwrap().success());
  let text = fs::read_to_string(place.path("out").join(name));
  assert_eq!(text.unwrap(), "x");
}

#[test]
fn a_file_can_go_to_standard_output() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/x", Resource::text("one\ntwo\n"));
  let ended = place.bgfetch("get", &["-o", "-", &url]).code(0);
  assert_eq!(ended.stdout, "one\ntwo\n");
  assert!(!place.path("x").exists());
  // A reader that has seen enough is not an error.
  let film = server.serve("/film.bin", Resource::bytes(3_000_000, 1));
  let mut shell = std::process::Command::new("sh");
  let script = "\"$0\" get -q --store \"$1\" -o - \"$2\" | head -c 5";
  shell.args(["-c", script, env!("CARGO_BIN_EXE_bgfetch")]);
  shell.arg(place.path("other")).arg(&film);
  let output = shell.output().unwrap();
  assert_eq!((output.stdout.len(), output.stderr.len()), (5, 0));
}

#[test]
fn an_input_file_has_urls_with_their_own_options() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let a = server.serve("/a", Resource::text("a"));
  let b = server.serve("/b", Resource::text("b"));
  let sha = "sha256=ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785\
    afee48bb";
  let list = format!(
    "# two\n{a}\n  out=first\n  checksum={sha}\n  header=X-Key: k\n\n{b}\n"
  );
  let list = place.write("list", &list);
  get(&place, &["-i", &list]).code(0);
  assert_eq!(names(&place), ["b", "first"]);
  let header = |path| {
    let requests = server.requests_for(path);
    requests[0].header("x-key").map(str::to_string)
  };
  assert_eq!(header("/a").as_deref(), Some("k"));
  assert_eq!(header("/b"), None);
  let wrong = place.write("wrong", &format!("{a}\n  dir=x\n"));
  get(&place, &["-i", &wrong])
    .code(2)
    .says("line 2: \"dir=x\" is not");
  let missing = place.path("none");
  let missing = missing.to_str().unwrap();
  get(&place, &["-i", missing]).code(2).says("No such file");
}

#[test]
fn a_metalink_has_mirrors_and_digests() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let gone = Resource::text("").script([Behaviour::Status(404)]);
  let gone = server.serve("/gone", gone);
  let here = server.serve("/here", Resource::text("a"));
  let metalink = place.write(
    "x.meta4",
    &format!(
      r#"<metalink xmlns="urn:ietf:params:xml:ns:metalink">
        <file name="file.txt">
          <hash type="md5">0cc175b9c0f1b6a831c399e269772661</hash>
          <url priority="1">{gone}</url><url priority="2">{here}</url>
        </file></metalink>"#
    ),
  );
  let ended = get(&place, &["--metalink", &metalink]).code(0);
  assert_eq!(saved(&place, "file.txt"), "a");
  assert!(
    ended.stderr.contains(&format!("; trying {here}")),
    "{ended:#?}"
  );
}

#[test]
fn a_wrong_digest_keeps_the_file_aside_and_the_next_mirror_is_tried() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let bad = server.serve("/bad/x.txt", Resource::text("bad"));
  let good = server.serve("/good/x.txt", Resource::text("a"));
  let sha = "sha1=86f7e437faa5a7fce15d1ddcb9eaeaea377667b8";
  let ended = get(&place, &["--checksum", sha, &bad]).code(1);
  let ended = ended.says("sha1=86f7e437faa5a7fce15d1ddcb9eaeaea377667b8");
  assert!(ended.stderr.contains("x.txt.bad"), "{ended:#?}");
  assert_eq!(names(&place), ["x.txt.bad"]);
  get(&place, &["--checksum", sha, "--mirror", &good, &bad]).code(0);
  assert_eq!(saved(&place, "x.txt"), "a");
  get(&place, &["--checksum", "sha1=00", &bad]).code(2);
}

#[test]
fn the_servers_own_digest_is_checked() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  // Of "a".
  let digest = "sha-256=:ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=:";
  let with = |text: &str| Resource::text(text).header("Repr-Digest", digest);
  let good = server.serve("/good", with("a"));
  let bad = server.serve("/bad", with("b"));
  get(&place, &[&good]).code(0);
  get(&place, &[&bad])
    .code(1)
    .says("Repr-Digest names: sha256=ca97");
  get(&place, &["--ignore-digests", &bad]).code(0);
  assert_eq!(names(&place), ["bad", "bad.bad", "good"]);
}

#[test]
fn the_file_has_the_servers_time() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let old =
    || Resource::text("x").last_modified("Wed, 01 Jan 2020 00:00:00 GMT");
  let a = server.serve("/a", old());
  let b = server.serve("/b", old());
  get(&place, &[&a]).code(0);
  get(&place, &["--no-remote-time", &b]).code(0);
  let time = |name: &str| {
    let file = fs::metadata(place.path("out").join(name)).unwrap();
    file.modified().unwrap().duration_since(UNIX_EPOCH).unwrap()
  };
  assert_eq!(time("a"), Duration::from_secs(1_577_836_800));
  assert!(time("b") > Duration::from_secs(1_700_000_000));
}

#[test]
fn what_has_not_changed_is_not_fetched_again() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/x", Resource::text("one").etag("\"1\""));
  let gets = || {
    let requests = server.requests_for("/x");
    requests.iter().filter(|r| r.method == "GET").count()
  };
  get(&place, &[&url]).code(0);
  let ended = get(&place, &[&url]).code(0);
  assert!(ended.stderr.contains("/out/x: unchanged\n"), "{ended:#?}");
  let ended = get(&place, &["--json", &url]).code(0);
  let line: Value = serde_json::from_str(ended.stdout.trim()).unwrap();
  assert_eq!(line["event"], "unchanged");
  assert_eq!(gets(), 1);
  get(&place, &["--force", &url]).code(0);
  assert_eq!(gets(), 2);
  // A new version takes the place of the one that was saved.
  server.serve("/x", Resource::text("two").etag("\"2\""));
  get(&place, &[&url]).code(0);
  assert_eq!(
    (names(&place), saved(&place, "x")),
    (vec!["x".into()], "two".into())
  );
  // What was changed meanwhile is left alone.
  fs::write(place.path("out/x"), "mine").unwrap();
  get(&place, &[&url]).code(0);
  assert_eq!(names(&place), ["x", "x-1"]);
  assert_eq!(saved(&place, "x"), "mine");
}

/// The store forgets the bytes then: a power failure must not bring the older
/// file back.
#[test]
#[cfg_attr(without_strace, ignore = "it needs strace")]
fn a_new_version_has_its_name_durable_when_it_is_saved() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/x", Resource::text("one").etag("\"1\""));
  get(&place, &[&url]).code(0);
  server.serve("/x", Resource::text("two").etag("\"2\""));
  let trace = place.path("trace");
  let mut strace = Command::new("strace");
  let calls = "trace=rename,renameat,renameat2,fsync,fdatasync";
  strace.args(["-f", "-y", "-e", calls, "-o"]).arg(&trace);
  strace.arg(env!("CARGO_BIN_EXE_bgfetch"));
  let arguments = ["--quiet", "--out", &place.out(), &url];
  place.start_by(strace, "get", &arguments).ended().code(0);
  assert_eq!(saved(&place, "x"), "two");
  let calls = fs::read_to_string(trace).unwrap();
  let mut calls = calls.lines();
  let name = format!("\"{}/x\"", place.out());
  assert!(calls.any(|call| call.contains("rename") && call.contains(&name)));
  let directory = format!("<{}>", place.out());
  let is_flush =
    |call: &str| call.contains("fsync(") && call.contains(&directory);
  assert!(calls.any(is_flush), "{directory} is not flushed");
}

#[test]
fn a_spider_asks_for_heads_only() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let film = Resource::bytes(3_000_000, 1).etag("\"1\"");
  let url = server.serve("/film.bin", film);
  let missing = Resource::text("").script([Behaviour::Status(404)]);
  let missing = server.serve("/missing", missing);
  let ended = get(&place, &["--dry-run", &url]).code(0);
  let line = format!("{url}: 200, film.bin, 2.9 MiB, ");
  assert!(ended.stdout.starts_with(&line), "{ended:#?}");
  assert!(ended.stdout.contains("can be resumed"), "{ended:#?}");
  let ended = get(&place, &["--spider", "--json", &url, &missing]).code(1);
  let lines: Vec<Value> = ended
    .stdout
    .lines()
    .map(|line| serde_json::from_str(line).unwrap())
    .collect();
  assert_eq!(
    (&lines[0]["status"], &lines[0]["size"]),
    (&200.into(), &3_000_000.into())
  );
  assert_eq!(lines[1]["status"], 404);
  assert!(server.requests().iter().all(|r| r.method == "HEAD"));
  assert!(!place.path("store").exists());
}

#[test]
fn a_stalled_transfer_is_tried_again_after_the_idle_timeout() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let film = Resource::bytes(2_000_000, 1)
    .script([Behaviour::StallAfter(1_000_000), Behaviour::Normal]);
  let url = server.serve("/film.bin", film);
  let arguments = ["--idle-timeout", "1", "--out", &place.out(), &url];
  place.bgfetch("get", &arguments).code(0);
  content::verify(place.path("out/film.bin"), 2_000_000, 1).unwrap();
}

#[test]
fn when_the_time_is_over_everything_is_kept() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let film = Resource::bytes(2_000_000, 1)
    .script([Behaviour::StallAfter(1_000_000), Behaviour::Normal]);
  let url = server.serve("/film.bin", film);
  // Long enough for the request to be on its way.
  get(&place, &["--max-time", "4", &url])
    .code(1)
    .says("--max-time");
  get(&place, &[&url]).code(0);
  assert_eq!(server.requests_for("/film.bin").len(), 2);
  content::verify(place.path("out/film.bin"), 2_000_000, 1).unwrap();
}

#[test]
fn for_each_host_there_can_be_a_limit() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let urls: Vec<String> = (0..6)
    .map(|i| {
      let slow = Resource::text("x")
        .script([Behaviour::OneBytePer(Duration::from_millis(30))]);
      server.serve(&format!("/{i}"), slow)
    })
    .collect();
  let mut arguments = vec!["--max-per-host", "2"];
  arguments.extend(urls.iter().map(String::as_str));
  get(&place, &arguments).code(0);
  assert!(server.most_at_once() <= 2, "{}", server.most_at_once());
}

#[test]
fn a_part_is_continued_within_its_bounds() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let film = Resource::bytes(1_000_000, 1)
    .etag("\"1\"")
    .script([Behaviour::TruncateAfter(100_000), Behaviour::Normal]);
  let url = server.serve("/film.bin", film);
  let arguments = ["--range", "200000-799999", "--out", &place.out(), &url];
  place.bgfetch("get", &arguments).code(0);
  let requests = server.requests_for("/film.bin");
  let ranges: Vec<_> = requests.iter().map(|r| r.header("range")).collect();
  assert_eq!(
    ranges,
    [Some("bytes=200000-799999"), Some("bytes=300000-799999")]
  );
  let part = fs::read(place.path("out/film.bin")).unwrap();
  get(&place, &["-o", "whole", &url]).code(0);
  let whole = fs::read(place.path("out/whole")).unwrap();
  assert!(part == whole[200_000..800_000], "{}", part.len());
}

#[test]
fn a_server_without_ranges_gives_no_part() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let x = Resource::text("0123456789").accept_ranges(false);
  let url = server.serve("/x", x);
  get(&place, &["--range", "2-5", &url])
    .code(1)
    .says("the server sends the whole only");
}
