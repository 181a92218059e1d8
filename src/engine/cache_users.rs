//! Who uses which cache and which of its bodies: these outlive their names.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::ids::BodyId;
use crate::ids::CacheKey;

/// What all realms share.
#[derive(Default)]
pub(crate) struct CacheUsers {
  /// Held while caches come and go.
  pub(crate) changing: tokio::sync::Mutex<()>,
  pub(crate) open: Mutex<HashMap<CacheKey, Users>>,
  pub(crate) leases: Mutex<HashMap<BodyId, Readers>>,
}

#[derive(Default)]
pub(crate) struct Users {
  pub(crate) count: usize,
  /// The cache has lost its name.
  pub(crate) deleted: bool,
}

#[derive(Default)]
pub(crate) struct Readers {
  pub(crate) count: usize,
  /// No row speaks of the body any more.
  pub(crate) discarded: bool,
}
