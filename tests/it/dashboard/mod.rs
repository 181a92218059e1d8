//! The dashboard, over HTTP and in a browser.

mod commands;
mod events;
mod guard;
mod harness;
mod program;
#[cfg(unix)]
mod real_browser;
