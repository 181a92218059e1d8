//! Running a script until nothing is left to do.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use deno_core::JsRuntime;
use deno_core::PollEventLoopOptions;
use deno_core::error::CoreError;

use crate::engine::Realm;

/// Runs the event loop until the script has nothing left to do, no background
/// fetch of the realm's registration is unsettled, and no event is owed.
///
/// The script has been evaluated, or its evaluation begun: from here on,
/// events are delivered.
///
/// `JsRuntime::run_event_loop` returns earlier: waiting for what the engine
/// has to tell keeps no event loop alive by itself.
pub async fn run_until_idle(
  runtime: &mut JsRuntime,
  realm: &Realm,
) -> Result<(), CoreError> {
  super::deliver_events(runtime);
  loop {
    let mut idle = pin!(realm.idle());
    let done = poll_fn(|cx| {
      // Asked before the event loop is polled: what was sent until now is
      // handled below, and may start something new.
      let was_idle = realm.is_idle();
      let script =
        runtime.poll_event_loop(cx, PollEventLoopOptions::default())?;
      if script.is_ready() && was_idle && realm.is_idle() {
        return Poll::Ready(Ok(true));
      }
      // While something is going on, its end wakes this task, and everything
      // is asked again. Otherwise the script alone is waited for.
      if !was_idle && idle.as_mut().poll(cx).is_ready() {
        return Poll::Ready(Ok(false));
      }
      Poll::Pending
    })
    .await;
    match done {
      Ok(true) => return Ok(()),
      Ok(false) => tokio::task::yield_now().await,
      Err(error) => return Err(error),
    }
  }
}
