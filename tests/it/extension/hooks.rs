//! What an embedder gives the engine and its realms.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use background_fetch::DomException;
use background_fetch::display::Display;
use background_fetch::display::UserAction;
use background_fetch::display::UserActions;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::FetchError;
use background_fetch::engine::Permission;
use background_fetch::engine::PermissionState;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::FurtherExtensions;
use background_fetch::extension::WorkerThreads;
use background_fetch::extension::extensions;
use background_fetch::extension::realm;
use background_fetch::extension::run_script;
use background_fetch::extension::run_until_idle;
use background_fetch::store::Store;
use deno_core::JsRuntime;
use deno_core::OpState;
use deno_core::RuntimeOptions;
use deno_core::op2;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use support::Behaviour::StallAfter;
use support::FaultServer;
use support::Resource;
use tokio::runtime::Builder;
use url::Origin;

use super::harness::BOUND;
use super::harness::run_with;

fn run(engine: &Engine, kind: RealmKind, origin: &str, script: &str) {
  let url = format!("{origin}/app/script.js").parse().unwrap();
  let options = RealmOptions::new(kind, url);
  let tokio = Builder::new_current_thread().enable_all().build().unwrap();
  tokio.block_on(async {
    let mut js = JsRuntime::new(RuntimeOptions {
      extensions: extensions(engine, options, ExtensionOptions::default()),
      ..Default::default()
    });
    run_script(&mut js, "script.js", script).unwrap();
    let realm = realm(&mut js);
    let run = run_until_idle(&mut js, &realm);
    tokio::time::timeout(BOUND, run).await.unwrap().unwrap();
  });
}

/// A user who thinks about it.
#[derive(Default)]
struct User {
  asked: Arc<AtomicUsize>,
}

impl Permission for User {
  fn state(&self, _: &Origin) -> PermissionState {
    PermissionState::Prompt
  }

  fn request<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, PermissionState> {
    Box::pin(async {
      tokio::task::yield_now().await;
      self.asked.fetch_add(1, Ordering::Relaxed);
      PermissionState::Granted
    })
  }
}

#[test]
fn the_user_is_asked_once_for_each_fetch() {
  let server = FaultServer::start_blocking();
  server.serve("/a", Resource::bytes(1000, 1));
  server.serve("/post", Resource::echo());
  let user = User::default();
  let asked = user.asked.clone();
  let engine = Engine::builder()
    .permission(user)
    .start_blocking(Store::in_memory())
    .unwrap();
  let script = r#"(async () => {
    const { backgroundFetch } = registration;
    await backgroundFetch.fetch("a", "/a");
    await backgroundFetch.fetch("b", [
      new Request("/post", { method: "POST", body: "a body" }),
      new Request("/post", { method: "POST", body: "another" }),
    ]);
  })()"#;
  run(&engine, RealmKind::ServiceWorker, &server.origin(), script);
  assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[op2(fast)]
fn op_further_say(state: &mut OpState, #[string] text: &str) {
  let said = state.borrow::<mpsc::Sender<String>>();
  said.send(text.to_string()).unwrap();
}

