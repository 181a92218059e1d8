//! What the extension gives a realm besides Background Fetch, and takes from
//! its runtime.

mod before_engine;
mod ends;
mod errors;
mod harness;
mod hooks;
mod listeners;
mod load;
mod net_check;
mod prototypes;
mod stalled;
mod structured_clone;
mod turns;
