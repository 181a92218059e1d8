//! The process that is watched: it works through a scenario and says, line by
//! line, what it has heard of it.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use background_fetch::engine::AbortOutcome;
use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::CheckpointPolicy;
use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::NewRecord;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmMessage;
use background_fetch::engine::RealmOptions;
use background_fetch::engine::RetryPolicy;
use background_fetch::network::NetworkPolicy;
use background_fetch::spec::Request;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::ExportMode;
use bytes::Bytes;
use url::Url;

/// Each line is one write, and so one moment.
fn say(line: &str) {
  std::io::stderr()
    .write_all(format!("{line}\n").as_bytes())
    .unwrap();
}

fn variable(name: &str) -> String {
  std::env::var(name).unwrap()
}

/// Durable often, so that there is much to interrupt; and quick to try again.
pub fn config() -> EngineConfig {
  EngineConfig {
    checkpoint: CheckpointPolicy {
      bytes: 64 * 1024,
      interval: Duration::from_millis(10),
    },
    retry: RetryPolicy {
      attempts: 5,
      first_delay: Duration::from_millis(1),
      max_delay: Duration::from_millis(2),
      ..RetryPolicy::default()
    },
    ..EngineConfig::default()
  }
}

/// A service worker that takes events.
pub fn worker(engine: &Engine) -> Realm {
  let url = Url::parse("http://localhost/app/sw.js").unwrap();
  let realm = engine.attach(RealmOptions {
    policy: NetworkPolicy::Server,
    ..RealmOptions::new(RealmKind::ServiceWorker, url)
  });
  realm.start_worker();
  realm
}

pub fn run() {
  let tokio = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build();
  tokio.unwrap().block_on(work());
  say("END");
}

struct Work {
  engine: Engine,
  realm: Realm,
  out: PathBuf,
  base: Url,
  registered: BTreeSet<String>,
}

async fn work() {
  let root = PathBuf::from(variable("POWER_ROOT"));
  // Not the store's: it only has to be there.
  let out = root.join("out");
  std::fs::create_dir(&out).unwrap();
  std::fs::File::open(&root).unwrap().sync_all().unwrap();
  // A disk that fails may fail here.
  let scenario = variable("POWER_SCENARIO");
  let mut config = config();
  if scenario == "split" {
    config.segments.max = 4;
    config.segments.min_size = 1;
  }
  let Ok(engine) = Engine::builder()
    .config(config)
    .open_blocking(root.join("store"))
  else {
    return;
  };
  let realm = worker(&engine);
  let mut work = Work {
    engine,
    realm,
    out,
    base: variable("POWER_BASE").parse().unwrap(),
    registered: BTreeSet::new(),
  };
  match &*scenario {
    "many" => work.many().await,
    "split" => drop(work.fetch("split", &["/split"]).await),
    _ => work.mixed().await,
  }
  work.handle_events().await;
  let Work { engine, realm, .. } = work;
  realm.idle().await;
  drop(realm);
  engine.shutdown().await;
}

impl Work {
  async fn mixed(&mut self) {
    self.fetch("one", &["/one"]).await;
    self
      .fetch("three", &["/three-0", "/three-1", "/three-2"])
      .await;
    let doomed = self.fetch("doomed", &["/doomed"]).await;
    self.fetch("broken", &["/broken", "/missing"]).await;
    self.upload().await;
    if let Some(key) = doomed {
      match self.realm.abort(key).await {
        Ok(AbortOutcome::Aborted) => say("ABORTED doomed"),
        other => say(&format!("not aborted: {other:?}")),
      }
    }
  }

  async fn many(&mut self) {
    let paths: Vec<String> = (0..40).map(|n| format!("/many-{n}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    self.fetch("many", &paths).await;
  }

  async fn fetch(
    &mut self,
    id: &str,
    paths: &[&str],
  ) -> Option<BackgroundFetchKey> {
    let get = |path: &&str| NewRecord {
      request: Request::get(self.base.join(path).unwrap()),
      body: None,
    };
    let records = paths.iter().map(get).collect();
    self.register(id, records).await
  }

  async fn upload(&mut self) {
    let Ok(mut body) = self.realm.create_request_body().await else {
      return;
    };
    if body.write(Bytes::from(vec![7; 50_000])).await.is_err() {
      return;
    }
    let mut request = Request::get(self.base.join("/upload").unwrap());
    request.method = "POST".into();
    let body = Some(body.finish());
    self
      .register("upload", vec![NewRecord { request, body }])
      .await;
  }

  async fn register(
    &mut self,
    id: &str,
    records: Vec<NewRecord>,
  ) -> Option<BackgroundFetchKey> {
    let options = BackgroundFetchOptions::default();
    match self.realm.fetch(id.into(), records, options).await {
      Ok(fetched) => {
        say(&format!("REGISTERED {id}"));
        self.registered.insert(id.into());
        Some(fetched.key)
      }
      Err(error) => {
        say(&format!("refused {id}: {error}"));
        None
      }
    }
  }

  async fn handle_events(&mut self) {
    while !self.registered.is_empty() {
      let RealmMessage::Event {
        lease,
        name,
        background_fetch: told,
      } = self.realm.next_message().await
      else {
        continue;
      };
      let id = &told.id;
      say(&format!("EVENT {id} {name}"));
      if name == "backgroundfetchsuccess" {
        // Small ones share their flushes.
        let exports = (0..told.records).map(async |record| {
          let file = self.out.join(format!("{id}-{record}"));
          let mode = ExportMode::Share;
          let export = self.engine.export(told.key, record, &file, mode);
          if export.await.is_ok() {
            say(&format!("EXPORTED {id}-{record}"));
          }
        });
        futures::future::join_all(exports).await;
      }
      say(&format!("DONE {id}"));
      lease.acknowledge();
      self.registered.remove(id);
    }
  }
}