deno_core::extension!(
  further,
  ops = [op_further_say],
  esm_entry_point = "ext:further/say.js",
  esm = ["ext:further/say.js" = { source = r#"
    import { op_further_say } from "ext:core/ops";
    globalThis.say = (text) => op_further_say(text);
  "# }],
  options = { said: mpsc::Sender<String> },
  state = |state, options| { state.put(options.said); },
);

#[op2(fast)]
fn op_refuse(#[string] why: &str) -> Result<(), DomException> {
  let why = why.to_string();
  Err(match why.as_str() {
    "quota" => DomException::QuotaExceeded {
      message: why,
      quota: Some(7),
      requested: None,
    },
    "network" => DomException::Network(why),
    "state" => DomException::InvalidState(why),
    _ => DomException::Type(why),
  })
}

#[op2(fast)]
fn op_deny() -> Result<(), FetchError> {
  Err(FetchError::NotAllowed)
}

deno_core::extension!(
  refusing,
  ops = [op_refuse, op_deny],
  esm_entry_point = "ext:refusing/refuse.js",
  esm = ["ext:refusing/refuse.js" = {
    source = r#"
    import { op_deny, op_refuse } from "ext:core/ops";
    Object.assign(globalThis, { deny: op_deny, refuse: op_refuse });
  "#
  }],
);

#[test]
fn an_op_of_the_embedder_throws_what_scripts_know() {
  let ended = run_with(
    RealmKind::Window,
    "https://app.test/page.js",
    vec![refusing::init()],
    r#"
    const refused = (refuse, ...why) => {
      try {
        refuse(...why);
      } catch (error) {
        const { constructor, name, message } = error;
        const isDom = error instanceof DOMException;
        console.log(constructor.name, name, message, isDom);
      }
    };
    refused(refuse, "quota");
    refused(refuse, "network");
    refused(refuse, "state");
    refused(refuse, "type");
    refused(deny);
    "#,
  );
  assert!(ended.uncaught().is_empty(), "{ended:?}");
  let expected = [
    "QuotaExceededError QuotaExceededError quota true",
    "DOMException NetworkError network true",
    "DOMException InvalidStateError state true",
    "TypeError TypeError type false",
    "DOMException NotAllowedError permission for background fetches was \
     denied true",
  ];
  assert_eq!(ended.lines, expected);
}

#[test]
fn service_workers_and_workers_have_further_extensions() {
  let server = FaultServer::start_blocking();
  let script = |text| Resource::text(text).content_type("text/javascript");
  server.serve("/app/sw.js", script("say('a service worker')"));
  server.serve("/app/worker.js", script("say('a worker'); close();"));
  let (said, hears) = mpsc::channel();
  let further: Arc<dyn FurtherExtensions> =
    Arc::new(move || vec![further::init(said.clone())]);
  let with = move || ExtensionOptions {
    further: Some(further.clone()),
    ..ExtensionOptions::default()
  };
  let own = with.clone();
  let engine = Engine::builder()
    .service_worker_host(WorkerThreads::new().with_options(move |_| with()))
    .start_blocking(Store::in_memory())
    .unwrap();
  let url = format!("{}/app/", server.origin()).parse().unwrap();
  let options = RealmOptions::new(RealmKind::Window, url);
  let tokio = Builder::new_current_thread().enable_all().build().unwrap();
  tokio.block_on(async {
    let mut js = JsRuntime::new(RuntimeOptions {
      extensions: extensions(&engine, options, own()),
      ..Default::default()
    });
    let script = r#"
      say("a page");
      new Worker("/app/worker.js");
      navigator.serviceWorker.register("/app/sw.js");
    "#;
    run_script(&mut js, "script.js", script).unwrap();
    let realm = realm(&mut js);
    let run = run_until_idle(&mut js, &realm);
    tokio::time::timeout(BOUND, run).await.unwrap().unwrap();
  });
  let mut all: Vec<String> =
    (0..3).map(|_| hears.recv_timeout(BOUND).unwrap()).collect();
  all.sort();
  assert_eq!(all, ["a page", "a service worker", "a worker"]);
}

/// Aborts whatever it is shown.
#[derive(Default)]
struct Aborts {
  actions: Mutex<Option<UserActions>>,
}

impl Display for Aborts {
  fn start(&self, actions: UserActions) {
    *self.actions.lock() = Some(actions);
  }

  fn show(&self, background_fetch: &BackgroundFetchSnapshot) {
    if background_fetch.downloaded > 0 && !background_fetch.is_settled() {
      let actions = self.actions.lock().clone().unwrap();
      actions.send(UserAction::Abort(background_fetch.key));
    }
  }
}

#[test]
fn a_display_answers_for_the_user() {
  let server = FaultServer::start_blocking();
  let film = Resource::bytes(5_000_000, 1).script([StallAfter(1_000_000)]);
  server.serve("/film", film);
  let engine = Engine::builder()
    .display(Aborts::default())
    .start_blocking(Store::in_memory())
    .unwrap();
  // It would never end otherwise.
  let script = r#"
    addEventListener("backgroundfetchsuccess", () => { throw "finished"; });
    registration.backgroundFetch.fetch("film", "/film");
  "#;
  run(&engine, RealmKind::ServiceWorker, &server.origin(), script);
  assert!(engine.background_fetches().is_empty());
}
