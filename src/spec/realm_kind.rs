//! The kinds of global object that a realm may have.

/// What kind of global object a realm has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealmKind {
  Window,
  DedicatedWorker,
  /// One that a host has made: scripts here cannot.
  SharedWorker,
  ServiceWorker,
}
