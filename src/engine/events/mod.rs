//! Functional events: which service worker has which, as a value.

mod dispatcher;
#[cfg(test)]
mod dispatcher_tests;
pub(crate) mod update_queue;

pub use self::dispatcher::Delivery;
pub(super) use self::dispatcher::EventDispatcher;
pub(super) use self::dispatcher::GivenUp;
pub(super) use self::dispatcher::Output;
pub(super) use self::dispatcher::WorkerEnd;
