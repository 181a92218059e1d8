//! Two JavaScript runtimes on two threads over one engine: one starts a
//! background fetch and ends, the other gets the event and reads the body.

mod support;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::RealmFacts;
use background_fetch::engine::RealmKind;
use background_fetch::extension::Console;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::extensions;
use background_fetch::extension::realm;
use background_fetch::extension::run_until_idle;
use background_fetch::store::Store;
use deno_core::JsRuntime;
use deno_core::RuntimeOptions;

use self::support::Behaviour::StallAfter;
use self::support::FaultServer;
use self::support::Resource;
use self::support::content;

const BOUND: Duration = Duration::from_secs(60);
const SIZE: u64 = 5_000_000;

/// Runs `script` on a thread of its own, to the end of its event loop or, when
/// `stay`, until its background fetches are over. Returns what it has written.
fn on_a_thread(
  engine: &Engine,
  origin: String,
  script: &'static str,
  stay: bool,
) -> std::thread::JoinHandle<String> {
  let engine = engine.clone();
  let run = move || {
    let tokio = tokio::runtime::Builder::new_current_thread()
      .enable_all()
      .build()
      .unwrap();
    // A script may call an op before the event loop runs.
    let _context = tokio.enter();
    let written = Rc::new(RefCell::new(String::new()));
    let sink = written.clone();
    let console = Rc::new(move |text: &str, _: bool| {
      sink.borrow_mut().push_str(text);
    });
    let url = format!("{origin}/sw.js").parse().unwrap();
    let facts = RealmFacts::new(RealmKind::ServiceWorker, url);
    let options = ExtensionOptions {
      console: Console::Custom(console),
    };
    let mut js = JsRuntime::new(RuntimeOptions {
      extensions: extensions(&engine, facts, options),
      ..Default::default()
    });
    let realm = realm(&mut js);
    js.execute_script("sw.js", script).unwrap();
    tokio.block_on(async {
      let end = async {
        match stay {
          true => run_until_idle(&mut js, &realm).await.unwrap(),
          false => js.run_event_loop(Default::default()).await.unwrap(),
        }
      };
      tokio::time::timeout(BOUND, end).await.unwrap();
    });
    let text = written.borrow().clone();
    text
  };
  std::thread::Builder::new()
    .stack_size(16 * 1024 * 1024)
    .spawn(run)
    .unwrap()
}

#[test]
fn a_realm_receives_what_another_one_has_started() {
  JsRuntime::init_platform(None);
  let server = FaultServer::start_blocking();
  let film = Resource::bytes(SIZE, 1).script([StallAfter(1_000_000)]);
  server.serve("/film", film);
  let engine =
    Engine::start(Store::in_memory(), EngineConfig::default()).unwrap();

  let starts = r#"
    onbackgroundfetchsuccess = () => console.log("wrong realm");
    registration.backgroundFetch.fetch("film", "/film", { title: "A film" })
      .then(({ id, result }) => console.log(`started ${id} "${result}"`));
  "#;
  let first = on_a_thread(&engine, server.origin(), starts, false);
  assert_eq!(first.join().unwrap(), "started film \"\"\n");
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
  let second = on_a_thread(&engine, server.origin(), receives, true);
  server.release("/film");
  let sum = content::bytes(0, SIZE, 1)
    .iter()
    .fold(0, |sum, &byte| (sum * 31 + u64::from(byte)) % 65521);
  assert_eq!(second.join().unwrap(), format!("film {SIZE} {sum}\n"));
  assert!(engine.background_fetches().is_empty());
}
