//! Files that a command has asked for and not begun, as others name them.

use std::collections::HashSet;
use std::path::Path;

use background_fetch::display::text::printable;
use background_fetch::store::StoredBackgroundFetch;

use super::list::started_by;
use crate::download::Download;
use crate::download::Item;
use crate::download::Left;
use crate::failure::Failure;
use crate::started_by::StartedBy;

/// Takes those out that have a row in the store.
pub fn without_rows<'a>(
  queued: Vec<Left>,
  rows: impl Iterator<Item = &'a StoredBackgroundFetch>,
) -> Vec<Left> {
  let download = |row| match started_by(row)? {
    StartedBy::Download { download, .. } => Some(download),
    _ => None,
  };
  let begun: HashSet<Download> = rows.filter_map(download).collect();
  let is_begun =
    |item: &Item| item.downloads().any(|download| begun.contains(&download));
  let queued = queued.into_iter();
  queued.map(|left| left.without(is_begun)).collect()
}

/// Whether files in the store's `directory` have this name that are in no row.
///
/// # Errors
///
/// Several have it as their id.
pub fn is_any_named(
  directory: &Path,
  rows: &[StoredBackgroundFetch],
  name: &str,
) -> Result<bool, Failure> {
  let all = without_rows(Left::read(directory, |_| {}), rows.iter());
  let items = || all.iter().flat_map(|left| &left.items);
  let with_id = items().filter(|item| item.options.url_name == name).count();
  if with_id > 1 {
    return Err(Failure::usage(format!(
      "{with_id} queued files have the id \"{}\"; name one by its URL, as \
       `bgfetch list` shows it",
      printable(name)
    )));
  }
  Ok(items().any(|item| item.is_named(name)))
}

/// Gives them up. For the process that has the store.
pub fn abort(directory: &Path, name: &str) {
  for left in Left::read(directory, |_| {}) {
    left.note_elsewhere(|item| item.is_named(name));
  }
}

/// There is no row with this id: the user is told what there is.
pub fn no_such(directory: &Path, id: &str) -> Failure {
  let shown = printable(id);
  let queued = Left::read(directory, |_| {});
  let mut items = queued.iter().flat_map(|left| &left.items);
  match items.any(|item| item.is_named(id)) {
    true => Failure::failed(format!(
      "{shown} is queued, not begun: the command that has asked for it, or \
       `bgfetch resume`, begins it when its turn comes; `bgfetch abort` gives \
       it up"
    )),
    false => Failure::usage(format!(
      "there is no background fetch \"{shown}\" in the store; `bgfetch list` \
       names those there are"
    )),
  }
}
