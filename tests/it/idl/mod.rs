//! The interfaces against the published IDL, member by member, in every kind
//! of realm. `realm_options.json` says what the IDL of Background Fetch, of
//! service workers and of Web IDL itself says (as of 2026-11); a member that is
//! left out here on purpose is named there as well.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::PermissionState;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::extension::Console;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::extensions;
use background_fetch::spec::BackgroundFetchFailureReason;
use background_fetch::spec::BackgroundFetchResult;
use background_fetch::store::Store;
use deno_core::JsRuntime;
use deno_core::RuntimeOptions;
use url::Origin;

const FACTS: &str = include_str!("facts.json");
const BOUND: Duration = Duration::from_secs(240);

/// Runs the body of an async function in every kind of realm.
fn in_every_realm(script: &str) {
  for (kind, name) in [
    (RealmKind::Window, "Window"),
    (RealmKind::DedicatedWorker, "DedicatedWorker"),
    (RealmKind::SharedWorker, "SharedWorker"),
    (RealmKind::ServiceWorker, "ServiceWorker"),
  ] {
    let tokio = tokio::runtime::Builder::new_current_thread()
      .enable_all()
      .build()
      .unwrap();
    tokio.block_on(async {
      let run = tokio::time::timeout(BOUND, run(kind, name, script));
      run.await.expect("the script comes to an end");
    });
  }
}

async fn run(kind: RealmKind, name: &str, script: &str) {
  let url = "https://app.test/app/script.js".parse().unwrap();
  let realm_options = RealmOptions::new(kind, url);
  let config = EngineConfig {
    // What a script fetches is paused: nothing goes onto the wire.
    permission: Arc::new(|_: &Origin| PermissionState::Prompt),
    ..EngineConfig::default()
  };
  let engine = Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap();
  // Whom a service worker finds.
  let page = |kind, path: &str| {
    let url = format!("https://app.test{path}").parse().unwrap();
    engine.attach(RealmOptions::new(kind, url))
  };
  let _clients = [
    page(RealmKind::Window, "/elsewhere/page.html"),
    page(RealmKind::DedicatedWorker, "/elsewhere/worker.js"),
  ];
  let written = Rc::new(RefCell::new(String::new()));
  let sink = written.clone();
  let options = ExtensionOptions {
    console: Console::Custom(Rc::new(move |text: &str, _| {
      sink.borrow_mut().push_str(text)
    })),
    ..ExtensionOptions::default()
  };
  let mut runtime = JsRuntime::new(RuntimeOptions {
    extensions: extensions(&engine, realm_options, options),
    ..Default::default()
  });
  let prelude =
    concat!(include_str!("../assertions.js"), include_str!("prelude.js"));
  let script = format!(
    "{prelude}\nconst facts = {FACTS};\nconst realmKind = \"{name}\";\n\
     (async () => {{ {script} }})().then(() => console.log('end'))"
  );
  runtime.execute_script("idl.js", script).unwrap();
  if let Err(error) = runtime.run_event_loop(Default::default()).await {
    panic!("in a {name}: {error}");
  }
  assert_eq!(*written.borrow(), "end\n", "in a {name}");
}

#[test]
fn interfaces_have_the_shape_of_the_idl() {
  in_every_realm(include_str!("shape.js"));
}

#[test]
fn members_check_what_they_are_called_on_and_with() {
  in_every_realm(include_str!("calls.js"));
}

#[test]
fn instances_have_values_of_the_idls_types() {
  in_every_realm(include_str!("instances.js"));
}

#[test]
fn dictionaries_are_read_in_the_order_of_the_idl() {
  in_every_realm(include_str!("dictionaries.js"));
}

#[test]
fn enumerations_have_the_values_of_the_idl() {
  use BackgroundFetchFailureReason as Reason;
  use BackgroundFetchResult as Result;
  let facts: serde_json::Value = serde_json::from_str(FACTS).unwrap();
  let published = |name: &str| -> BTreeSet<String> {
    serde_json::from_value(facts["enums"][name].clone()).unwrap()
  };
  let results = [Result::None, Result::Success, Result::Failure];
  let results = results.map(|value| value.as_str().to_string());
  assert_eq!(published("BackgroundFetchResult"), results.into());
  let reasons = [
    Reason::None,
    Reason::Aborted,
    Reason::BadStatus,
    Reason::FetchError,
    Reason::QuotaExceeded,
    Reason::DownloadTotalExceeded,
  ];
  let reasons = reasons.map(|value| value.as_str().to_string());
  assert_eq!(published("BackgroundFetchFailureReason"), reasons.into());
}
