//! `bgfetch abort`, on a store that nobody works on.

use background_fetch::display::text::printable;
use background_fetch::store::Fact;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use background_fetch::store::StoredBackgroundFetch;

use super::list::started_by;
use crate::arguments::Abort;
use crate::failure::Failure;
use crate::failure::SUCCESS;
use crate::output;
use crate::paths;
use crate::started_by::StartedBy;

pub async fn abort(arguments: Abort) -> Result<u8, Failure> {
  let directory = paths::store_directory(&arguments.store)?;
  // Opening would make a new store of a directory that was mistyped.
  Store::read_directory(&directory)?;
  let store =
    Store::open_directory(&directory).map_err(|error| match error {
      StoreError::Locked { owner, .. } => Failure::usage(format!(
        "the store {} is in use by {owner}, and a running engine cannot be \
       controlled from outside yet; stop it first (its transfers go on with \
       `bgfetch resume`)",
        directory.display()
      )),
      error => error.into(),
    })?;
  let rows = store.facts.load().await?;
  let row = find(&arguments, rows.into_iter().flatten())?;
  let id = printable(&row.background_fetch.id);
  let key = row.key;
  if !row.active {
    return Err(Failure::failed(format!(
      "{id} has ended already; `bgfetch resume` delivers its event"
    )));
  }
  store.facts.commit(vec![Fact::Aborted { key }]).await?;
  let said = match started_by(&row) {
    // There is no script that has to hear of it.
    Some(StartedBy::Get { .. }) => {
      store.facts.commit(vec![Fact::Forgotten { key }]).await?;
      let bodies = row.bodies.iter().flat_map(|b| [b.request, b.response]);
      for body in bodies.flatten() {
        store.bodies.delete(body).await?;
      }
      format!("{id} is aborted")
    }
    _ => format!("{id} is aborted; `bgfetch resume` tells its script"),
  };
  if !arguments.quiet {
    output::line(&said);
  }
  Ok(SUCCESS)
}

fn find(
  arguments: &Abort,
  rows: impl Iterator<Item = StoredBackgroundFetch>,
) -> Result<StoredBackgroundFetch, Failure> {
  let scope = arguments
    .base
    .as_ref()
    .and_then(|base| base.join("./").ok());
  let mut found: Vec<_> = rows
    .filter(|row| row.background_fetch.id == arguments.id)
    .filter(|row| scope.as_ref().is_none_or(|scope| row.scope == *scope))
    .collect();
  // One that has ended gives way to one that goes on.
  if found.iter().any(|row| row.active) {
    found.retain(|row| row.active);
  }
  match (found.pop(), found.len()) {
    (Some(row), 0) => Ok(row),
    (None, _) => Err(Failure::usage(format!(
      "there is no background fetch \"{}\" in the store; `bgfetch list` names \
       those there are",
      arguments.id
    ))),
    (Some(_), others) => Err(Failure::usage(format!(
      "{} background fetches have the id \"{}\"; name the scope of one with \
       --base",
      others + 1,
      arguments.id
    ))),
  }
}
