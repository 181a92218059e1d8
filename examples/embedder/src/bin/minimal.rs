//! The smallest program: one engine, one realm, one script.

use background_fetch::engine::{Engine, RealmKind, RealmOptions};
use background_fetch::extension::{ExtensionOptions, extensions, realm};
use background_fetch::extension::{run_script, run_until_idle};
use background_fetch::store::Store;
use deno_core::{JsRuntime, RuntimeOptions};
use embedder::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> embedder::Result {
  let server = Server::start(&[])?;
  // `Engine::open("downloads")` would keep everything.
  let engine = Engine::builder().start(Store::in_memory()).await?;
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
      addEventListener("backgroundfetchsuccess", (event) => event.waitUntil((async () => {
        const record = await event.registration.match("/100000");
        const body = await (await record.responseReady).blob();
        console.log("a film of", body.size, "bytes");
      })()));
      registration.backgroundFetch.fetch("film", "/100000", { title: "A film" });
    "#,
  )?;
  let realm = realm(&mut js);
  run_until_idle(&mut js, &realm).await?;
  assert!(engine.background_fetches().is_empty(), "it was delivered");
  engine.shutdown().await;
  Ok(())
}
