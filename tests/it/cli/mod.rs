//! The command line, from outside.

pub mod place;

mod control;
mod demo;
mod downloads;
mod get;
mod help;
mod interrupted;
mod kept;
mod kept_downloads;
mod many;
mod network;
mod quarantine;
mod run;
mod screens;
mod script_errors;
mod secrets;
mod service_worker;
#[cfg(unix)]
mod special_files;
mod split;
#[cfg(unix)]
mod terminal;
mod two_commands;
mod usage;
mod ways;
