//! A store without a disk: the twin of the one on disk, for tests and for
//! embedders who want no durability.

mod bodies;
mod facts;

pub(super) use self::bodies::MemoryBodies;
pub(super) use self::facts::MemoryFacts;
