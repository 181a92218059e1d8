//! Who may use the wire next.

pub(crate) mod open_files;
pub(crate) mod retry_state;
pub(crate) mod scheduler;
#[cfg(test)]
mod scheduler_tests;
mod waiting;
