//! What a display is shown.

use std::sync::Arc;
use std::time::Duration;

use background_fetch::display::Display;
use background_fetch::display::Lines;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::spec::ImageResource;
use background_fetch::store::Store;
use parking_lot::Mutex;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

const BOUND: Duration = Duration::from_secs(240);

/// Keeps what it is shown.
#[derive(Default)]
struct Shown(Mutex<Vec<BackgroundFetchSnapshot>>);

struct Handle(Arc<Shown>);

impl Display for Handle {
  fn show(&self, background_fetch: &BackgroundFetchSnapshot) {
    self.0.0.lock().push(background_fetch.clone());
  }
}

// steps: fetch.8.15, fetch.8.16, updateUI.4 to updateUI.6
#[tokio::test(flavor = "multi_thread")]
async fn a_display_is_shown_the_beginning_the_end_and_what_update_ui_says() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r").script([Hold, Normal]));
  let shown = Arc::new(Shown::default());
  let mut config = config();
  config.display = Some(Arc::new(Handle(shown.clone())));
  let engine = Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap();
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  server.wait_until_stalled("/r", BOUND).await;
  server.release("/r");
  let (lease, name, _) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess");
  let icon = ImageResource {
    src: "icon".into(),
    ..ImageResource::default()
  };
  let update =
    realm.update_ui(key, Some("done".into()), Some(vec![icon.clone()]));
  bounded(update).await;
  let updated = wait_for(&engine, key, |s| s.title == "done").await;
  assert_eq!(updated.icons, [icon]);
  // What was not said stays as it was.
  bounded(realm.update_ui(key, None, None)).await;
  let kept = wait_for(&engine, key, |s| s.is_settled()).await;
  assert_eq!((kept.title, kept.icons.len()), ("done".to_string(), 1));
  bounded(async {
    let is_last = |s: &BackgroundFetchSnapshot| s.title == "done";
    while !shown.0.lock().iter().any(is_last) {
      tokio::task::yield_now().await;
    }
  })
  .await;
  assert!(shown.0.lock().iter().any(|s| s.is_settled()));
  lease.acknowledge();
}

/// What lines write.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
  fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
    self.0.lock().extend_from_slice(bytes);
    Ok(bytes.len())
  }

  fn flush(&mut self) -> std::io::Result<()> {
    Ok(())
  }
}

// steps: display.4, display.6, display.10
#[tokio::test(flavor = "multi_thread")]
async fn lines_tell_the_title_the_pause_and_the_end() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("hello").script([Hold, Normal]));
  let engine = in_memory();
  let realm = worker(&engine);
  let mut shown = fetch(&realm, "r", &[&server.url("/r")]).await;
  let written = Written::default();
  let lines = Lines::new(written.clone(), "error: ");
  shown.title = "A film".into();
  lines.show(&shown);
  shown.paused = true;
  lines.show(&shown);
  shown.paused = false;
  lines.show(&shown);
  server.wait_until_stalled("/r", BOUND).await;
  server.release("/r");
  let mut end = settle(&realm, "backgroundfetchsuccess").await;
  end.title = shown.title;
  lines.show(&end);
  let text = String::from_utf8(written.0.lock().clone()).unwrap();
  let lines: Vec<&str> = text.lines().collect();
  assert_eq!(lines[0], "r: \"A film\", 1 request");
  assert_eq!(lines[1], "r: paused");
  assert_eq!(lines[2], "r: continues");
  assert!(lines[3].starts_with("r: done, 5 B in "), "{}", lines[3]);
}

/// Lengths are what servers say, and no sum of them wraps or panics.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_lengths_add_up_to_the_largest_number() {
  let server = FaultServer::start().await;
  let largest = u64::MAX - 2;
  let script = || [All(vec![LyingContentLength(largest), StallAfter(1)])];
  let urls = ["/a", "/b"];
  let urls =
    urls.map(|p| server.serve(p, Resource::text("x").script(script())));
  let engine = in_memory();
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&urls[0], &urls[1]]).await.key;
  let snapshot = wait_for(&engine, key, |s| s.expected.is_some()).await;
  assert_eq!(snapshot.expected, Some(u64::MAX));
}
