//! A media downloader: a script says what is wanted, and Rust saves the files
//! before the script hears of them.

use std::sync::{Arc, OnceLock};

use background_fetch::engine::{BackgroundFetchSnapshot, Engine};
use background_fetch::engine::{RealmKind, RealmOptions};
use background_fetch::extension::{ExtensionOptions, extensions, realm};
use background_fetch::extension::{run_script, run_until_idle};
use background_fetch::store::ExportMode;
use deno_core::{JsRuntime, RuntimeOptions};
use embedder::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> embedder::Result {
  let server = Server::start(&[])?;
  let directory = std::env::temp_dir().join("embedder-media");
  let _ = std::fs::remove_dir_all(&directory);
  let library = directory.join("library");
  std::fs::create_dir_all(&library)?;
  let slot = Arc::new(OnceLock::<Engine>::new());
  let (known, files) = (slot.clone(), library.clone());
  // The last moment at which every record is sure to be there, and durable.
  let save = move |album: BackgroundFetchSnapshot| {
    let (known, files) = (known.clone(), files.clone());
    async move {
      let Some(engine) = known.get() else { return };
      for track in 0..album.records {
        let file = files.join(format!("{}-{track}.mp3", album.id));
        let saved = engine.export(album.key, track, &file, ExportMode::Copy);
        if let Err(error) = saved.await {
          eprintln!("{}: {error}", file.display());
        }
      }
    }
  };
  let engine = Engine::builder()
    .before_event(save)
    .open(directory.join("store"))
    .await?;
  let _ = slot.set(engine.clone());
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
        console.log(registration.id, registration.downloaded, "bytes"));
      registration.backgroundFetch.fetch("album", ["/3000", "/4000", "/5000"], {
        title: "An album",
        downloadTotal: 12000,
        icons: [{ src: "/cover.png", sizes: "96x96", type: "image/png" }],
      });
    "#,
  )?;
  let realm = realm(&mut js);
  run_until_idle(&mut js, &realm).await?;
  let files = std::fs::read_dir(&library)?.flatten();
  let mut sizes: Vec<u64> =
    files.flat_map(|file| file.metadata()).map(|m| m.len()).collect();
  sizes.sort_unstable();
  drop((slot, realm, js));
  engine.shutdown().await;
  std::fs::remove_dir_all(&directory)?;
  assert_eq!(sizes, [3000, 4000, 5000]);
  Ok(())
}
