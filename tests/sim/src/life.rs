//! One process, from its start to its end: an engine, a page that calls the
//! API, and service workers that are small programs.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use background_fetch::engine::AbortOutcome;
use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::CheckpointPolicy;
use background_fetch::engine::Concurrency;
use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::NewRecord;
use background_fetch::engine::PauseOutcome;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmMessage;
use background_fetch::engine::RealmOptions;
use background_fetch::engine::RetryOutcome;
use background_fetch::engine::RetryPolicy;
use background_fetch::engine::RetryStatuses;
use background_fetch::engine::SegmentPolicy;
use background_fetch::engine::StartError;
use background_fetch::engine::UnpauseOutcome;
use background_fetch::network::NetworkConfig;
use background_fetch::network::NetworkPolicy;
use background_fetch::network::Proxy;
use background_fetch::service_worker::Call;
use background_fetch::service_worker::ServiceWorkerMessage;
use background_fetch::service_worker::UpdateViaCache;
use background_fetch::service_worker::WorkerType;
use background_fetch::spec::Request;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::SMALL_BODY;
use background_fetch::store::Store;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use url::Url;

use crate::disk::file_system;
use crate::plan::Act;
use crate::plan::How;
use crate::plan::Plan;
use crate::rows::SimRows;
use crate::server;
use crate::server::SimTransport;
use crate::workers::SimHost;
use crate::world::World;

/// Whether the page has a service worker. Not one of tokio's channels that many
/// may watch: those wake their readers in an order of chance.
#[derive(Default)]
struct Ready {
  is_set: AtomicBool,
  changed: Notify,
}

impl Ready {
  fn set(&self) {
    self.is_set.store(true, Ordering::Relaxed);
    self.changed.notify_waiters();
  }

  async fn wait(&self) {
    let changed = self.changed.notified();
    if !self.is_set.load(Ordering::Relaxed) {
      changed.await;
    }
  }
}

/// How a process came to its end.
pub enum End {
  Died(How),
  /// The history is over.
  Finished,
}

/// Longer than anything that is retried may take: the longest wait for a
/// server is an hour, and a handler that hangs has three tries of ten minutes.
const LIVENESS: Duration = Duration::from_secs(6 * 60 * 60);

/// Longer than what was left behind is kept.
const ORPHANS: Duration = Duration::from_secs(3 * 60 * 60);

/// Runs one process. `next` is the first act that is still to come.
pub async fn live(world: &World, plan: &Arc<Plan>, next: &mut usize) -> End {
  tokio::select! {
    biased;
    how = world.died() => End::Died(how),
    () = world.dies_in_time() => End::Died(world.died().await),
    end = run(world, plan, next) => end,
  }
}

fn config(world: &World, plan: &Plan) -> EngineConfig {
  let settings = &plan.settings;
  EngineConfig {
    network: NetworkConfig {
      transport: Some(Arc::new(SimTransport(world.clone()))),
      proxy: Proxy::Direct,
      ..NetworkConfig::default()
    },
    retry: RetryPolicy {
      statuses: match settings.retry_statuses {
        true => RetryStatuses::Programs,
        false => RetryStatuses::None,
      },
      ..RetryPolicy::default()
    },
    concurrency: Concurrency {
      total: settings.total,
      per_background_fetch: settings.per_background_fetch,
      per_host: settings.per_host,
    },
    segments: SegmentPolicy {
      max: settings.segments,
      min_size: 8_000,
    },
    byte_budget: settings.byte_budget,
    checkpoint: CheckpointPolicy {
      bytes: settings.checkpoint,
      ..CheckpointPolicy::default()
    },
    service_worker_host: Some(Arc::new(SimHost(world.clone()))),
    platform: Arc::new(world.clone()),
    ..EngineConfig::default()
  }
}

async fn here(
  world: &World,
  plan: &Plan,
  store: Store,
) -> Result<Engine, StartError> {
  let builder = Engine::builder().config(config(world, plan));
  builder.runtime(Handle::current()).start(store).await
}

async fn start(world: &World, plan: &Plan) -> Engine {
  loop {
    let rows = Arc::new(SimRows(world.clone()));
    let platform = Arc::new(world.clone());
    let opened = Store::on_file_system(rows, file_system(world), platform);
    let error = match opened {
      Err(error) => error.to_string(),
      Ok(store) => match here(world, plan, store).await {
        Ok(engine) => return engine,
        Err(error) => error.to_string(),
      },
    };
    world.say(&format!("the engine does not start: {error}"));
    tokio::time::sleep(Duration::from_secs(1)).await;
  }
}

