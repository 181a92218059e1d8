//! Two JavaScript runtimes on two threads over one engine: one starts a
//! background fetch and ends, the other gets the event and reads the body.

use crate::realm_thread;

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::store::Store;
use deno_core::JsRuntime;

use self::realm_thread::Until;
use support::Behaviour::StallAfter;
use support::FaultServer;
use support::Resource;
use support::content;

const BOUND: Duration = Duration::from_secs(240);
const SIZE: u64 = 5_000_000;

/// A service worker's realm on a thread of its own.
struct Worker {
  thread: JoinHandle<()>,
  lines: mpsc::Receiver<String>,
}

impl Worker {
  fn start(engine: &Engine, origin: &str, script: &str, until: Until) -> Self {
    let url = format!("{origin}/sw.js").parse().unwrap();
    let realm_options = RealmOptions::new(RealmKind::ServiceWorker, url);
    let (sender, lines) = mpsc::channel();
    let said = move |line: &str| sender.send(line.to_string()).unwrap();
    let thread = realm_thread::start(
      engine,
      realm_options,
      script.to_string(),
      until,
      said,
    );
    Self { thread, lines }
  }

  /// What it has written by its end.
  fn written(self) -> Vec<String> {
    self.thread.join().unwrap();
    self.lines.iter().collect()
  }
}

#[test]
fn a_realm_receives_what_another_one_has_started() {
  JsRuntime::init_platform(None);
  let server = FaultServer::start_blocking();
  let film = Resource::bytes(SIZE, 1).script([StallAfter(1_000_000)]);
  server.serve("/film", film);
  let engine = Engine::builder()
    .start_blocking(Store::in_memory())
    .unwrap();

  let starts = r#"
    onbackgroundfetchsuccess = () => console.log("wrong realm");
    registration.backgroundFetch.fetch("film", "/film", { title: "A film" })
      .then(({ id, result }) => console.log(`started ${id} "${result}"`));
  "#;
  let first = Worker::start(&engine, &server.origin(), starts, Until::Ended);
  assert_eq!(first.written(), ["started film \"\""]);
  server.block_on(server.wait_until_stalled("/film", BOUND));

  let receives = r#"
    onbackgroundfetchsuccess = (event) => event.waitUntil((async () => {
      const record = await event.registration.match("/film");
      const body = await (await record.responseReady).bytes();
      let sum = 0;
      for (const byte of body) sum = (sum * 31 + byte) % 65521;
      console.log(event.registration.id, body.length, sum);
    })());
  "#;
  let second = Worker::start(&engine, &server.origin(), receives, Until::Idle);
  server.release("/film");
  let sum = content::bytes(0, SIZE, 1)
    .iter()
    .fold(0, |sum, &byte| (sum * 31 + u64::from(byte)) % 65521);
  assert_eq!(second.written(), [format!("film {SIZE} {sum}")]);
  assert!(engine.background_fetches().is_empty());
}
