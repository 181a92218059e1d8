//! Functional events: which service worker has which, as a value.

mod dispatcher;
#[cfg(test)]
mod dispatcher_tests;
pub(crate) mod update_queue;

pub(super) use self::dispatcher::EventDispatcher;
pub use self::dispatcher::EventLease;
pub(super) use self::dispatcher::GivenUp;
pub(super) use self::dispatcher::Output;
pub(super) use self::dispatcher::WorkerEnd;
