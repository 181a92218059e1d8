//! Leaf types: what a script sees of service workers.

pub(crate) mod inbox;
pub(crate) mod script;
pub(crate) mod snapshot;
