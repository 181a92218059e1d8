//! The process with the engine and its realms.

use std::path::Path;
use std::sync::mpsc;
use std::time::Instant;

use background_fetch::engine::Concurrency;
use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::store::Store;
use deno_core::JsRuntime;
use url::Url;

use super::BOUND;
use super::SIZE;
use super::Scale;
use super::memory;
use super::realm_thread;
use super::realm_thread::Until;

/// What may be added to the memory of the realms, in bytes: twice of what was
/// seen, and far less than if anything were kept of what has gone by.
const FIXED_MEMORY: u64 = 128 << 20;
const MEMORY_OF_ONE: u64 = 64 << 10;

pub fn run(origin: &str, scale: Scale) {
  JsRuntime::init_platform(None);
  let directory = tempfile::tempdir().unwrap();
  let config = EngineConfig {
    concurrency: Concurrency {
      // The gate is one more.
      total: scale.active + 1,
      ..Concurrency::default()
    },
    ..EngineConfig::default()
  };
  let engine = Engine::builder()
    .config(config)
    .open_blocking(directory.path())
    .unwrap();
  let before = memory::resident();
  let begin = Instant::now();

  let (sender, said) = mpsc::channel();
  let start = |realm| {
    let sender = sender.clone();
    let said = move |text: &str| {
      let _ = sender.send((realm, text.to_string()));
    };
    let script = script_of(realm, scale);
    let realm_options = realm_options(origin, realm, RealmKind::ServiceWorker);
    realm_thread::start(&engine, realm_options, script, Until::Idle, said)
  };
  let next = || said.recv_timeout(BOUND).unwrap();

  // The gate is on the wire before any other one.
  let mut realms = vec![start(0)];
  assert_eq!(next(), (0, "started".to_string()));
  realms.extend((1..scale.realms).map(start));

  let mut started = 1;
  let mut registered = 0;
  let mut get_at_first = None;
  let mut with_realms = None;
  while registered < scale.realms {
    match next() {
      (_, text) if text == "started" => started += 1,
      (_, text) if text == "registered" => registered += 1,
      (realm, text) => panic!("realm {realm}: {text}"),
    }
    if started == scale.realms && get_at_first.is_none() {
      println!("memory with no realm: {}", both(before));
      with_realms = memory::resident();
      println!("with {started} realms: {}", both(with_realms));
      get_at_first = Some(measure_get(&engine, origin));
    }
  }
  let count = engine.background_fetches().len();
  assert_eq!(count, scale.registrations + 1);
  let seconds = begin.elapsed().as_secs_f64();
  println!("{count} background fetches registered in {seconds:.1} s");
  println!("memory: {}", both(memory::resident()));
  println!("get(), µs, median and slowest batch:");
  println!("  while they are registered: {}", get_at_first.unwrap());
  println!("  all registered: {}", measure_get(&engine, origin));
  println!("all registered");

  // The slow realm's first handler waits; of its other events none is lost
  // either, so all but that one and the gate's are handled.
  let begin = Instant::now();
  let mut handled = vec![0; scale.realms];
  let mut get_while_moving = None;
  let without_slow: usize =
    (1..scale.realms).map(|realm| scale.of_realm(realm)).sum();
  while handled[1..].iter().sum::<usize>() < without_slow {
    match next() {
      (realm, text) if text == "handled" => handled[realm] += 1,
      (realm, text) => panic!("realm {realm}: {text}"),
    }
    if handled.iter().sum::<usize>() == scale.registrations / 4 {
      get_while_moving = Some(measure_get(&engine, origin));
    }
  }
  println!("all but one realm done");
  while handled[0] < scale.of_realm(0) {
    match next() {
      (0, text) if text == "handled" => handled[0] += 1,
      (realm, text) => panic!("realm {realm}: {text}"),
    }
  }
  for realm in realms {
    realm.join().unwrap();
  }
  for (realm, handled) in handled.into_iter().enumerate() {
    assert_eq!(handled, scale.of_realm(realm), "events of realm {realm}");
  }
  println!("  while they arrive: {}", get_while_moving.unwrap());
  let seconds = begin.elapsed().as_secs_f64();
  println!("settled and handled in {seconds:.1} s");
  let at_end = memory::resident();
  println!("memory at the end: {}", both(at_end));
  if let (Some((before, _)), Some((_, most))) = (with_realms, at_end) {
    let bound = FIXED_MEMORY + MEMORY_OF_ONE * scale.registrations as u64;
    assert!(most - before < bound, "{} bytes more", most - before);
  }

  assert!(engine.background_fetches().is_empty());
  tokio::runtime::Runtime::new()
    .unwrap()
    .block_on(engine.shutdown());
  assert_nothing_is_left(directory.path());
  println!("all done");
}

fn script_of(realm: usize, scale: Scale) -> String {
  let count = scale.of_realm(realm);
  let slow = realm == 0;
  format!(
    "const REALM = {realm}, COUNT = {count}, SIZE = {SIZE}, SLOW = {slow};\n{}",
    include_str!("realm.js")
  )
}

fn realm_options(origin: &str, realm: usize, kind: RealmKind) -> RealmOptions {
  let url: Url = format!("{origin}/realm-{realm}/").parse().unwrap();
  RealmOptions::new(kind, url)
}

/// From a window of its own on the slow realm's registration.
fn measure_get(engine: &Engine, origin: &str) -> String {
  let (sender, said) = mpsc::channel();
  let realm_options = realm_options(origin, 0, RealmKind::Window);
  let script = include_str!("meter.js").to_string();
  let said_by_it = move |text: &str| {
    let _ = sender.send(text.to_string());
  };
  let window = realm_thread::start(
    engine,
    realm_options,
    script,
    Until::Ended,
    said_by_it,
  );
  let figures = said.recv_timeout(BOUND).unwrap();
  window.join().unwrap();
  figures
}

fn both(memory: Option<(u64, u64)>) -> String {
  match memory {
    Some((now, most)) => {
      format!("{} MiB now, {} MiB at most", now >> 20, most >> 20)
    }
    None => "unknown here".to_string(),
  }
}

fn assert_nothing_is_left(directory: &Path) {
  let left = Store::read_directory(directory).unwrap();
  assert!(
    left.is_empty(),
    "{} background fetches are left",
    left.len()
  );
  // The directories of the bodies stay, for the next ones.
  for fan in std::fs::read_dir(directory.join("bodies")).unwrap() {
    let mut files = std::fs::read_dir(fan.unwrap().path()).unwrap();
    assert!(files.next().is_none(), "bodies are left");
  }
}
