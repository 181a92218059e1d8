//! Service workers: small programs in place of scripts.

use std::time::Duration;

use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmMessage;
use background_fetch::engine::RealmOptions;
use background_fetch::engine::RecordHandle;
use background_fetch::engine::ServiceWorkerHost;
use background_fetch::service_worker::InternalWorkerHandle;
use background_fetch::service_worker::ScriptRequest;
use background_fetch::service_worker::ScriptResponse;
use background_fetch::service_worker::ServiceWorkerMessage;
use background_fetch::service_worker::StartWorker;
use background_fetch::spec::BackgroundFetchResult;
use background_fetch::spec::CacheQueryOptions;
use background_fetch::spec::HeaderList;
use futures::future::BoxFuture;
use url::Url;

use crate::plan::Handler;
use crate::world::Fate;
use crate::world::Step;
use crate::world::World;

pub struct SimHost(pub World);

impl ServiceWorkerHost for SimHost {
  fn start(&self, engine: Engine, worker: StartWorker) {
    tokio::spawn(run(self.0.clone(), engine, worker));
  }

  fn fetch_script(
    &self,
    _: &ScriptRequest,
  ) -> Option<BoxFuture<'static, Result<ScriptResponse, String>>> {
    let world = self.0.clone();
    Some(Box::pin(async move {
      world.latency(20).await;
      let mut headers = HeaderList::new();
      headers.append("content-type", "text/javascript");
      Ok(ScriptResponse {
        status: 200,
        headers,
        body: "// a small program".into(),
      })
    }))
  }

  fn report(&self, _: &Url, message: &str) {
    self.0.say(&format!("a worker has failed: {message}"));
  }
}

async fn run(world: World, engine: Engine, worker: StartWorker) {
  let options = RealmOptions::for_worker(&worker);
  let handle = worker.handle;
  world.latency(30).await;
  if handle.is_stopping() {
    return;
  }
  let realm = engine.attach(options);
  drop(engine);
  world.say("a worker runs");
  handle.evaluated(Ok(()));
  let how = serve(&world, &realm, &handle).await;
  world.say(&format!("a worker ends: {how}"));
  // The realm goes before what says that all has ended.
  drop(realm);
  drop(handle);
}

async fn serve(
  world: &World,
  realm: &Realm,
  handle: &InternalWorkerHandle,
) -> &'static str {
  loop {
    tokio::select! {
      biased;
      () = handle.stopping() => return "it was asked to",
      message = realm.next_message() => {
        if let RealmMessage::ServiceWorker(ServiceWorkerMessage::Event {
          id,
          ..
        }) = message
        {
          realm.worker_event_handled(id, false);
        } else if let RealmMessage::Event {
          lease,
          name,
          background_fetch,
        } = message
        {
          let handler = dispatched(world, name, &background_fetch);
          match handler {
            Handler::Crashes(after) => {
              tokio::time::sleep(Duration::from_millis(after)).await;
              return "it crashes";
            }
            Handler::Hangs => {
              handle.stopping().await;
              return "it hangs";
            }
            Handler::Handles(after) => {
              read(world, realm, name, &background_fetch).await;
              tokio::time::sleep(Duration::from_millis(after)).await;
              acknowledge(world, lease, &background_fetch);
            }
          }
        }
      }
    }
  }
}

/// The script sees an event.
fn dispatched(
  world: &World,
  name: &str,
  snapshot: &BackgroundFetchSnapshot,
) -> Handler {
  if world.may_die(Step::Event) != Fate::Lives {
    return Handler::Hangs;
  }
  let mut state = world.state();
  let id = &snapshot.id;
  state.say(&format!("{name} {id}: {:?}", snapshot.diagnostic));
  let rows = state.rows.durable();
  let row = rows.iter().find(|row| row.key == snapshot.key);
  let durable = row.map(|row| row.background_fetch.result);
  if durable.is_none_or(|result| result == BackgroundFetchResult::None) {
    state.broken(format!("{name} of {id} comes before its result is durable"));
  }
  let diagnostic = snapshot.diagnostic.as_deref().unwrap_or_default();
  let says_so =
    diagnostic.contains("damaged") || diagnostic.contains("lost bytes");
  if says_so && !state.promises.may_lack_bytes(snapshot.key) {
    state.broken(format!("{id} has lost bytes: {:?}", snapshot.diagnostic));
  }
  if let Some(promise) = state.promises.of(snapshot.key) {
    let promise = promise.clone();
    if promise.aborted && name != "backgroundfetchabort" {
      state.broken(format!("{name} of {id} after abort() was true"));
    }
    if promise.handled_here {
      state.broken(format!("{name} of {id} comes again after it was handled"));
    }
  }
  let number = id[1..].parse().unwrap_or_default();
  if name == "backgroundfetchfail"
    && state.promises.cannot_fail(number, &state.server)
  {
    state.broken(format!("{id} has failed for no reason: {snapshot:?}"));
  }
  state.handlers.pop().unwrap_or(Handler::Handles(5))
}

fn acknowledge(
  world: &World,
  lease: background_fetch::engine::EventLease,
  snapshot: &BackgroundFetchSnapshot,
) {
  {
    let mut state = world.state();
    state.say(&format!("{} is handled", snapshot.id));
    if let Some(promise) = state.promises.of(snapshot.key) {
      promise.handled = true;
      promise.handled_here = true;
    }
  }
  lease.acknowledge();
}

/// Reads every record, and compares it with what its server had.
async fn read(
  world: &World,
  realm: &Realm,
  name: &str,
  snapshot: &BackgroundFetchSnapshot,
) {
  let key = snapshot.key;
  let records = realm.match_all(key, None, CacheQueryOptions::default());
  let is_success = name == "backgroundfetchsuccess";
  if is_success && records.len() != snapshot.records {
    let found = records.len();
    let mut state = world.state();
    state.broken(format!("{} has {found} records", snapshot.id));
  }
  for record in &records {
    let path = record.request().url.path().to_string();
    let resource = path[2..].split('/').next().unwrap_or_default();
    let resource: usize = resource.parse().unwrap_or_default();
    let whole = whole(record).await;
    if !world.is_alive() {
      return;
    }
    let mut state = world.state();
    match whole {
      Err(error) if is_success && !state.promises.has_made_room(key) => {
        state.broken(format!("{path} cannot be read: {error}"));
      }
      Err(error) => state.say(&format!("{path}: {error}")),
      Ok((status, bytes)) => {
        let length = bytes.len();
        state.say(&format!("{path}: {status}, {length} bytes"));
        let is_ok = (200..300).contains(&status);
        if is_ok && !state.server.has_had(resource, &bytes) {
          state.broken(format!("{path} has {length} wrong bytes"));
        }
      }
    }
  }
}

async fn whole(record: &RecordHandle) -> Result<(u16, Vec<u8>), String> {
  let response = record.response().await.map_err(|e| e.to_string())?;
  let mut bytes = Vec::new();
  loop {
    let more = record.read(bytes.len() as u64, 50_000).await;
    match more.map_err(|error| error.to_string())? {
      Some(more) => bytes.extend_from_slice(&more),
      None => return Ok((response.status, bytes)),
    }
  }
}
