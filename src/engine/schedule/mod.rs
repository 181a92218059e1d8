//! Who may use the wire next, and how much of what has come may be in memory.

pub(crate) mod byte_budget;
pub(crate) mod open_files;
pub(crate) mod retry_state;
pub(crate) mod scheduler;
#[cfg(test)]
mod scheduler_tests;
pub(crate) mod segment_planner;
#[cfg(test)]
mod segment_planner_tests;
mod waiting;
