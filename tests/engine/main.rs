//! The engine through its public door: real HTTP on loopback, a real store.

#[path = "../support/mod.rs"]
mod support;

mod arrive;
mod clean_up;
mod disks;
mod events;
mod fail;
mod flipped;
mod harness;
mod integrity;
mod pause;
mod quota;
mod records;
mod refuse;
mod restart;
mod resume;
mod shown;
mod upload;
