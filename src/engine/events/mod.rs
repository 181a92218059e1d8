//! Values: which service worker has which functional event, and what a reader
//! has still to hear of.

mod dispatcher;
#[cfg(test)]
mod dispatcher_tests;
mod inbox;
#[cfg(test)]
mod inbox_tests;

pub(super) use self::dispatcher::EventDispatcher;
pub(super) use self::dispatcher::GivenUp;
pub(crate) use self::dispatcher::LeaseId;
pub(super) use self::dispatcher::Output;
pub(super) use self::dispatcher::WorkerEnd;
pub(super) use self::inbox::Inbox;
pub(super) use self::inbox::Next;
