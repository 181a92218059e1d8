//! What an embedder decides, as scripts hear of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use background_fetch::display::Display;
use background_fetch::display::WindowOutcome;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::Permission;
use background_fetch::engine::PermissionState;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::extension::WorkerThreads;
use background_fetch::store::Store;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use support::FaultServer;
use support::Resource;
use url::Origin;
use url::Url;

use crate::realm_thread::Until;
use crate::realm_thread::start;

/// Runs `script` as a page to its end and returns what it has said; `hear` is
/// called with each line at once.
fn lines(
  config: EngineConfig,
  url: &str,
  script: &str,
  hear: impl Fn(&Engine, &str) + Send + 'static,
) -> Vec<String> {
  let engine = Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap();
  let lines = Arc::new(Mutex::new(Vec::new()));
  let (all, own) = (lines.clone(), engine.clone());
  let said = move |line: &str| {
    all.lock().push(line.to_string());
    hear(&own, line);
  };
  let options = RealmOptions::new(RealmKind::Window, url.parse().unwrap());
  start(&engine, options, script.to_string(), Until::Ended, said)
    .join()
    .unwrap();
  std::mem::take(&mut *lines.lock())
}

/// A user who says yes as soon as they are asked.
#[derive(Clone, Default)]
struct User(Arc<AtomicBool>);

impl Permission for User {
  fn state(&self, _: &Origin) -> PermissionState {
    match self.0.load(Ordering::SeqCst) {
      true => PermissionState::Granted,
      false => PermissionState::Prompt,
    }
  }

  fn request<'a>(
    &'a self,
    origin: &'a Origin,
  ) -> BoxFuture<'a, PermissionState> {
    self.0.store(true, Ordering::SeqCst);
    Box::pin(async { self.state(origin) })
  }
}

#[test]
fn a_permission_that_changes_is_told() {
  let user = User::default();
  let config = EngineConfig {
    permission: Arc::new(user.clone()),
    notification_permission: Arc::new(User::default()),
    ..EngineConfig::default()
  };
  let script = "(async () => {
    const hold = setInterval(() => {}, 1000);
    const of = (name) => navigator.permissions.query({ name });
    const names = ['background-fetch', 'notifications', 'persistent-storage'];
    const [fetch, notifications, storage] = await Promise.all(names.map(of));
    storage.onchange = () => console.log('never');
    const changed = (status) => new Promise((done) => {
      status.onchange = ({ isTrusted, target }) => {
        console.log(target.name, target.state, isTrusted, target === status);
        done();
      };
    });
    const shown = changed(notifications);
    console.log(Notification.permission, await Notification.requestPermission());
    await shown;
    const changes = changed(fetch);
    // Of many, none that has a listener is forgotten.
    for (let i = 0; i < 200; i++) await of('background-fetch');
    console.log('nothing has changed');
    console.log('changed');
    await changes;
    clearInterval(hold);
  })();";
  let hear = move |engine: &Engine, line: &str| {
    if line == "changed" {
      user.0.store(true, Ordering::SeqCst);
    }
    engine.permissions_changed();
  };
  let lines = lines(config, "https://app.test/", script, hear);
  let expected = [
    "default granted",
    "notifications granted true true",
    "nothing has changed",
    "changed",
    "background-fetch granted true true",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn a_network_that_goes_and_comes_back_is_told() {
  let server = FaultServer::start_blocking();
  server.serve("/x", Resource::text("x"));
  let up = Arc::new(AtomicBool::new(true));
  let mut config = EngineConfig::default();
  let network = up.clone();
  config.network.resolver = Some(Arc::new(move |_: &str| {
    let addresses = match network.load(Ordering::SeqCst) {
      true => Ok(vec![SocketAddr::from(([127, 0, 0, 1], 0))]),
      false => Err(io::ErrorKind::NetworkDown.into()),
    };
    std::future::ready(addresses)
  }));
  // Each attempt asks for the name again.
  config.network.pool_idle_timeout = std::time::Duration::ZERO;
  let script = "(async () => {
    const hold = setInterval(() => {}, 1000);
    const told = (name) => new Promise((done) => {
      globalThis['on' + name] = ({ type, isTrusted, target }) => {
        console.log(type, isTrusted, target === globalThis, navigator.onLine);
        done();
      };
    });
    const get = async () => {
      try {
        const response = await fetch('/x');
        console.log(await response.text());
      } catch (error) {
        console.log(error.name);
      }
    };
    const [offline, online] = [told('offline'), told('online')];
    await get();
    console.log('down');
    await get();
    await offline;
    console.log('up');
    await get();
    await online;
    clearInterval(hold);
  })();";
  let hear = move |_: &Engine, line: &str| match line {
    "down" => up.store(false, Ordering::SeqCst),
    "up" => up.store(true, Ordering::SeqCst),
    _ => {}
  };
  let port = server.origin().rsplit(':').next().unwrap().to_string();
  let url = format!("http://name.test:{port}/");
  let mut lines = lines(config, &url, script, hear);
  // Which of the two is heard of first is open.
  lines[2..4].sort();
  lines[5..7].sort();
  let expected = [
    "x",
    "down",
    "TypeError",
    "offline true true false",
    "up",
    "online true true true",
    "x",
  ];
  assert_eq!(lines, expected);
}

/// Takes a window anywhere but to `refused`, and remembers where.
#[derive(Clone, Default)]
struct Windows(Arc<Mutex<Vec<(Url, Url)>>>);

impl Display for Windows {
  fn show(&self, _: &BackgroundFetchSnapshot) {}

  fn navigate_window(&self, from: &Url, to: &Url) -> WindowOutcome {
    self.0.lock().push((from.clone(), to.clone()));
    match to.path().ends_with("/refused") {
      true => WindowOutcome::Refused,
      false => WindowOutcome::Done,
    }
  }
}

#[test]
fn a_window_goes_where_the_display_takes_it() {
  let server = FaultServer::start_blocking();
  let worker = "onmessage = (event) => event.waitUntil((async () => {
    const { source } = event;
    const outcome = (promise) => promise.then(String, (error) => error.name);
    for (const url of ['other', 'refused', 'about:blank', 'http://:0/']) {
      source.postMessage(await outcome(source.navigate(url)));
    }
    source.postMessage(await outcome(source.focus()));
    source.postMessage('end');
  })());";
  let worker = Resource::text(worker).content_type("text/javascript");
  server.serve("/app/sw.js", worker);
  let windows = Windows::default();
  let config = EngineConfig {
    display: Some(Arc::new(windows.clone())),
    service_worker_host: Some(Arc::new(WorkerThreads::new())),
    ..EngineConfig::default()
  };
  let script = "(async () => {
    const hold = setInterval(() => {}, 1000);
    const { serviceWorker } = navigator;
    serviceWorker.onmessage = ({ data }) => {
      console.log(data);
      if (data === 'end') clearInterval(hold);
    };
    await serviceWorker.register('sw.js');
    (await serviceWorker.ready).active.postMessage('go');
  })();";
  let url = server.url("/app/");
  let lines = lines(config, &url, script, |_, _| {});
  let expected = [
    "null",
    "TypeError",
    "TypeError",
    "TypeError",
    // No user has clicked.
    "InvalidAccessError",
    "end",
  ];
  assert_eq!(lines, expected);
  let asked = ["other", "refused"].map(|target| {
    let to = format!("{url}{target}");
    (url.parse().unwrap(), to.parse().unwrap())
  });
  assert_eq!(*windows.0.lock(), asked);
}
