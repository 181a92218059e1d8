//! A realm, and what it writes.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::extension::Console;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::extensions;
use background_fetch::extension::realm;
use background_fetch::extension::run_until_idle;
use background_fetch::store::Store;
use deno_core::Extension;
use deno_core::JsRuntime;
use deno_core::RuntimeOptions;
use futures::FutureExt;
use url::Url;

/// Nothing here takes longer, unless it hangs.
pub const BOUND: Duration = Duration::from_secs(240);

pub const EVERY_KIND: [RealmKind; 3] = [
  RealmKind::Window,
  RealmKind::DedicatedWorker,
  RealmKind::ServiceWorker,
];

/// What came of a script.
#[derive(Debug)]
pub struct Ended {
  /// The lines that its console has written.
  pub lines: Vec<String>,
  /// Every error that has come out of the event loop.
  pub errors: Vec<String>,
  /// What no script has handled of the errors of listeners.
  pub reported: Vec<String>,
}

impl Ended {
  /// What no script has handled.
  pub fn uncaught(&self) -> Vec<&str> {
    let all = self.errors.iter().chain(&self.reported);
    all.map(String::as_str).collect()
  }
}

/// Runs `script` as a module until nothing is left to do, and returns whether
/// its evaluation is over by then.
pub fn evaluate(kind: RealmKind, url: &str, script: &str) -> bool {
  let url: Url = url.parse().unwrap();
  let realm_options = RealmOptions::new(kind, url.clone());
  let config = EngineConfig::default();
  let engine = Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap();
  let tokio = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build()
    .unwrap();
  tokio.block_on(async {
    let mut runtime = JsRuntime::new(RuntimeOptions {
      extensions: extensions(
        &engine,
        realm_options,
        ExtensionOptions::default(),
      ),
      ..Default::default()
    });
    let realm = realm(&mut runtime);
    let script = script.to_string();
    let module = runtime.load_main_es_module_from_code(&url, script);
    let module = module.await.unwrap();
    let evaluation = runtime.mod_evaluate(module);
    let run = run_until_idle(&mut runtime, &realm);
    tokio::time::timeout(BOUND, run).await.unwrap().unwrap();
    evaluation.now_or_never().is_some()
  })
}

/// Runs `script` in a realm of `kind` at `url` until nothing is left to do.
pub fn run(kind: RealmKind, url: &str, script: &str) -> Ended {
  run_with(kind, url, Vec::new(), script)
}

/// The same with more extensions, which come first.
pub fn run_with(
  kind: RealmKind,
  url: &str,
  all: Vec<Extension>,
  script: &str,
) -> Ended {
  let config = EngineConfig::default();
  let engine = Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap();
  run_in(&engine, kind, url, all, script)
}

/// The same with this engine.
pub fn run_in(
  engine: &Engine,
  kind: RealmKind,
  url: &str,
  mut all: Vec<Extension>,
  script: &str,
) -> Ended {
  let realm_options = RealmOptions::new(kind, url.parse().unwrap());
  let lines = Rc::new(RefCell::new(Vec::new()));
  let sink = lines.clone();
  let reported = Rc::new(RefCell::new(Vec::new()));
  let errors_of_listeners = reported.clone();
  let options = ExtensionOptions {
    console: Console::Custom(Rc::new(move |text: &str, _| {
      sink.borrow_mut().push(text.trim_end().to_string());
    })),
    report_error: Some(Rc::new(move |text: &str| {
      errors_of_listeners.borrow_mut().push(text.to_string());
    })),
    ..ExtensionOptions::default()
  };
  all.extend(extensions(engine, realm_options, options));
  let tokio = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build()
    .unwrap();
  let errors = tokio.block_on(async {
    let mut runtime = JsRuntime::new(RuntimeOptions {
      extensions: all,
      ..Default::default()
    });
    let realm = realm(&mut runtime);
    runtime
      .execute_script("script.js", script.to_string())
      .unwrap();
    let mut errors = Vec::new();
    let run = async {
      while let Err(error) = run_until_idle(&mut runtime, &realm).await {
        errors.push(error.to_string());
      }
    };
    tokio::time::timeout(BOUND, run).await.unwrap();
    errors
  });
  Ended {
    lines: lines.take(),
    errors,
    reported: reported.take(),
  }
}
