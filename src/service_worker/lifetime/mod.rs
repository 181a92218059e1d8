//! The life of a worker and of a realm: start, stop, attach, restore.

pub(crate) mod activity;
pub(crate) mod attach;
pub(crate) mod handle;
pub(crate) mod restore;
pub(crate) mod run;
pub(crate) mod stop;
