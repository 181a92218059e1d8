//! Names of things, as types of their own.

/// Declares a value that names something: cheap to copy, ordered by age, and
/// stored as what it wraps.
macro_rules! identifier {
  ($(#[$attribute:meta])* pub struct $name:ident(pub $wrapped:ty);) => {
    $(#[$attribute])*
    #[derive(
      Clone,
      Copy,
      Debug,
      PartialEq,
      Eq,
      Hash,
      PartialOrd,
      Ord,
      serde::Serialize,
      serde::Deserialize,
    )]
    pub struct $name(pub $wrapped);
  };
}

identifier! {
  /// Names a service worker registration as long as the engine runs. One that
  /// follows another in the same scope has a number of its own.
  pub struct RegistrationId(pub u64);
}

identifier! {
  /// Names a service worker as long as the engine runs.
  pub struct WorkerId(pub u64);
}

identifier! {
  /// Names one cache in one store, forever: one that follows another of the
  /// same name has a key of its own.
  pub struct CacheKey(pub i64);
}

identifier! {
  /// Names one background fetch in one store, forever: two background fetches
  /// with the same id after one another have different keys.
  pub struct BackgroundFetchKey(pub i64);
}

identifier! {
  /// Names one body in the store.
  pub struct BodyId(pub uuid::Uuid);
}

/// Names a realm that is attached to the engine.
pub(crate) type RealmId = u64;
