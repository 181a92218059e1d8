//! The fault-injecting server, seen through a plain socket.

mod answers;
mod client;
mod contents;
mod faults;
mod http2;
mod ranges;
mod tls;
mod tls_client;
mod uploads;
