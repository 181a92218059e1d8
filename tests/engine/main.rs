//! The engine through its public door: real HTTP on loopback, a real store.

#[path = "../support/remaining_events.rs"]
mod remaining_events;
#[path = "../support/mod.rs"]
mod support;

mod arrive;
mod checkpoint;
mod clean_up;
mod disks;
mod events;
mod fail;
mod faults;
mod flipped;
mod harness;
mod integrity;
mod machine;
mod offline;
mod origins;
mod pause;
mod permission;
mod quota;
mod rate_limit;
mod records;
mod refuse;
mod restart;
mod resume;
mod retention;
mod shown;
mod upload;
