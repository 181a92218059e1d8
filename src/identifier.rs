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

pub(crate) use identifier;
