//! Running a script until nothing is left to do.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use std::time::Instant;

use deno_core::JsRuntime;
use deno_core::PollEventLoopOptions;
use deno_core::stats::RuntimeActivity;
use deno_core::stats::RuntimeActivityStatsFilter;
use tokio::runtime::Handle;
use tokio::runtime::RuntimeFlavor;

use super::run_error::RunError;
use crate::engine::Realm;

/// What the engine has told may be on its way this long: the updates of a
/// background fetch are coalesced.
const ON_ITS_WAY: Duration = Duration::from_millis(200);

/// Ops that wait for what the engine has to tell, and keep no script alive.
const LISTENING: [&str; 4] = [
  "op_bgfetch_next_message",
  "op_broadcast_next",
  "op_fetch_event_abandoned",
  "op_navigator_online_other_than",
];

/// Ops that wait for what other scripts have to say.
const OPEN: [&str; 4] = [
  "op_event_source_read",
  "op_message_port_recv_message",
  "op_broadcast_recv",
  "op_web_socket_next",
];

enum Turn {
  /// Nothing is left to do.
  End,
  Again,
  /// The script has been running all the time.
  Running,
  /// The script waits for something, and has for a while.
  Waiting,
}

/// Runs the event loop until the script has nothing left to do, no background
/// fetch of the realm's registration is unsettled, and no event is owed.
///
/// A script that waits for what can never happen, because nothing is under way,
/// has nothing left to do either: then this returns while the evaluation of its
/// module is not over. So it does for `navigator.serviceWorker.ready` when no
/// service worker runs.
///
/// The script has been evaluated, or its evaluation begun: from here on,
/// events are delivered.
///
/// `JsRuntime::run_event_loop` returns earlier: waiting for what the engine
/// has to tell keeps no event loop alive by itself.
///
/// # Errors
///
/// The script throws an error, or rejects a promise, and it is not handled:
/// then this may be called again to continue. The engine is shut down. Events
/// are left, and no service worker can be started for them; they are kept. The
/// tokio runtime is not one of a single thread.
pub async fn run_until_idle(
  runtime: &mut JsRuntime,
  realm: &Realm,
) -> Result<(), RunError> {
  run_until(runtime, realm, |runtime, realm, turns| {
    is_stalled(runtime, realm, turns)
  })
  .await
}

/// The same for a script that is evaluated: once it has had a background fetch,
/// and every one has settled with its events handled, an interval
/// (`setInterval`), an open `MessagePort`, `EventSource` or `WebSocket` does not
/// hold it. They never end by themselves, while a single timer does, and
/// may start the next background fetch.
///
/// # Errors
///
/// As for [`run_until_idle`].
pub async fn run_until_settled(
  runtime: &mut JsRuntime,
  realm: &Realm,
) -> Result<(), RunError> {
  let is_over = |runtime: &mut JsRuntime, realm: &Realm, turns: u32| {
    is_stalled(runtime, realm, turns) || is_settled(runtime, realm)
  };
  run_until(runtime, realm, is_over).await
}

async fn run_until(
  runtime: &mut JsRuntime,
  realm: &Realm,
  is_over: impl Fn(&mut JsRuntime, &Realm, u32) -> bool,
) -> Result<(), RunError> {
  check_tokio()?;
  super::deliver_events(runtime);
  let mut was_over = false;
  loop {
    let mut stopped = pin!(realm.stopped());
    let mut at_rest = pin!(realm.rest());
    let mut waiting = pin!(tokio::time::sleep(ON_ITS_WAY));
    let mut turns = 0;
    let turn = poll_fn(|cx| {
      turns += 1;
      if stopped.as_mut().poll(cx).is_ready() {
        return Poll::Ready(Err(RunError::Stopped));
      }
      // Asked before the event loop is polled: what was sent until now is
      // handled below, and may start something new.
      let was_at_rest = realm.is_at_rest();
      let began = Instant::now();
      let script =
        runtime.poll_event_loop(cx, PollEventLoopOptions::default())?;
      let has_run = began.elapsed();
      if script.is_ready() && was_at_rest && realm.is_at_rest() {
        return Poll::Ready(Ok::<_, RunError>(Turn::End));
      }
      // Running is not waiting, though nothing is under way meanwhile.
      if has_run >= ON_ITS_WAY {
        return Poll::Ready(Ok(Turn::Running));
      }
      // While something is running, its end wakes this task, and everything
      // is asked again. Otherwise the script alone is waited for.
      if !was_at_rest {
        return at_rest.as_mut().poll(cx).map(|()| Ok(Turn::Again));
      }
      waiting.as_mut().poll(cx).map(|()| Ok(Turn::Waiting))
    })
    .await?;
    match turn {
      Turn::End => return Ok(realm.outcome()?),
      Turn::Again => tokio::task::yield_now().await,
      Turn::Running => {
        was_over = false;
        tokio::task::yield_now().await;
      }
      Turn::Waiting => {
        let is_over = is_over(runtime, realm, turns);
        if is_over && was_over {
          return Ok(realm.outcome()?);
        }
        was_over = is_over;
      }
    }
  }
}

/// `deno_core` panics on another runtime, in the middle of a script.
fn check_tokio() -> Result<(), RunError> {
  let current = Handle::try_current().map_err(|_| RunError::Tokio)?;
  match current.runtime_flavor() {
    RuntimeFlavor::CurrentThread => Ok(()),
    _ => Err(RunError::Tokio),
  }
}

/// A script that waits is polled when the wait begins and when it is over, and
/// perhaps once more for what has come to nothing. One with more turns
/// continues: its ops may end so fast that none is ever seen under way.
const TURNS_OF_A_WAIT: u32 = 3;

/// Whether nothing is under way, here or in the engine, that could make the
/// script continue, after it had so many `turns` while it was looked at.
fn is_stalled(runtime: &mut JsRuntime, realm: &Realm, turns: u32) -> bool {
  turns <= TURNS_OF_A_WAIT
    && is_active_only_with(runtime, is_listening)
    && realm.is_at_rest()
    && !realm.engine().service_workers().any_is_running()
}

/// Whether the script has had background fetches, all is done with them, and
/// what it still does has no end of its own.
fn is_settled(runtime: &mut JsRuntime, realm: &Realm) -> bool {
  let is_endless = |activity: &RuntimeActivity| match activity {
    RuntimeActivity::Interval(..) => true,
    RuntimeActivity::AsyncOp(_, _, op) => OPEN.contains(op),
    _ => false,
  };
  realm.has_had_background_fetch()
    && is_active_only_with(runtime, |a| is_listening(a) || is_endless(a))
    && realm.is_at_rest()
    && !realm.engine().has_service_worker_events()
}

fn is_listening(activity: &RuntimeActivity) -> bool {
  matches!(activity, RuntimeActivity::AsyncOp(_, _, op) if LISTENING.contains(op))
}

/// Whether the script does nothing but what `is_allowed`.
fn is_active_only_with(
  runtime: &mut JsRuntime,
  is_allowed: impl Fn(&RuntimeActivity) -> bool,
) -> bool {
  let filter = RuntimeActivityStatsFilter::default()
    .with_ops()
    .with_timers();
  let activities = runtime.runtime_activity_stats_factory().capture(&filter);
  activities.dump().active.iter().all(is_allowed)
    && !runtime.v8_isolate().has_pending_background_tasks()
}
