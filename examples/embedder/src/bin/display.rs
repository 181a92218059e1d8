//! A display and a permission prompt of one's own. The user is asked once, and
//! may take their time; what they do to what is shown reaches the engine.

use std::sync::{Arc, Mutex};

use background_fetch::display::{Display, UserAction, UserActions};
use background_fetch::engine::{BackgroundFetchSnapshot, Engine};
use background_fetch::engine::{Permission, PermissionState};
use background_fetch::engine::{RealmKind, RealmOptions};
use background_fetch::extension::{ExtensionOptions, extensions, realm};
use background_fetch::extension::{run_script, run_until_idle};
use background_fetch::store::Store;
use deno_core::futures::future::BoxFuture;
use deno_core::{JsRuntime, RuntimeOptions};
use embedder::Server;

/// Asks before anything is fetched.
struct Prompt;

impl Permission for Prompt {
  fn state(&self, _: &background_fetch::Origin) -> PermissionState {
    PermissionState::Prompt
  }

  fn request<'a>(
    &'a self,
    origin: &'a background_fetch::Origin,
  ) -> BoxFuture<'a, PermissionState> {
    Box::pin(async move {
      println!("{} wants to download. [y/n] y", origin.ascii_serialization());
      // A dialog would be awaited here.
      tokio::task::yield_now().await;
      PermissionState::Granted
    })
  }
}

/// Writes a line for each change; its user does not want large films.
#[derive(Clone, Default)]
struct Console {
  actions: Arc<Mutex<Option<UserActions>>>,
  aborted: Arc<Mutex<Vec<String>>>,
}

impl Display for Console {
  fn start(&self, actions: UserActions) {
    *self.actions.lock().expect("a lock") = Some(actions);
  }

  fn show(&self, film: &BackgroundFetchSnapshot) {
    println!("{}: {} bytes {:?}", film.title, film.downloaded, film.result);
    let is_large = film.download_total > 1_000_000;
    if is_large && !film.is_settled() {
      self.aborted.lock().expect("a lock").push(film.id.clone());
      if let Some(actions) = &*self.actions.lock().expect("a lock") {
        actions.send(UserAction::Abort(film.key));
      }
    }
  }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> embedder::Result {
  let server = Server::start(&[])?;
  let console = Console::default();
  let engine = Engine::builder()
    .display(console.clone())
    .permission(Prompt)
    .start(Store::in_memory())
    .await?;
  let url = format!("{}/sw.js", server.origin).parse()?;
  let options = RealmOptions::new(RealmKind::ServiceWorker, url);
  let mut js = JsRuntime::new(RuntimeOptions {
    extensions: extensions(&engine, options, ExtensionOptions::default()),
    ..Default::default()
  });
  run_script(
    &mut js,
    "sw.js",
    r#"
      const { backgroundFetch } = registration;
      backgroundFetch.fetch("short", "/1000", { title: "A short film" });
      backgroundFetch.fetch("long", "/100000000",
        { title: "A long film", downloadTotal: 100000000 });
    "#,
  )?;
  let realm = realm(&mut js);
  run_until_idle(&mut js, &realm).await?;
  let aborted = console.aborted.lock().expect("a lock").clone();
  assert!(aborted.iter().all(|id| id == "long") && !aborted.is_empty());
  Ok(())
}
