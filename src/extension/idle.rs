//! Running a script until nothing is left to do.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use deno_core::JsRuntime;
use deno_core::PollEventLoopOptions;
use deno_core::error::CoreError;
use deno_core::stats::RuntimeActivity;
use deno_core::stats::RuntimeActivityStatsFilter;

use crate::engine::Realm;

/// What the engine has told may be on its way this long: the updates of a
/// background fetch are coalesced.
const ON_ITS_WAY: Duration = Duration::from_millis(200);

/// Ops that wait for what the engine has to tell, and keep no script alive.
const LISTENING: [&str; 4] = [
  "op_bgfetch_next_message",
  "op_broadcast_next",
  "op_navigator_online_other_than",
  "op_service_worker_next_message",
];

enum Turn {
  /// Nothing is left to do.
  End,
  Again,
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
/// The script throws an error, or rejects a promise, and nobody handles it.
/// This may be called again to go on.
pub async fn run_until_idle(
  runtime: &mut JsRuntime,
  realm: &Realm,
) -> Result<(), CoreError> {
  super::deliver_events(runtime);
  let mut was_stalled = false;
  loop {
    let mut idle = pin!(realm.idle());
    let mut waiting = pin!(tokio::time::sleep(ON_ITS_WAY));
    let turn = poll_fn(|cx| {
      // Asked before the event loop is polled: what was sent until now is
      // handled below, and may start something new.
      let was_idle = realm.is_idle();
      let script =
        runtime.poll_event_loop(cx, PollEventLoopOptions::default())?;
      if script.is_ready() && was_idle && realm.is_idle() {
        return Poll::Ready(Ok::<_, CoreError>(Turn::End));
      }
      // While something is going on, its end wakes this task, and everything
      // is asked again. Otherwise the script alone is waited for.
      if !was_idle {
        return idle.as_mut().poll(cx).map(|()| Ok(Turn::Again));
      }
      waiting.as_mut().poll(cx).map(|()| Ok(Turn::Waiting))
    })
    .await?;
    match turn {
      Turn::End => return Ok(()),
      Turn::Again => tokio::task::yield_now().await,
      Turn::Waiting => {
        let is_stalled = is_stalled(runtime, realm);
        if is_stalled && was_stalled {
          return Ok(());
        }
        was_stalled = is_stalled;
      }
    }
  }
}

/// Whether nothing is under way, here or in the engine, that could make the
/// script go on.
fn is_stalled(runtime: &mut JsRuntime, realm: &Realm) -> bool {
  let filter = RuntimeActivityStatsFilter::default()
    .with_ops()
    .with_timers();
  let activities = runtime.runtime_activity_stats_factory().capture(&filter);
  let only_listens = activities.dump().active.iter().all(|activity| {
    matches!(activity, RuntimeActivity::AsyncOp(_, _, op) if LISTENING.contains(op))
  });
  only_listens
    && !runtime.v8_isolate().has_pending_background_tasks()
    && realm.is_idle()
    && !realm.engine().has_service_workers_at_work()
}
