//! Every scenario, with what is wanted of it.

mod downloads;
mod flushes;
mod scripts;

use std::path::PathBuf;

use crate::Result;
use crate::peers::{Peers, Places};
use crate::report::Scenario;
use crate::server::Server;

/// What all scenarios have.
pub struct World {
  pub peers: Peers,
  pub directory: PathBuf,
  pub server: Server,
  pub runs: usize,
  pub full: bool,
}

impl World {
  fn places(&self) -> Places {
    Places::new(&self.directory)
  }
}

type Measure = fn(&World) -> Result<Vec<Scenario>>;

/// A name for the command line, and what it measures.
pub const ALL: [(&str, Measure); 14] = [
  ("large", downloads::large),
  ("tls", downloads::tls),
  ("films", downloads::films),
  ("small", downloads::small),
  ("urls", downloads::urls),
  ("split", downloads::split),
  ("slow", downloads::slow),
  ("coded", downloads::coded),
  ("flushes", flushes::flushes),
  ("resolve", scripts::resolve),
  ("start", scripts::start),
  ("stored", scripts::read),
  ("upload", scripts::upload),
  ("listeners", scripts::listeners),
];
