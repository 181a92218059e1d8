//! Leaf types: what a script sees of service workers.

pub(crate) mod message;
pub(crate) mod navigation_preload;
pub(crate) mod script;
pub(crate) mod snapshot;
