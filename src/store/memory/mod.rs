//! A store without a disk: the twin of the one on disk, for tests and for
//! embedders who want no durability.

mod bodies;
pub(crate) mod metadata;

pub(super) use self::bodies::BytesReader;
pub(super) use self::bodies::MemoryBodyStore;
pub(super) use self::metadata::MemoryMetadata;
