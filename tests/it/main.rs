//! Black-box tests by subject, in one binary: through the API of the engine,
//! through scripts, through the wire and through the command line.

mod api;
mod api_transfers;
mod borders;
mod browser;
mod cli;
mod dashboard;
mod document_commands;
mod documents;
mod engine;
mod extension;
mod hooked_metadata;
mod idl;
mod network;
mod published;
mod realm_thread;
mod remaining_events;
mod service_worker;
mod steps;
mod store;
mod support_self_test;
mod two_runtimes;
mod types;
