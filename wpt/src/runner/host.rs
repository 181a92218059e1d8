//! The ops behind `wpt/js`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use background_fetch::engine::AbortOutcome;
use background_fetch::engine::ClickOutcome;
use background_fetch::engine::PauseOutcome;
use background_fetch::engine::PermissionState;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmKind;
use background_fetch::engine::UnpauseOutcome;
use deno_core::OpState;
use deno_core::op2;
use reqwest::Url;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::UnboundedSender;

use super::frame::Frame;
use super::frame::Shown;
use super::outcome::Complete;
use super::outcome::CompleteTest;
use super::outcome::Outcome;
use super::world::World;

/// What the runner and a realm share.
pub struct Host {
  pub world: World,
  pub outcome: Rc<RefCell<Outcome>>,
  /// By the number that the script knows them by.
  frames: HashMap<u32, Frame>,
  /// Who has opened this page.
  opened: Option<Opened>,
  /// For the pages that this one opens.
  messages: UnboundedSender<FromFrame>,
  from_frames: Rc<tokio::sync::Mutex<UnboundedReceiver<FromFrame>>>,
}

/// How a page was opened by another one, and how it can be told.
pub struct Opened {
  messages: UnboundedSender<FromFrame>,
  /// By `window.open()`, not by an `<iframe>`.
  is_window: bool,
}

/// A message to the page that has opened another one.
#[derive(Serialize)]
pub struct FromFrame {
  /// In JSON.
  data: String,
  origin: String,
}

impl Host {
  /// What a page has that `opened`, if it was not the runner.
  pub fn new(
    world: World,
    outcome: Rc<RefCell<Outcome>>,
    opened: Option<Opened>,
  ) -> Self {
    let (messages, from_frames) = mpsc::unbounded_channel();
    Self {
      world,
      outcome,
      frames: HashMap::new(),
      opened,
      messages,
      from_frames: Rc::new(tokio::sync::Mutex::new(from_frames)),
    }
  }
}

deno_core::extension!(
  wpt_host,
  deps = [background_fetch],
  ops = [
    op_wpt_add_csp,
    op_wpt_close_frame,
    op_wpt_complete,
    op_wpt_display,
    op_wpt_load,
    op_wpt_log,
    op_wpt_next_from_frame,
    op_wpt_open_frame,
    op_wpt_opened_by,
    op_wpt_post_to_opener,
    op_wpt_realm_kind,
    op_wpt_restart,
    op_wpt_restarts,
    op_wpt_result,
    op_wpt_set_permission,
    op_wpt_set_quota,
    op_wpt_timeout_multiplier,
  ],
  esm_entry_point = "ext:wpt_host/start.js",
  esm = [dir "js", "start.js"],
  lazy_loaded_js = [dir "js", "document.js", "frames.js", "host.js"],
  options = { host: Host },
  state = |state, options| state.put(options.host),
);

#[op2]
#[string]
fn op_wpt_realm_kind(state: &mut OpState) -> &'static str {
  match state.borrow::<Realm>().options().kind {
    RealmKind::Window => "window",
    RealmKind::DedicatedWorker => "dedicated-worker",
    RealmKind::SharedWorker => "shared-worker",
    RealmKind::ServiceWorker => "service-worker",
  }
}

/// The text of a script; none when it cannot be loaded.
#[op2]
#[string]
fn op_wpt_load(state: &mut OpState, #[string] url: &str) -> Option<String> {
  let loader = state.borrow::<Host>().world.setting.loader.clone();
  let text = match Url::parse(url) {
    Ok(url) => loader.load_script_blocking(url),
    Err(error) => Err(format!("{url}: {error}")),
  };
  match text {
    Ok(text) => Some(text),
    Err(error) => {
      state
        .borrow::<Host>()
        .world
        .log
        .line(&format!("load: {error}"));
      None
    }
  }
}

#[op2]
fn op_wpt_complete(state: &mut OpState, #[serde] complete: Complete) {
  // The first one counts: a worker's harness may be told twice to end.
  let outcome = &state.borrow::<Host>().outcome;
  outcome.borrow_mut().complete.get_or_insert(complete);
}

#[op2]
fn op_wpt_result(state: &mut OpState, #[serde] result: CompleteTest) {
  let outcome = &state.borrow::<Host>().outcome;
  outcome.borrow_mut().ended.push(result);
}

/// Ends the engine and everything on it; the page is then opened once more.
#[op2(fast)]
fn op_wpt_restart(state: &mut OpState) {
  state.borrow::<Host>().outcome.borrow_mut().restart = true;
}

