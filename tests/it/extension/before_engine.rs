//! A realm that is made before its engine is there.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc;

use background_fetch::engine::Engine;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::extension::Console;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::extensions_before_engine;
use background_fetch::extension::realm;
use background_fetch::extension::run_script;
use background_fetch::extension::run_until_idle;
use background_fetch::store::Store;
use deno_core::JsRuntime;
use deno_core::RuntimeOptions;
use deno_core::error::CoreError;
use tokio::runtime::Builder;

use super::harness::BOUND;

fn options() -> RealmOptions {
  let url = "http://127.0.0.1:1/app/sw.js".parse().unwrap();
  RealmOptions::new(RealmKind::ServiceWorker, url)
}

fn runtime(
  options: ExtensionOptions,
  engine: impl FnOnce() -> Option<Engine> + 'static,
) -> Result<JsRuntime, CoreError> {
  JsRuntime::try_new(RuntimeOptions {
    extensions: extensions_before_engine(self::options(), options, engine),
    ..Default::default()
  })
}

/// What needs the engine works, and what was made before it: the URL of a blob.
const SCRIPT: &str = "(async () => {
  const ids = await registration.backgroundFetch.getIds();
  const url = URL.createObjectURL(new Blob(['blob']));
  console.log(ids.length, await (await fetch(url)).text());
})();";

#[test]
fn an_engine_may_be_opened_while_the_realm_is_made() {
  let (send, engine) = mpsc::channel();
  let opened = std::thread::spawn(move || {
    let store = Store::in_memory();
    let engine = Engine::builder().start_blocking(store).unwrap();
    send.send(engine).unwrap();
  });
  let lines = Rc::new(RefCell::new(String::new()));
  let written = lines.clone();
  let options = ExtensionOptions {
    console: Console::Custom(Rc::new(move |text: &str, _| {
      written.borrow_mut().push_str(text);
    })),
    ..ExtensionOptions::default()
  };
  let tokio = Builder::new_current_thread().enable_all().build().unwrap();
  tokio.block_on(async {
    let engine = move || engine.recv_timeout(BOUND).ok();
    let mut js = runtime(options, engine).unwrap();
    run_script(&mut js, "sw.js", SCRIPT).unwrap();
    let realm = realm(&mut js);
    let run = run_until_idle(&mut js, &realm);
    tokio::time::timeout(BOUND, run).await.unwrap().unwrap();
  });
  opened.join().unwrap();
  assert_eq!(*lines.borrow(), "0 blob\n");
}

#[test]
fn without_an_engine_there_is_no_runtime() {
  let tokio = Builder::new_current_thread().enable_all().build().unwrap();
  tokio.block_on(async {
    let error = runtime(ExtensionOptions::default(), || None).err().unwrap();
    let text = error.to_string();
    assert!(text.contains("there is no engine"), "{text}");
  });
}
