//! Who may use the wire next.

pub(crate) mod host_limits;
pub(crate) mod open_files;
pub(crate) mod retry_state;
