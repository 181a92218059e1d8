//! A realm with a script, on a thread of its own.

use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::RealmOptions;
use background_fetch::extension::Console;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::extensions;
use background_fetch::extension::realm;
use background_fetch::extension::run_until_idle;
use deno_core::JsRuntime;
use deno_core::RuntimeOptions;

/// No script takes longer, unless it hangs.
const BOUND: Duration = Duration::from_secs(600);

/// How long a realm is kept.
#[derive(Clone, Copy, PartialEq)]
pub enum Until {
  /// The script has ended.
  Ended,
  /// The background fetches of its registration have settled, too, and their
  /// events are handled.
  Idle,
}

/// Runs `script` and tells `said` of each line on its console.
/// Panics when it does not come to its end in time.
pub fn start(
  engine: &Engine,
  realm_options: RealmOptions,
  script: String,
  until: Until,
  said: impl Fn(&str) + Send + 'static,
) -> JoinHandle<()> {
  let engine = engine.clone();
  let run = move || {
    let tokio = tokio::runtime::Builder::new_current_thread()
      .enable_all()
      .build()
      .unwrap();
    // A script may call an op before the event loop runs.
    let _context = tokio.enter();
    let console = Rc::new(move |text: &str, _: bool| said(text.trim_end()));
    let options = ExtensionOptions {
      console: Console::Custom(console),
      ..ExtensionOptions::default()
    };
    let mut js = JsRuntime::new(RuntimeOptions {
      extensions: extensions(&engine, realm_options, options),
      ..Default::default()
    });
    let realm = realm(&mut js);
    js.execute_script("script.js", script).unwrap();
    let end = async {
      match until {
        Until::Ended => js.run_event_loop(Default::default()).await.unwrap(),
        Until::Idle => run_until_idle(&mut js, &realm).await.unwrap(),
      }
    };
    let bounded = async { tokio::time::timeout(BOUND, end).await };
    tokio.block_on(bounded).expect("the realm does not end");
  };
  std::thread::Builder::new()
    .stack_size(16 * 1024 * 1024)
    .spawn(run)
    .unwrap()
}
