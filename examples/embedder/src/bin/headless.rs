//! A download by the Rust interface alone: no script, and no JavaScript engine
//! that runs.

use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::{Engine, RealmKind, RealmMessage, RealmOptions};
use background_fetch::engine::{NetworkPolicy, Request};
use background_fetch::store::ExportMode;
use embedder::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> embedder::Result {
  let server = Server::start(&[])?;
  let directory = std::env::temp_dir().join("embedder-headless");
  let _ = std::fs::remove_dir_all(&directory);
  let engine = Engine::open(directory.join("store")).await?;
  // Who takes the event when the download is there. Policy `Server`: no page
  // has asked for it, so none of a page's rules apply.
  let options = RealmOptions {
    policy: NetworkPolicy::Server,
    ..RealmOptions::new(
      RealmKind::ServiceWorker,
      "https://downloads.invalid/".parse()?,
    )
  };
  let realm = engine.attach(options);
  realm.start_worker();
  let request = Request::get(format!("{}/250000", server.origin).parse()?);
  let prepared = realm.prepare_fetch("film".to_string(), vec![request])?;
  let film = prepared
    .register(Vec::new(), BackgroundFetchOptions::default())
    .await?;
  // From here on it continues even if this process dies.
  loop {
    match realm.next_message().await {
      RealmMessage::Event { lease, name, .. } => {
        assert_eq!(name, "backgroundfetchsuccess");
        let file = directory.join("film");
        engine.export(film.key, 0, &file, ExportMode::Copy).await?;
        println!("{} bytes in {}", file.metadata()?.len(), file.display());
        lease.acknowledge();
        break;
      }
      RealmMessage::Updates(all) => {
        for now in all {
          println!("{} bytes", now.downloaded);
        }
      }
      // Of service workers, which there are none of.
      _ => {}
    }
  }
  realm.idle().await;
  drop(realm);
  engine.shutdown().await;
  let size = directory.join("film").metadata()?.len();
  std::fs::remove_dir_all(&directory)?;
  assert_eq!(size, 250_000);
  Ok(())
}
