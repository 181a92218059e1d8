//! The WICG [Background Fetch] API as a `deno_core` extension, and the durable
//! engine behind it: transfers that outlive the code that started them.
//!
//! # A first runtime
//!
//! ```
//! use background_fetch::engine::{Engine, RealmKind, RealmOptions};
//! use background_fetch::extension::{ExtensionOptions, extensions, realm};
//! use background_fetch::extension::{run_script, run_until_idle};
//! use background_fetch::store::Store;
//! use deno_core::{JsRuntime, RuntimeOptions};
//!
//! # fn server() -> std::io::Result<String> {
//! #   let server = std::net::TcpListener::bind("127.0.0.1:0")?;
//! #   let origin = format!("http://{}", server.local_addr()?);
//! #   std::thread::spawn(move || {
//! #     use std::io::{BufRead, BufReader, Write};
//! #     let (mut client, _) = server.accept().unwrap();
//! #     let head = BufReader::new(client.try_clone().unwrap()).lines();
//! #     head.take_while(|line| !line.as_ref().unwrap().is_empty()).count();
//! #     client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
//! #   });
//! #   Ok(origin)
//! # }
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!   let origin = "https://example.com";
//! # let origin = server()?;
//!   // `Engine::open("downloads")` keeps everything in a directory.
//!   let engine = Engine::builder().start(Store::in_memory()).await?;
//!   let url = format!("{origin}/app/sw.js").parse()?;
//!   let options = RealmOptions::new(RealmKind::ServiceWorker, url);
//!   let mut js = JsRuntime::new(RuntimeOptions {
//!     extensions: extensions(&engine, options, ExtensionOptions::default()),
//!     ..Default::default()
//!   });
//!   run_script(&mut js, "sw.js", r#"
//!     addEventListener("backgroundfetchsuccess", (event) => event.waitUntil((async () => {
//!       const record = await event.registration.match("/greeting");
//!       console.log(await (await record.responseReady).text());
//!     })()));
//!     registration.backgroundFetch.fetch("greeting", "/greeting");
//!   "#)?;
//!   let realm = realm(&mut js);
//!   run_until_idle(&mut js, &realm).await?;
//!   engine.shutdown().await;
//!   Ok(())
//! }
//! ```
//!
//! An [`Engine`] owns a store and its threads. JavaScript runtimes attach to it
//! with [`extension::extensions`] (or, when they have web globals of their own,
//! with [`extension::init`]) and come and go as they like: what they have
//! started continues. A background fetch that was under way when the process
//! ended continues when an engine opens the same store.
//!
//! # Threads
//!
//! [`Engine`], [`Realm`] and everything that they return may be used from every
//! thread, and from any tokio runtime; copies are cheap. An engine has a tokio
//! runtime of its own unless [`EngineBuilder::runtime`](engine::EngineBuilder::runtime)
//! lends it one. A `JsRuntime` stays on its thread, inside of a tokio runtime of
//! one thread: [`extension::run_until_idle`] refuses another one, on which
//! `deno_core` would panic. Service workers run on threads of their own, see
//! [`extension::WorkerThreads`]; with V8 the main thread has called
//! `JsRuntime::init_platform` before.
//!
//! Functions whose names end in `_blocking` wait without a runtime, and must
//! not be called on a thread that drives one; all others return at once or are
//! async. Those are safe to cancel: what has to become durable does, even if
//! the caller is gone. No function here panics unless its documentation says
//! so.
//!
//! # Durability
//!
//! `fetch()` resolves when its registration and its request bodies are on disk;
//! a result is on disk before its event fires; received bytes are made durable
//! as [`CheckpointPolicy`](engine::CheckpointPolicy) says. One process at a time
//! owns a store. End with [`Engine::shutdown`]: a process that just exits has
//! died, as far as its store can tell, and what was under way when that happened
//! three times is [quarantined](engine::BackgroundFetchSnapshot::quarantined).
//!
//! # Options
//!
//! | what | where |
//! | --- | --- |
//! | the engine: permission, quota, retries, concurrency, display, ... | [`EngineConfig`], by [`Engine::builder`] |
//! | the wire: certificates, proxy, timeouts, rate, cookies, ... | [`network::NetworkConfig`] |
//! | service workers: how long they may take | [`service_worker::ServiceWorkerLimits`] |
//! | a realm: kind, scope, policy of the network, ... | [`RealmOptions`] |
//! | a runtime: console, errors of listeners, further extensions | [`extension::ExtensionOptions`] |
//!
//! Each has a working default. All of them in one table are in
//! [docs/embedding.md](https://docs.rs/crate/background_fetch/latest/source/docs/embedding.md).
//!
//! # Features
//!
//! | feature | what it brings |
//! | --- | --- |
//! | `quickjs` (default) | the engine QuickJS-ng, built from source: needs a C compiler and `cmake` |
//! | `crypto` (default) | `crypto` in realms, that is Web Cryptography; costs 80 crates, and building AWS-LC for a second time |
//! | `v8` | V8, with `default-features = false`; exactly one engine at a time |
//! | `dashboard` | a web page of an engine, to mount in an `axum` server |
//! | `metrics` | numbers for a recorder of the crate `metrics`, as [docs/observability.md](https://docs.rs/crate/background_fetch/latest/source/docs/observability.md) has them |
//! | `cli` | the `bgfetch` binary; nothing for embedders |
//!
//! This version fits `deno_core` 0.413, which is re-exported as
//! [`background_fetch::deno_core`](deno_core). A new version of `deno_core`
//! comes with a new minor version of this crate.
//!
//! [Background Fetch]: https://wicg.github.io/background-fetch/

#![warn(missing_debug_implementations, missing_docs, unreachable_pub)]

#[macro_use]
mod opaque;

pub mod control;
#[cfg(feature = "dashboard")]
pub mod dashboard;
pub mod display;
mod dom_exception;
pub mod engine;
// What `op2` makes of an op is not safe code.
#[allow(unsafe_code)]
pub mod extension;
mod ids;
pub mod network;
pub mod platform;
pub mod service_worker;
mod snapshot;
#[doc(hidden)]
pub mod spec;
pub mod store;
mod telemetry;

pub use deno_core;
pub use url::Origin;
pub use url::Url;

pub use self::dom_exception::DomException;
pub use self::engine::Engine;
pub use self::engine::EngineConfig;
pub use self::engine::Realm;
pub use self::engine::RealmKind;
pub use self::engine::RealmOptions;
pub use self::network::NetworkConfig;

/// The examples of the README and of `docs/` have to compile.
#[cfg(doctest)]
mod documents {
  #[doc = include_str!("../README.md")]
  struct Readme;
  #[cfg(feature = "dashboard")]
  #[doc = include_str!("../docs/embedding.md")]
  struct Embedding;
}
