//! What has come of what a user or an embedder does.

/// What [`Engine::abort`](super::Engine::abort) has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum AbortOutcome {
  /// It is aborted, durably.
  Aborted,
  /// There is no such background fetch, or it is not active any more: it has
  /// settled, or was aborted before.
  NotActive,
}

/// What [`Engine::pause`](super::Engine::pause) has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum PauseOutcome {
  /// It is paused.
  Paused,
  /// It was paused before.
  AlreadyPaused,
  /// A request that is not a `GET` is on its way, and could not be repeated.
  CannotPause,
  /// There is no such background fetch, or it has settled.
  NotActive,
}

/// What [`Engine::unpause`](super::Engine::unpause) has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum UnpauseOutcome {
  /// It continues.
  Unpaused,
  /// It was not paused.
  NotPaused,
  /// There is no such background fetch, or it has nothing left to continue.
  NotActive,
}

/// What [`Engine::click`](super::Engine::click) has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum ClickOutcome {
  /// The event is fired.
  Fired,
  /// There is no such background fetch.
  Unknown,
}

/// What [`Engine::click_notification`](super::Engine::click_notification) and
/// [`Engine::dismiss_notification`](super::Engine::dismiss_notification) have
/// come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum NotificationOutcome {
  /// The event is fired at the service worker.
  Fired,
  /// The notification is not shown, or there is no listener for its event.
  NotShown,
}

/// What [`Engine::retry`](super::Engine::retry) and
/// [`Engine::retry_at`](super::Engine::retry_at) have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum RetryOutcome {
  /// It is active again.
  Retried,
  /// There is no such background fetch, or it is not retained.
  NotRetained,
  /// It has succeeded, or was aborted.
  NotFailed,
  /// Another one with its id is active.
  IdInUse,
  /// It has more than one request, and a new URL can be for one only.
  ManyRequests,
}

/// What [`Engine::redeliver`](super::Engine::redeliver) has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum RedeliverOutcome {
  /// The event is fired again.
  Redelivered,
  /// There is no such background fetch, or no event of it is undelivered.
  NotUndelivered,
}

/// What [`Engine::delete`](super::Engine::delete) has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum DeleteOutcome {
  /// It is deleted, with its bytes.
  Deleted,
  /// There is no such background fetch, or it is not retained.
  NotRetained,
}
