//! What the integration tests share: a server that misbehaves on demand, and
//! contents that can be checked without being kept.
//!
//! ```ignore
//! mod support;
//! use support::{Behaviour::*, FaultServer, Resource, content};
//!
//! let server = FaultServer::start().await;
//! server.serve(
//!   "/big",
//!   Resource::bytes(1 << 30, 7)
//!     .etag("\"v1\"")
//!     .script([ResetAfter(1 << 20), Normal]),
//! );
//! // … fetch server.url("/big") into `path` …
//! content::verify(&path, 1 << 30, 7).unwrap();
//! ```
// Every test binary compiles this module and uses a part of it.
mod answer;
mod behaviour;
pub mod cannot_run;
mod connection;
pub mod content;
mod cors;
mod exchange;
mod http2;
mod killed_when_dropped;
mod listener;
mod log;
mod plan;
mod range;
mod request;
mod resource;
mod server;
pub mod small_disk;
mod state;
mod tls;
mod transfer;
mod upload;
mod wire;

pub use behaviour::Behaviour;
pub use cannot_run::Need;
pub use content::Content;
pub use cors::Preflight;
pub use killed_when_dropped::KilledWhenDropped;
pub use log::{Ending, SeenRequest};
pub use resource::Resource;
pub use server::{FaultServer, Protocol};
pub use small_disk::SmallDisk;
pub use tls::Tls;
