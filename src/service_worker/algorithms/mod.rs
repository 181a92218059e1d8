//! The algorithms of the specification, under its names.

pub(crate) mod activate;
pub(crate) mod call;
pub(crate) mod clients;
pub(crate) mod fetch_script;
pub(crate) mod fire;
pub(crate) mod handle_fetch;
pub(crate) mod import;
pub(crate) mod install;
pub(crate) mod navigation_preload;
pub(crate) mod run_jobs;
pub(crate) mod soft_update;
pub(crate) mod start_job;
pub(crate) mod update;
