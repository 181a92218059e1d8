//! The WICG [Background Fetch] API as a `deno_core` extension, and the durable
//! engine behind it.
//!
//! [Background Fetch]: https://wicg.github.io/background-fetch/

pub mod display;
pub mod engine;
pub mod extension;
pub mod network;
pub mod service_worker;
pub mod spec;
pub mod store;