#[op2(fast)]
fn op_wpt_restarts(state: &mut OpState) -> u32 {
  state.borrow::<Host>().world.restarts
}

/// Opens another page, and resolves when it is loaded with what there is to
/// know of it, or with nothing when it could not be.
#[op2]
#[serde]
async fn op_wpt_open_frame(
  state: Rc<RefCell<OpState>>,
  number: u32,
  #[string] url: String,
  is_window: bool,
) -> Option<Shown> {
  let url = Url::parse(&url).ok()?;
  let (world, from, opened) = {
    let state = state.borrow();
    let host = state.borrow::<Host>();
    let opened = Opened {
      messages: host.messages.clone(),
      is_window,
    };
    let from = state.borrow::<Realm>().options().url.clone();
    (host.world.clone(), from, opened)
  };
  let log = world.log.clone();
  let (frame, loaded) = Frame::open(world, url, from, opened);
  // The loan of the state ends before the wait.
  let insert = |frame| {
    let mut state = state.borrow_mut();
    state.borrow_mut::<Host>().frames.insert(number, frame);
  };
  insert(frame);
  match loaded.await {
    Ok(Ok(shown)) => Some(shown),
    Ok(Err(error)) => {
      log.line(&format!("frame: {error}"));
      None
    }
    // The frame was closed before.
    Err(_) => None,
  }
}

/// What has opened this page: `iframe`, `window`, or nothing.
#[op2]
#[string]
fn op_wpt_opened_by(state: &mut OpState) -> &'static str {
  match &state.borrow::<Host>().opened {
    None => "",
    Some(Opened {
      is_window: true, ..
    }) => "window",
    Some(_) => "iframe",
  }
}

#[op2(fast)]
fn op_wpt_post_to_opener(
  state: &mut OpState,
  #[string] data: String,
  #[string] origin: String,
) {
  if let Some(opened) = &state.borrow::<Host>().opened {
    // Who has opened it may be gone.
    let _ = opened.messages.send(FromFrame { data, origin });
  }
}

/// Waits for a message of a page that this one has opened.
#[op2]
#[serde]
async fn op_wpt_next_from_frame(
  state: Rc<RefCell<OpState>>,
) -> Option<FromFrame> {
  let from_frames = state.borrow().borrow::<Host>().from_frames.clone();
  from_frames.lock().await.recv().await
}

/// Closes it: its realm ends.
#[op2(fast)]
fn op_wpt_close_frame(state: &mut OpState, number: u32) {
  state.borrow_mut::<Host>().frames.remove(&number);
}

#[op2(fast)]
fn op_wpt_timeout_multiplier(state: &mut OpState) -> f64 {
  state.borrow::<Host>().world.setting.timeout_multiplier
}

#[op2(fast)]
fn op_wpt_log(state: &mut OpState, #[string] text: &str) {
  state.borrow::<Host>().world.log.line(text);
}

#[op2(fast)]
fn op_wpt_set_permission(
  state: &mut OpState,
  #[string] name: &str,
  #[string] permission: &str,
) {
  if name == "background-fetch" {
    *state.borrow::<Host>().world.permission.lock() = match permission {
      "granted" => PermissionState::Granted,
      "denied" => PermissionState::Denied,
      _ => PermissionState::Prompt,
    };
  }
}

#[op2(fast)]
fn op_wpt_set_quota(state: &mut OpState, bytes: f64) {
  // Numbers that are none become zero.
  let quota = &state.borrow::<Host>().world.quota;
  quota.store(bytes as u64, Ordering::Relaxed);
}

/// What a user does to the display of the active background fetch `id`.
#[op2]
async fn op_wpt_display(
  state: Rc<RefCell<OpState>>,
  #[string] id: String,
  #[string] action: String,
) -> bool {
  let realm = state.borrow().borrow::<Realm>().clone();
  let Some(key) = realm.get(&id).map(|snapshot| snapshot.key) else {
    return false;
  };
  let engine = realm.engine();
  match action.as_str() {
    // An error is the store's, which is in memory here.
    "pause" => matches!(engine.pause(key).await, Ok(PauseOutcome::Paused)),
    "resume" => {
      matches!(engine.unpause(key).await, Ok(UnpauseOutcome::Unpaused))
    }
    "abort" => matches!(engine.abort(key).await, Ok(AbortOutcome::Aborted)),
    _ => engine.click(key) == ClickOutcome::Fired,
  }
}

#[op2(fast)]
fn op_wpt_add_csp(state: &mut OpState, #[string] policy: &str) {
  state.borrow::<Realm>().add_csp(policy.into());
}
