//! `Debug` for what has nothing to show.

/// Implements `Debug` for types whose fields are functions, locks and handles:
/// their name alone.
macro_rules! opaque_debug {
  ($($type:ident $(<$lifetime:lifetime>)?),+ $(,)?) => {
    $(
      impl std::fmt::Debug for $type $(<$lifetime>)? {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
          f.debug_struct(stringify!($type)).finish_non_exhaustive()
        }
      }
    )+
  };
}