pub fn scope() -> Url {
  "http://localhost/app/".parse().expect("a URL")
}

async fn run(world: &World, plan: &Arc<Plan>, next: &mut usize) -> End {
  world.state().promises.process_begins();
  let engine = start(world, plan).await;
  world.say("the engine runs");
  restored(world, &engine);
  let ready = Arc::new(Ready::default());
  let page = engine.attach(RealmOptions {
    policy: NetworkPolicy::Server,
    keep_failed: plan.settings.keep_failed,
    ..RealmOptions::new(RealmKind::Window, scope().join("page").expect("a URL"))
  });
  tokio::spawn(register(world.clone(), page.clone(), ready.clone()));
  tokio::select! {
    biased;
    () = world.leaves_in_time() => {
      world.say("it is asked to end");
      engine.shutdown().await;
      End::Died(How::Shutdown)
    }
    () = go_on(world, plan, next, &engine, &page, &ready) => End::Finished,
  }
}

/// What the world does to a process, and then how everything ends.
async fn go_on(
  world: &World,
  plan: &Arc<Plan>,
  next: &mut usize,
  engine: &Engine,
  page: &Realm,
  ready: &Arc<Ready>,
) {
  let mut tasks = JoinSet::new();
  while let Some((at, act)) = plan.acts.get(*next) {
    let now = world.state().now().as_millis() as u64;
    if now < *at {
      tokio::time::sleep(Duration::from_millis(at - now)).await;
    }
    *next += 1;
    let moment = Moment {
      world,
      plan,
      engine,
      page,
      ready,
    };
    moment.perform(act, &mut tasks);
  }
  // While this process still has to die, it goes on for a while.
  let longest = Duration::from_secs(30);
  let dies = !world.state().calm && world.has_death();
  if dies {
    tokio::time::sleep(longest).await;
  }
  calm(world, engine, tasks).await;
}

/// What a process that begins has to know.
fn restored(world: &World, engine: &Engine) {
  let found = engine.background_fetches();
  let mut state = world.state();
  state.promises.tails_are_uncertain = false;
  let expected = std::mem::take(&mut state.promises.bytes);
  let is_full = state.disk.is_full();
  let found_bytes = |key| {
    let is_known = found.iter().any(|snapshot| snapshot.key == key);
    is_known.then(|| engine.stored_bytes(key))
  };
  for (key, record, bytes) in expected {
    let Some(found) = found_bytes(key) else {
      continue;
    };
    // There may be no space for the file of a small body.
    let has_space = bytes > SMALL_BODY || !is_full;
    let is_kept = has_space && !state.promises.flushes_have_failed;
    if found[record] < bytes && is_kept {
      let found = found[record];
      state.broken(format!(
        "record {record} of {} continues at {found}, not at {bytes}",
        key.0
      ));
    }
  }
  for snapshot in &found {
    let number = snapshot.id[1..].parse::<usize>().unwrap_or_default();
    let promise = &mut state.promises.fetches[number];
    // `fetch()` may not have answered.
    promise.key.get_or_insert(snapshot.key);
    promise.asked = false;
    let paused = promise.paused;
    if let Some(paused) = paused
      && paused != snapshot.paused
      && !snapshot.quarantined
      && !snapshot.is_settled()
    {
      let id = &snapshot.id;
      state.broken(format!("{id} was paused: {paused}, and is not after all"));
    }
  }
  for number in 0..state.promises.fetches.len() {
    let promise = &mut state.promises.fetches[number];
    promise.asked = false;
    if let Some(key) = promise.key
      && !promise.handled
      && !found.iter().any(|snapshot| snapshot.key == key)
    {
      state.broken(format!("the background fetch f{number} is lost"));
    }
  }
}

/// The page registers its service worker, and waits until it is active.
async fn register(world: World, page: Realm, ready: Arc<Ready>) {
  let mut call = 0;
  loop {
    call += 2;
    page.call(
      call,
      Call::Register {
        script_url: scope().join("sw.js").expect("a URL"),
        scope: Some(scope()),
        worker_type: WorkerType::Classic,
        update_via_cache: UpdateViaCache::Imports,
      },
    );
    page.call(call + 1, Call::Ready);
    loop {
      let RealmMessage::ServiceWorker(message) = page.next_message().await
      else {
        continue;
      };
      let ServiceWorkerMessage::Reply { call, result } = message else {
        continue;
      };
      match result {
        Err(error) => {
          world.say(&format!("call {call} is refused: {error}"));
          tokio::time::sleep(Duration::from_secs(1)).await;
          break;
        }
        Ok(_) if call % 2 == 1 => {
          world.say("the service worker is active");
          ready.set();
        }
        Ok(_) => {}
      }
    }
  }
}

