//! What a failed download leaves, and what can be done with it: `retry`,
//! `clean`, `abort`, `verify` and `doctor`.

use std::fs;

use serde_json::Value;

use crate::cli::place::Place;
use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::content;

const SIZE: u64 = 3_000_000;

/// A download that has failed after about a million bytes; returns its URL.
fn failed(place: &Place, server: &FaultServer) -> String {
  let film = Resource::bytes(SIZE, 1).etag("\"1\"").script([
    Behaviour::TruncateAfter(1_000_000),
    Behaviour::Refuse,
    Behaviour::Normal,
  ]);
  let url = server.serve("/film.bin?signature=old", film);
  let arguments = ["--quiet", "--retries", "1", "--out", &place.out(), &url];
  place.bgfetch("get", &arguments).code(1);
  url
}

fn list(place: &Place) -> String {
  place.bgfetch("list", &[]).code(0).stdout
}

#[test]
fn a_failed_download_is_listed_and_retried() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  failed(&place, &server);
  assert!(
    list(&place).starts_with("film.bin  failed  "),
    "{}",
    list(&place)
  );
  place
    .bgfetch("retry", &["other"])
    .code(2)
    .says("`bgfetch list`");
  place.bgfetch("retry", &["film.bin"]).code(0);
  content::verify(place.path("out/film.bin"), SIZE, 1).unwrap();
  assert_eq!(list(&place), "");
}

#[test]
fn a_new_url_continues_the_stored_bytes() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  failed(&place, &server);
  let again = Resource::bytes(SIZE, 1).etag("\"1\"");
  let new = server.serve("/film.bin?signature=new", again);
  place.bgfetch("retry", &["film.bin", "--url", &new]).code(0);
  content::verify(place.path("out/film.bin"), SIZE, 1).unwrap();
  let requests = server.requests();
  let last = requests.last().unwrap();
  assert!(last.target.ends_with("signature=new"), "{}", last.target);
  assert!(last.header("range").is_some());
  // From now on it is the file of the new URL.
  let ended = place.bgfetch("get", &["--out", &place.out(), &new]).code(0);
  assert!(ended.stderr.contains("unchanged"), "{ended:#?}");
}

#[test]
fn a_running_process_takes_the_retry() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  failed(&place, &server);
  let held = Resource::text("x").script([Behaviour::Hold, Behaviour::Normal]);
  let held = server.serve("/x", held);
  let arguments = ["--json", "--out", &place.out(), &held];
  let running = place.start("get", &arguments);
  running.line(|line| line.contains("\"x\""));
  let said = place.bgfetch("retry", &["film.bin"]).code(0).stdout;
  assert!(said.contains("continues in the process"), "{said}");
  running.line(|line| line.contains(r#""event":"settled","id":"film.bin""#));
  content::verify(place.path("out/film.bin"), SIZE, 1).unwrap();
  server.release("/x");
  running.ended().code(0);
  assert_eq!(list(&place), "");
}

#[test]
fn what_is_kept_can_be_deleted() {
  for arguments in [
    &["clean"] as &[&str],
    &["clean", "film.bin"],
    &["abort", "film.bin"],
  ] {
    let place = Place::new();
    let server = FaultServer::start_blocking();
    failed(&place, &server);
    let ended = place.bgfetch("clean", &["--dry-run"]).code(0);
    assert!(ended.stdout.contains("1 would be deleted"), "{ended:#?}");
    let ended = place.bgfetch("clean", &["--older-than", "1h"]).code(0);
    assert!(ended.stdout.contains("0 deleted"), "{ended:#?}");
    place.bgfetch(arguments[0], &arguments[1..]).code(0);
    assert_eq!(list(&place), "");
    assert_eq!(bodies(&place), 0);
  }
}

/// How many files of bodies the store has.
fn bodies(place: &Place) -> usize {
  let parts = fs::read_dir(place.path("store/bodies")).unwrap();
  let files = parts.map(|part| fs::read_dir(part.unwrap().path()).unwrap());
  files.map(Iterator::count).sum()
}

#[test]
fn the_doctor_tells_what_a_store_holds() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  failed(&place, &server);
  let ended = place.bgfetch("doctor", &[]).code(0);
  for line in ["in use by          no process", "failed and kept    1, "] {
    assert!(ended.stdout.contains(line), "{ended:#?}");
  }
  let ended = place.bgfetch("doctor", &["--json"]).code(0);
  let report: Value = serde_json::from_str(&ended.stdout).unwrap();
  assert_eq!(report["failed"]["count"], 1);
  assert_eq!(report["unfinished"]["count"], 0);
  assert!(report["failed"]["bytes"].as_u64().unwrap() > 500_000);
}

#[test]
fn a_saved_file_is_verified() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  // Of "a".
  let digest = "sha-256=:ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=:";
  let x = Resource::text("a").header("Repr-Digest", digest);
  let x = server.serve("/x", x);
  let y = server.serve("/y", Resource::text("a"));
  place.bgfetch("get", &[&x, &y]).code(0);
  let ended = place.bgfetch("verify", &["x"]).code(0);
  assert!(ended.stdout.starts_with("x: ok, sha256=ca97"), "{ended:#?}");
  place
    .bgfetch("verify", &["y"])
    .code(1)
    .says("name one with --checksum");
  let md5 = "md5=0cc175b9c0f1b6a831c399e269772661";
  place.bgfetch("verify", &["--checksum", md5, "y"]).code(0);
  // The server may have learned it since.
  let y = Resource::text("a").header("Repr-Digest", digest);
  server.serve("/y", y);
  place.bgfetch("verify", &["y"]).code(0);
  place.write("x", "b");
  place.bgfetch("verify", &["x"]).code(1).says("sha256=ca97");
}

#[test]
fn what_continues_needs_its_secrets_again() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  failed(&place, &server);
  let header = "Authorization: Bearer abc";
  place.bgfetch("resume", &["-H", header]).code(0);
  content::verify(place.path("out/film.bin"), SIZE, 1).unwrap();
  let requests = server.requests_for("/film.bin");
  let shown = requests.last().unwrap().header("authorization");
  assert_eq!(shown, Some("Bearer abc"));
  assert!(requests[0].header("authorization").is_none());
}

#[test]
fn a_secret_is_not_shown_to_the_servers_of_other_downloads() {
  let place = Place::new();
  let (one, other) =
    (FaultServer::start_blocking(), FaultServer::start_blocking());
  failed(&place, &one);
  failed(&place, &other);
  for option in ["--header=X-Token: abc", "--user=me:abc", "--cookie=a=b"] {
    let ended = place.bgfetch("resume", &[option]).code(2);
    ended.says("which the store has downloads of");
  }
  place
    .bgfetch("retry", &["film.bin", "-u", "me:abc"])
    .code(0);
}
