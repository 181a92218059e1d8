//! `fetch()` of the engine itself, with no script around it.

use std::path::PathBuf;
use std::time::Instant;

use background_fetch::engine::{
  BackgroundFetchOptions, Engine, NewRecord, Realm, RealmKind, RealmOptions,
  Request,
};
use futures::future::try_join_all;
use url::Url;

use crate::Result;
use crate::report::median;

#[derive(clap::Args)]
pub struct Callers {
  /// Where the store is
  store: PathBuf,
  /// The page's URL
  base: Url,
}

impl Callers {
  /// Prints what `benches/scripts/resolve.js` does: how long one call takes
  /// until it is durable, and 64 that are made at once, each by a task of its
  /// own.
  pub fn run(self) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
      let engine = Engine::open(&self.store).await?;
      let options = RealmOptions::new(RealmKind::ServiceWorker, self.base);
      let realm = engine.attach(options);
      let mut ids = 0..;
      let mut next = || call(&realm, ids.next().unwrap_or(0));
      let mut times = Vec::new();
      for _ in 0..200 {
        let begin = Instant::now();
        next().await??;
        times.push(begin.elapsed().as_secs_f64() * 1000.0);
      }
      let mut rounds = Vec::new();
      for _ in 0..25 {
        let begin = Instant::now();
        for done in try_join_all((0..64).map(|_| next())).await? {
          done?;
        }
        rounds.push(begin.elapsed().as_secs_f64() * 1000.0);
      }
      let [one_ms, sixty_four_ms] =
        [times, rounds].map(|times| median(times.into_iter()));
      let figures =
        serde_json::json!({ "one_ms": one_ms, "sixty_four_ms": sixty_four_ms });
      println!("{figures}");
      engine.shutdown().await;
      Ok(())
    })
  }
}

fn call(realm: &Realm, number: u32) -> tokio::task::JoinHandle<Result<()>> {
  let realm = realm.clone();
  tokio::spawn(async move {
    let url = realm.options().url.join(&format!("/{number}"))?;
    let record = NewRecord {
      request: Request::get(url),
      body: None,
    };
    let options = BackgroundFetchOptions::default();
    realm
      .fetch(number.to_string(), vec![record], options)
      .await?;
    Ok(())
  })
}
