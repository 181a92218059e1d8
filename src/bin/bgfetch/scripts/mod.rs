//! Scripts that the command line runs: those of pages and of service workers.

pub(crate) mod evaluations;
pub(crate) mod html;
pub(crate) mod page;
pub(crate) mod registered;
pub(crate) mod script;
pub(crate) mod service_worker;
