//! Values: which service worker has which functional event, and what is still
//! to be delivered to a reader.

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
