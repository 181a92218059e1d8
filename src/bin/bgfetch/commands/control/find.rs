//! The one background fetch that the user means.

use background_fetch::store::StoredBackgroundFetch;

use crate::arguments::Control;
use crate::failure::Failure;

/// `None` when there is none.
pub fn find(
  arguments: &Control,
  rows: impl Iterator<Item = StoredBackgroundFetch>,
) -> Result<Option<StoredBackgroundFetch>, Failure> {
  let scope = arguments
    .base
    .as_ref()
    .and_then(|base| base.join("./").ok());
  let mut found: Vec<_> = rows
    .filter(|row| row.background_fetch.id == arguments.id)
    .filter(|row| scope.as_ref().is_none_or(|scope| row.scope == *scope))
    .collect();
  // One that has ended gives way to one that continues.
  if found.iter().any(|row| row.active) {
    found.retain(|row| row.active);
  }
  match (found.pop(), found.len()) {
    (Some(row), 0) => Ok(Some(row)),
    (None, _) => Ok(None),
    (Some(_), others) => Err(Failure::usage(format!(
      "{} background fetches have the id \"{}\"; name the scope of one with \
       --base",
      others + 1,
      arguments.id
    ))),
  }
}
