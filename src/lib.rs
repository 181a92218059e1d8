//! The WICG [Background Fetch] API as a `deno_core` extension, and the durable
//! engine behind it.
//!
//! [Background Fetch]: https://wicg.github.io/background-fetch/

pub mod control;
pub mod display;
pub mod engine;
pub mod extension;
pub mod network;
pub mod service_worker;
pub mod spec;
pub mod store;

/// The README's example has to compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
