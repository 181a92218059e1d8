//! One fetch on the wire, against small servers on the loopback interface.

mod again;
mod bodies;
mod cors;
mod credentials;
mod harness;
mod page;
mod permission;
mod proxy;
mod redirects;
mod resolver;
mod server;
mod tls;
mod transport;
