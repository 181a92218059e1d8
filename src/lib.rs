//! The WICG [Background Fetch] API as a `deno_core` extension, and the durable
//! engine behind it.
//!
//! An [`Engine`](engine::Engine) owns a store and its threads. JavaScript
//! runtimes attach to it with [`extension::extensions`] (or, when they have web
//! globals of their own, with [`extension::init`]) and come and go as they
//! like: what they have started continues. A background fetch that was under
//! way when the process ended continues when an engine opens the same store.
//!
//! ```
//! use background_fetch::engine::{Engine, RealmKind, RealmOptions};
//! use background_fetch::extension::{ExtensionOptions, extensions, realm, run_until_idle};
//! use background_fetch::network::NetworkPolicy;
//! use background_fetch::store::Store;
//! use deno_core::{JsRuntime, RuntimeOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let origin = format!("http://{}", server.local_addr()?);
//! # std::thread::spawn(move || {
//! #   use std::io::{BufRead, BufReader, Write};
//! #   let (mut client, _) = server.accept().unwrap();
//! #   let head = BufReader::new(client.try_clone().unwrap()).lines();
//! #   head.take_while(|line| !line.as_ref().unwrap().is_empty()).count();
//! #   client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
//! # });
//! let engine = Engine::builder().start_blocking(Store::in_memory())?;
//! let options = RealmOptions {
//!   policy: NetworkPolicy::Server,
//!   ..RealmOptions::new(RealmKind::ServiceWorker, format!("{origin}/sw.js").parse()?)
//! };
//! let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! let _context = tokio.enter();
//! let mut js = JsRuntime::new(RuntimeOptions {
//!   extensions: extensions(&engine, options, ExtensionOptions::default()),
//!   ..Default::default()
//! });
//! js.execute_script("sw.js", r#"
//!   addEventListener("backgroundfetchsuccess", (event) => event.waitUntil((async () => {
//!     const record = await event.registration.match("/greeting");
//!     console.log(await (await record.responseReady).text());
//!   })()));
//!   registration.backgroundFetch.fetch("greeting", "/greeting");
//! "#)?;
//! let realm = realm(&mut js);
//! tokio.block_on(run_until_idle(&mut js, &realm))?;
//! assert!(engine.background_fetches().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! The modules, and which way the arrows point: [`extension`] → [`engine`] →
//! {[`network`], [`store`], [`service_worker`], [`display`]} → [`spec`], which
//! is pure and points at nothing.
//!
//! [Background Fetch]: https://wicg.github.io/background-fetch/

#[macro_use]
mod opaque;

pub mod control;
#[cfg(feature = "dashboard")]
pub mod dashboard;
pub mod display;
pub mod engine;
pub mod extension;
mod ids;
pub mod network;
pub mod platform;
pub mod service_worker;
mod snapshot;
pub mod spec;
pub mod store;

/// The examples of the README and of `docs/` have to compile.
#[cfg(doctest)]
mod documents {
  #[doc = include_str!("../README.md")]
  struct Readme;
  #[cfg(feature = "dashboard")]
  #[doc = include_str!("../docs/embedding.md")]
  struct Embedding;
}