/// Where something is done.
struct Moment<'a> {
  world: &'a World,
  plan: &'a Arc<Plan>,
  engine: &'a Engine,
  page: &'a Realm,
  ready: &'a Arc<Ready>,
}

impl Moment<'_> {
  /// What takes its time goes on in a task.
  fn perform(&self, act: &Act, tasks: &mut JoinSet<()>) {
    let Self {
      world,
      plan,
      engine,
      page,
      ready,
    } = *self;
    let mut state = world.state();
    let now = state.now().as_millis() as u64;
    state.say(&format!("{act:?}"));
    let key_of = |number: usize| state.promises.fetches[number].key;
    match *act {
      Act::Fetch(number) => {
        let ready = ready.clone();
        let (world, plan) = (world.clone(), plan.clone());
        let page = page.clone();
        tasks.spawn(async move {
          ready.wait().await;
          fetch(world, plan, page, number).await;
        });
      }
      Act::Pause(number) | Act::Unpause(number) => {
        let pauses = matches!(act, Act::Pause(_));
        let Some(key) = key_of(number) else { return };
        state.promises.fetches[number].paused = None;
        tasks.spawn(pause(world.clone(), engine.clone(), number, key, pauses));
      }
      Act::Abort(number) => {
        let Some(key) = key_of(number) else { return };
        tasks.spawn(abort(world.clone(), page.clone(), number, key));
      }
      Act::Change(resource) => {
        let time = state.true_time();
        state.server.change(resource, time);
      }
      Act::Offline(millis) => state.server.go_offline(now + millis),
      Act::SetClock(seconds) => state.set_clock(seconds),
      Act::FullDisk(room, millis) => {
        state.promises.disk_was_full = true;
        state.disk.fill(room, now + millis);
      }
      Act::FailingFlush(times) => {
        state.promises.flushes_have_failed = true;
        state.disk.fail_flushes(times);
      }
      Act::FailingRows(times, full) => {
        state.promises.rows_have_failed = true;
        state.promises.rows_were_full |= full;
        state.rows.fail(times, full);
      }
    }
  }
}

async fn fetch(world: World, plan: Arc<Plan>, page: Realm, number: usize) {
  {
    let mut state = world.state();
    state.promises.fetches[number].asked = true;
  }
  let mut records = Vec::new();
  for (index, record) in plan.fetches[number].records.iter().enumerate() {
    let mut request = Request::get(server::url(record.resource, number, index));
    let mut body = None;
    if let Some(length) = record.upload {
      request.method = "POST".into();
      match upload(&page, length).await {
        Ok(stored) => body = Some(stored),
        Err(error) => {
          return world.say(&format!("f{number}: no body: {error}"));
        }
      }
    }
    records.push(NewRecord { request, body });
  }
  let options = BackgroundFetchOptions {
    download_total: plan.fetches[number].download_total,
    ..BackgroundFetchOptions::default()
  };
  let answer = page.fetch(format!("f{number}"), records, options).await;
  if !world.is_alive() {
    return;
  }
  let mut state = world.state();
  match answer {
    Ok(snapshot) => {
      state.say(&format!("f{number} is registered as {}", snapshot.key.0));
      let promise = &mut state.promises.fetches[number];
      promise.key = Some(snapshot.key);
      promise.asked = false;
      let key = snapshot.key;
      let row = state.rows.durable().into_iter().find(|row| row.key == key);
      if row.is_none() {
        state.broken(format!("f{number} is not durable, and fetch() resolves"));
      }
    }
    Err(error) => state.say(&format!("f{number} is refused: {error}")),
  }
}

async fn upload(
  page: &Realm,
  length: u64,
) -> Result<
  background_fetch::engine::RequestBodyHandle,
  background_fetch::engine::FetchError,
> {
  let mut writer = page.create_request_body().await?;
  let mut left = length as usize;
  while left > 0 {
    let chunk = left.min(30_000);
    writer.write(Bytes::from(vec![7; chunk])).await?;
    left -= chunk;
  }
  Ok(writer.finish())
}

