//! What an embedder decides, as scripts hear of it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::Permission;
use background_fetch::engine::PermissionState;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::store::Store;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use url::Origin;

use crate::realm_thread::Until;
use crate::realm_thread::start;

/// Runs `script` as a page to its end and returns what it has said; `hear` is
/// told of each line at once.
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
