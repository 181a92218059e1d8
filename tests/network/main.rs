//! One fetch on the wire, against small servers on the loopback interface.

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod cors;
mod credentials;
mod harness;
mod page;
mod permission;
mod redirects;
mod resolver;
mod server;
mod tls;
mod transport;
