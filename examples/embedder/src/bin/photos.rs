//! A photo uploader: bodies are stored before `fetch()` resolves, and reach the
//! server whatever becomes of the script.

use background_fetch::engine::{Engine, RealmKind, RealmOptions};
use background_fetch::extension::{ExtensionOptions, extensions, realm};
use background_fetch::extension::{run_script, run_until_idle};
use background_fetch::store::Store;
use deno_core::{JsRuntime, RuntimeOptions};
use embedder::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> embedder::Result {
  let server = Server::start(&[])?;
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
      addEventListener("backgroundfetchsuccess", ({ registration }) =>
        console.log(registration.uploaded, "of", registration.uploadTotal, "bytes sent"));
      const photos = [30000, 50000].map((size) => new Request("/photos", {
        method: "POST",
        body: new Blob([new Uint8Array(size)], { type: "image/jpeg" }),
      }));
      registration.backgroundFetch.fetch("holidays", photos, { title: "Two photos" });
    "#,
  )?;
  let realm = realm(&mut js);
  run_until_idle(&mut js, &realm).await?;
  assert_eq!(server.received(), [30_000, 50_000]);
  Ok(())
}
