//! `bgfetch dashboard`

use serde_json::Value;
use serde_json::json;
use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::content;

use super::harness::Events;
use super::harness::is_state;
use super::harness::post;
use super::harness::row;
use crate::cli::place::Place;
use crate::cli::place::Running;

const SIZE: u64 = 3_000_000;

/// A dashboard that runs, and the address that it has printed.
pub struct Served {
  pub running: Running,
  pub url: String,
}

impl Served {
  pub fn start(place: &Place, arguments: &[&str]) -> Self {
    let running = place.start("dashboard", arguments);
    let url = running.line(|line| line.starts_with("http://127.0.0.1:"));
    Self { running, url }
  }

  async fn events(&self) -> Events {
    Events::of(&format!("{}events", self.url)).await
  }

  async fn post(&self, path: &str, body: Value) -> (u16, String) {
    let token = self.url.split('/').nth(3).unwrap();
    post(&format!("{}{path}", self.url), token, &body).await
  }
}

fn film(server: &FaultServer, behaviours: &[Behaviour]) -> String {
  let film = Resource::bytes(SIZE, 3)
    .etag("\"v1\"")
    .script(behaviours.to_vec());
  server.serve("/film.bin", film)
}

/// A `get` that has the half of its film in the store.
fn half_way(place: &Place, url: &str) -> Running {
  let running = place.start("get", &["--json", "--out", &place.out(), url]);
  running.line(|line| line.contains("\"downloaded\":1500000"));
  running
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unfinished_continues_and_what_is_added_is_saved() {
  let place = Place::new();
  let server = FaultServer::start().await;
  let stalls = [Behaviour::StallAfter(SIZE / 2), Behaviour::Normal];
  let url = film(&server, &stalls);
  half_way(&place, &url).kill();

  let served = Served::start(&place, &["--out", &place.out()]);
  let mut events = served.events().await;
  // It has ended before it is saved, and is gone when it is.
  let is_saved = |view: &Value| {
    view["recent"][0]["name"] == "film.bin" && view["totals"]["all"] == 0
  };
  events.view(is_saved).await;
  content::verify(place.path("out/film.bin"), SIZE, 3).unwrap();

  let missing = [Behaviour::Status(404), Behaviour::Normal];
  let other = Resource::bytes(SIZE, 4).script(missing);
  let url = server.serve("/other.bin", other);
  let added = served.post("add", json!({ "url": url })).await;
  assert_eq!(added.0, 200, "{}", added.1);
  // It has failed for good, and is kept until it is tried again.
  let failed = events.view(is_state("failed")).await;
  let retry = json!({ "command": "retry", "key": row(&failed, "key") });
  let retried = served.post("command", retry).await;
  assert_eq!(retried.0, 200, "{}", retried.1);
  events.view(|view| view["totals"]["all"] == 0).await;
  content::verify(place.path("out/other.bin"), SIZE, 4).unwrap();

  for wrong in ["no URL", "--help", "ftp://x.test/", "http://a:b@x.test/"] {
    let (status, why) = served.post("add", json!({ "url": wrong })).await;
    assert_eq!(status, 422, "{wrong}: {why}");
  }
  served.running.signal(rustix::process::Signal::INT);
  served.running.ended().code(130);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_process_is_shown_and_controlled() {
  let place = Place::new();
  let server = FaultServer::start().await;
  let stalls = [Behaviour::StallAfter(SIZE / 2), Behaviour::Normal];
  let url = film(&server, &stalls);
  let getting = half_way(&place, &url);
  let served = Served::start(&place, &[]);
  let mut events = served.events().await;
  let shown = events.view(is_state("running")).await;
  assert_eq!(row(&shown, "downloaded"), SIZE / 2);
  assert_eq!(row(&shown, "url"), url);
  assert_eq!(shown["note"], "");
  assert_eq!(shown["mayAdd"], false);

  let key = row(&shown, "key");
  let pause = json!({ "command": "pause", "key": key });
  let paused = served.post("command", pause.clone()).await;
  assert_eq!(paused, (200, "paused".to_string()));
  events.view(is_state("paused")).await;
  let unpause = json!({ "command": "unpause", "key": key });
  served.post("command", unpause).await;
  getting.ended().code(0);

  let is_unattended =
    |view: &Value| view["note"].as_str().unwrap().contains("no process works");
  events.view(is_unattended).await;
  let (status, _) = served.post("command", pause).await;
  assert_eq!(status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_looking_leaves_a_store_alone() {
  let place = Place::new();
  let server = FaultServer::start().await;
  let url = film(&server, &[Behaviour::StallAfter(SIZE / 2)]);
  half_way(&place, &url).kill();
  let served = Served::start(&place, &["--attach"]);
  let mut events = served.events().await;
  let shown = events.view(is_state("running")).await;
  let note = shown["note"].as_str().unwrap();
  assert!(note.contains("nothing continues"), "{note}");
  assert_eq!(server.requests().len(), 1);
}

#[test]
fn its_address_is_the_only_line_and_is_another_one_each_time() {
  let place = Place::new();
  let one = Served::start(&place, &[]);
  let other = Served::start(&place, &["--attach"]);
  assert_ne!(one.url, other.url);
  let listed = place.bgfetch("list", &[]).code(0);
  assert_eq!(listed.stdout, "");
  let port = one.url.split([':', '/']).nth(4).unwrap();
  let taken = place.bgfetch("dashboard", &["--attach", "--port", port]);
  taken.code(2).says("cannot be used");
  one.running.signal(rustix::process::Signal::TERM);
  assert_eq!(one.running.ended().stdout, "");
  let json = place.start("dashboard", &["--json"]);
  let line = json.line(|_| true);
  let line: Value = serde_json::from_str(&line).unwrap();
  assert_eq!(line["event"], "dashboard");
}
