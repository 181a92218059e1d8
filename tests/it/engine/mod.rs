//! The engine through its public interface: real HTTP on loopback, a real
//! store.

use crate::remaining_events;

mod admission;
mod arrive;
mod checkpoint;
mod clean_up;
mod disks;
mod events;
mod fail;
mod faults;
mod flipped;
mod flushes;
pub mod harness;
mod integrity;
mod machine;
mod offline;
mod open;
mod origins;
mod orphans;
mod pause;
mod permission;
mod quota;
mod rate_limit;
mod records;
mod refuse;
mod restart;
mod resume;
mod retention;
mod retry_statuses;
mod segments;
mod set_aside;
mod shown;
mod upload;
