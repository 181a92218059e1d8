//! The command line, from outside.

#[path = "cli/place.rs"]
mod place;
mod support;

#[path = "cli/control.rs"]
mod control;
#[path = "cli/demo.rs"]
mod demo;
#[path = "cli/downloads.rs"]
mod downloads;
#[path = "cli/get.rs"]
mod get;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/interrupted.rs"]
mod interrupted;
#[path = "cli/kept.rs"]
mod kept;
#[path = "cli/kept_downloads.rs"]
mod kept_downloads;
#[path = "cli/network.rs"]
mod network;
#[path = "cli/quarantine.rs"]
mod quarantine;
#[path = "cli/run.rs"]
mod run;
#[path = "cli/script_errors.rs"]
mod script_errors;
#[path = "cli/secrets.rs"]
mod secrets;
#[path = "cli/service_worker.rs"]
mod service_worker;
#[cfg(unix)]
#[path = "cli/special_files.rs"]
mod special_files;
#[cfg(unix)]
#[path = "cli/terminal.rs"]
mod terminal;
#[path = "cli/usage.rs"]
mod usage;
#[path = "cli/ways.rs"]
mod ways;
