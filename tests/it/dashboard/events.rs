//! The stream that keeps a page up to date.

use background_fetch::engine::PauseOutcome;
use serde_json::json;
use support::Behaviour;
use support::FaultServer;
use support::Resource;

use super::harness::Page;
use super::harness::is_state;
use super::harness::row;
use crate::engine::harness::bounded;
use crate::engine::harness::fetch;
use crate::engine::harness::in_memory;
use crate::engine::harness::settle;
use crate::engine::harness::try_fetch;
use crate::engine::harness::worker;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_sees_a_transfer_from_its_beginning_to_its_end() {
  let server = FaultServer::start().await;
  let film = Resource::bytes(1000, 1)
    .etag("\"1\"")
    .script([Behaviour::StallAfter(400), Behaviour::Normal]);
  let url = server.serve("/film", film);
  let engine = in_memory();
  let realm = worker(&engine);
  let page = Page::of(&engine).await;
  let mut events = page.follow("").await;
  let empty = events.view(|_| true).await;
  assert_eq!(empty["totals"]["all"], 0);
  assert_eq!(empty["mayAdd"], false);

  let key = fetch(&realm, "film", &[&url]).await.key;
  let under_way = events
    .view(|view| view["rows"][0]["downloaded"] == 400)
    .await;
  assert_eq!(row(&under_way, "state"), "running");
  assert_eq!(row(&under_way, "expected"), 1000);
  assert_eq!(row(&under_way, "url"), url);
  assert_eq!(row(&under_way, "requests"), 1);
  assert_eq!(under_way["totals"]["running"], 1);

  let paused = engine.pause(key).await.unwrap();
  assert_eq!(paused, PauseOutcome::Paused);
  let paused = events.view(is_state("paused")).await;
  assert_eq!(paused["totals"]["paused"], 1);

  let open = format!("open={}", key.0);
  let details = page.follow(&open).await.view(|_| true).await;
  let request = &details["open"]["requests"][0];
  assert_eq!(request["url"], url);
  assert_eq!(request["status"], 200);
  assert_eq!(request["downloaded"], 400);

  let _ = engine.unpause(key).await.unwrap();
  settle(&realm, "backgroundfetchsuccess").await;
  let over = events.view(|view| view["totals"]["all"] == 0).await;
  assert_eq!(over["recent"][0]["name"], "film");
  assert_eq!(over["recent"][0]["succeeded"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_and_a_failure_say_why() {
  let server = FaultServer::start().await;
  let missing = Resource::text("x").script([Behaviour::Status(404)]);
  let url = server.serve("/film", missing);
  let engine = in_memory();
  let realm = worker(&engine);
  let page = Page::of(&engine).await;
  let mut events = page.follow("").await;
  fetch(&realm, "film", &[&url]).await;
  let failed = events.view(is_state("failed")).await;
  let why = row(&failed, "why");
  assert!(why.as_str().unwrap().contains("404"), "{why}");
  assert_eq!(failed["totals"]["failed"], 1);
  assert_eq!(failed["recent"][0]["succeeded"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_are_shown_in_pages_and_counted() {
  const MANY: usize = 10_000;
  let server = FaultServer::start().await;
  let held = Resource::text("x").script([Behaviour::Hold]);
  let url = server.serve("/held", held);
  let engine = in_memory();
  let realm = worker(&engine);
  for n in 0..MANY {
    let id = format!("film-{n}");
    try_fetch(&realm, &id, &[&url], 0).await.unwrap();
  }
  let page = Page::of(&engine).await;
  let first = page.follow("limit=50").await.view(|_| true).await;
  assert_eq!(first["totals"]["all"], MANY);
  assert_eq!(first["rows"].as_array().unwrap().len(), 50);
  assert_eq!(first["rows"][0]["id"], "film-9999");
  let size = first.to_string().len();
  assert!(size < 100_000, "{size} bytes");

  let asked = "limit=1000000&offset=9900";
  let last = page.follow(asked).await.view(|_| true).await;
  assert_eq!(last["offset"], 9800);
  assert_eq!(last["rows"].as_array().unwrap().len(), 200);
  assert_eq!(last["rows"][199]["id"], "film-0");

  let found = page.follow("search=ILM-777").await.view(|_| true).await;
  assert_eq!(found["matching"], 11);
  let none = page.follow("filter=failed").await.view(|_| true).await;
  assert_eq!(none["matching"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_does_not_read_costs_nothing_and_gets_the_last_step() {
  let server = FaultServer::start().await;
  let url = server.serve("/x", Resource::text("x"));
  let engine = in_memory();
  let realm = worker(&engine);
  let page = Page::of(&engine).await;
  let mut slow = page.follow("").await;
  for n in 0..50 {
    fetch(&realm, &format!("{n}"), &[&url]).await;
    settle(&realm, "backgroundfetchsuccess").await;
  }
  // Far fewer views than steps, and the last one.
  let mut views = 0;
  let last = bounded(async {
    loop {
      let view = slow.view(|_| true).await;
      views += 1;
      if view["recent"][0]["name"] == "49" && view["totals"]["all"] == 0 {
        return view;
      }
    }
  })
  .await;
  assert_eq!(last["recent"].as_array().unwrap().len(), 20);
  assert!(views < 50, "{views}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_too_many_are_told_so() {
  let engine = in_memory();
  let page = Page::of(&engine).await;
  let mut open = Vec::new();
  for _ in 0..16 {
    open.push(page.follow("").await);
  }
  let refused = page.get("events").await;
  assert_eq!(refused.status(), 503);
  drop(open);
  bounded(async { while page.get("events").await.status() != 200 {} }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrongly_asked_for_is_refused() {
  let engine = in_memory();
  let page = Page::of(&engine).await;
  for query in ["limit=x", "filter=other", "open=film"] {
    let refused = page.get(&format!("events?{query}")).await;
    assert_eq!(refused.status(), 400, "{query}");
  }
  let name = json!({ "command": "dismissNotification", "name": "none" });
  let (status, _) = page.post("command", &name).await;
  assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_with_its_engine() {
  let engine = in_memory();
  let page = Page::of(&engine).await;
  let response = page.get("events").await;
  engine.shutdown().await;
  bounded(response.bytes()).await.unwrap();
}
