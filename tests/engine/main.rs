//! The engine through its public door: real HTTP on loopback, a real store.

#[path = "../support/mod.rs"]
mod support;

mod arrive;
mod checkpoint;
mod events;
mod fail;
mod faults;
mod harness;
mod integrity;
mod machine;
mod offline;
mod pause;
mod quota;
mod rate_limit;
mod records;
mod refuse;
mod restart;
mod resume;
mod shown;
mod upload;
