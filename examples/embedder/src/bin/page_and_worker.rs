//! A page and its service worker, as on the web. The worker has an op of the
//! embedder's.

use std::sync::Arc;
use std::sync::mpsc;

use background_fetch::engine::{Engine, RealmKind, RealmOptions};
use background_fetch::extension::{ExtensionOptions, FurtherExtensions};
use background_fetch::extension::{WorkerThreads, extensions, realm};
use background_fetch::extension::{run_script, run_until_idle};
use background_fetch::store::Store;
use deno_core::{JsRuntime, OpState, RuntimeOptions, op2};
use embedder::Server;

const PAGE: &str = r#"
  (async () => {
    await navigator.serviceWorker.register("/app/sw.js");
    const { backgroundFetch } = await navigator.serviceWorker.ready;
    await backgroundFetch.fetch("films", ["/1000", "/2000"], { title: "Two films" });
  })()
"#;

const WORKER: &str = r#"
  addEventListener("backgroundfetchsuccess", (event) => event.waitUntil((async () => {
    for (const record of await event.registration.matchAll()) {
      const response = await record.responseReady;
      play(`${new URL(response.url).pathname}: ${(await response.blob()).size} bytes`);
    }
  })()));
"#;

#[op2(fast)]
fn op_player_play(state: &mut OpState, #[string] film: &str) {
  let played = state.borrow::<mpsc::Sender<String>>();
  let _ = played.send(film.to_string());
}

deno_core::extension!(
  player,
  ops = [op_player_play],
  esm_entry_point = "ext:player/play.js",
  esm = ["ext:player/play.js" = {
    source = r#"
      import { op_player_play } from "ext:core/ops";
      globalThis.play = (film) => op_player_play(film);
    "#
  }],
  options = { played: mpsc::Sender<String> },
  state = |state, options| { state.put(options.played); },
);

#[tokio::main(flavor = "current_thread")]
async fn main() -> embedder::Result {
  let server = Server::start(&[("/app/sw.js", WORKER)])?;
  let (played, films) = mpsc::channel();
  let player: Arc<dyn FurtherExtensions> =
    Arc::new(move || vec![player::init(played.clone())]);
  let workers =
    WorkerThreads::new().with_options(move |_script_url| ExtensionOptions {
      further: Some(player.clone()),
      ..ExtensionOptions::default()
    });
  let engine = Engine::builder()
    .service_worker_host(workers)
    .start(Store::in_memory())
    .await?;
  let url = format!("{}/app/page.html", server.origin).parse()?;
  let options = RealmOptions::new(RealmKind::Window, url);
  let mut js = JsRuntime::new(RuntimeOptions {
    extensions: extensions(&engine, options, ExtensionOptions::default()),
    ..Default::default()
  });
  run_script(&mut js, "page.js", PAGE)?;
  let realm = realm(&mut js);
  run_until_idle(&mut js, &realm).await?;
  drop(realm);
  engine.shutdown().await;
  let mut films: Vec<String> = films.try_iter().collect();
  films.sort();
  println!("{}", films.join("\n"));
  assert_eq!(films, ["/1000: 1000 bytes", "/2000: 2000 bytes"]);
  Ok(())
}