async fn pause(
  world: World,
  engine: Engine,
  number: usize,
  key: BackgroundFetchKey,
  pauses: bool,
) {
  let answer = match pauses {
    true => engine.pause(key).await.map(|o| o == PauseOutcome::Paused),
    false => engine
      .unpause(key)
      .await
      .map(|o| o == UnpauseOutcome::Unpaused),
  };
  drop(engine);
  if !world.is_alive() {
    return;
  }
  let mut state = world.state();
  let word = if pauses { "pause" } else { "unpause" };
  state.say(&format!("{word} f{number}: {answer:?}"));
  if let Ok(true) = answer {
    state.promises.fetches[number].paused = Some(pauses);
  }
}

async fn abort(
  world: World,
  page: Realm,
  number: usize,
  key: BackgroundFetchKey,
) {
  let answer = page.abort(key).await.map(|o| o == AbortOutcome::Aborted);
  drop(page);
  if !world.is_alive() {
    return;
  }
  let mut state = world.state();
  state.say(&format!("abort f{number}: {answer:?}"));
  if let Ok(true) = answer {
    state.promises.fetches[number].aborted = true;
    state.promises.fetches[number].paused = None;
  }
}

/// Continues a failed download, once; then it is not wanted any more.
async fn try_again(
  world: &World,
  engine: &Engine,
  snapshot: &BackgroundFetchSnapshot,
  retried: &mut Vec<BackgroundFetchKey>,
) {
  let key = snapshot.key;
  let is_first = !retried.contains(&key);
  retried.push(key);
  world.say(&format!("retry {}: {is_first}", snapshot.id));
  if is_first {
    // What it sends, it sends again, and it has another event.
    let of_it = format!("/{}.", &snapshot.id[1..]);
    world.forget_uploads(&of_it);
    world.expect_event(key, true);
    if matches!(engine.retry(key).await, Ok(RetryOutcome::Retried)) {
      return;
    }
    world.expect_event(key, false);
  }
  let _ = engine.delete(key).await;
}

/// Nothing goes wrong any more: everything has to come to its end, and nothing
/// may be left.
async fn calm(world: &World, engine: &Engine, mut tasks: JoinSet<()>) {
  world.state().calm_down();
  let mut retried = Vec::new();
  let settling = async {
    while tasks.join_next().await.is_some() {}
    loop {
      for snapshot in engine.background_fetches() {
        if snapshot.paused && !snapshot.is_settled() {
          world.say(&format!("unpause {}", snapshot.id));
          let _ = engine.unpause(snapshot.key).await;
        }
      }
      // It may still be paused.
      let scope = scope();
      let settled = engine.until_settled(&scope);
      let _ = tokio::time::timeout(Duration::from_secs(60), settled).await;
      let rest = engine.background_fetches();
      if rest.is_empty() {
        break;
      }
      for snapshot in rest {
        match &snapshot.retained {
          Some(retained) if retained.undelivered.is_some() => {
            world.say(&format!("redeliver {}", snapshot.id));
            let _ = engine.redeliver(snapshot.key).await;
          }
          Some(_) => {
            try_again(world, engine, &snapshot, &mut retried).await;
          }
          None => {}
        }
      }
      tokio::time::sleep(Duration::from_secs(1)).await;
    }
  };
  if tokio::time::timeout(LIVENESS, settling).await.is_err() {
    let rest = engine.background_fetches();
    let mut state = world.state();
    for snapshot in rest {
      let (id, key) = (&snapshot.id, snapshot.key);
      state.broken(format!(
        "{id} ({}) never comes to its end: {:?} {:?}, paused {}, {} bytes, \
         waits for {:?}, retained {:?}",
        key.0,
        snapshot.result,
        snapshot.failure_reason,
        snapshot.paused,
        snapshot.downloaded,
        snapshot.waiting,
        snapshot.retained,
      ));
    }
    if state.promises.broken.is_empty() {
      state.broken("the engine never comes to rest".into());
    }
    return;
  }
  world.say("everything has settled");
  tokio::time::sleep(ORPHANS).await;
  let mut state = world.state();
  for number in 0..state.promises.fetches.len() {
    let promise = &state.promises.fetches[number];
    if promise.key.is_some() && !promise.handled {
      state.broken(format!("f{number} has had no event"));
    }
  }
  let rows = state.rows.durable();
  for row in rows {
    state.broken(format!("a row is left of {}", row.background_fetch.id));
  }
  for body in state.disk.bodies() {
    state.broken(format!("a body is left: {body}"));
  }
  for (path, times) in state.server.uploads.clone() {
    if times > 1 {
      state.broken(format!("the body for {path} was sent {times} times"));
    }
  }
}
