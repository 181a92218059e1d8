//! How a service worker is started, and what it needs of the engine.

pub(crate) mod delegate;
pub(crate) mod host;
pub(crate) mod registrations;
pub(crate) mod script;
