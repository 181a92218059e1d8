//! `bgfetch clean`

use std::path::Path;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use background_fetch::control::Answer;
use background_fetch::control::Client;
use background_fetch::control::Command;
use background_fetch::control::ControlError;
use background_fetch::control::Outcome;
use background_fetch::display::text;
use background_fetch::store::Change;
use background_fetch::store::Store;
use background_fetch::store::StoredBackgroundFetch;

use super::queued;
use crate::arguments::Clean;
use crate::failure::Failure;
use crate::failure::SUCCESS;
use crate::output;
use crate::paths;

pub async fn clean(arguments: Clean) -> Result<u8, Failure> {
  let directory = paths::store_directory(&arguments.store)?;
  let rows = match directory.exists() || arguments.store.directory.is_some() {
    true => Store::read_directory(&directory)?,
    false => Vec::new(),
  };
  let rows: Vec<_> = rows.into_iter().flatten().collect();
  is_there(&directory, &arguments, &rows)?;
  let chosen: Vec<_> = rows
    .into_iter()
    .filter(|row| is_chosen(&arguments, row))
    .collect();
  if !arguments.dry_run && !chosen.is_empty() {
    match Client::connect(&directory).await {
      Ok(client) => ask(client, &chosen).await?,
      Err(ControlError::NotServed) => {
        delete(&Store::open_directory(&directory)?, &chosen).await?;
      }
      Err(error) => return Err(Failure::failed(error)),
    }
  }
  report(&arguments, &chosen);
  Ok(SUCCESS)
}

/// Every id that the user names is one that is kept.
fn is_there(
  directory: &Path,
  arguments: &Clean,
  rows: &[StoredBackgroundFetch],
) -> Result<(), Failure> {
  for id in &arguments.ids {
    let mut of_id = rows.iter().filter(|r| r.background_fetch.id == *id);
    let shown = text::printable(id);
    match (
      of_id.clone().count(),
      of_id.any(|row| row.retained.is_some()),
    ) {
      (0, _) => {
        return Err(queued::no_such(directory, id));
      }
      (_, false) => {
        return Err(Failure::failed(format!(
          "{shown} has not failed; `bgfetch abort` ends and deletes it"
        )));
      }
      _ => {}
    }
  }
  Ok(())
}

fn is_chosen(arguments: &Clean, row: &StoredBackgroundFetch) -> bool {
  let Some(retained) = &row.retained else {
    return false;
  };
  let ids = &arguments.ids;
  let is_named = ids.is_empty() || ids.contains(&row.background_fetch.id);
  let now = SystemTime::now().duration_since(UNIX_EPOCH);
  let since = Duration::from_millis(retained.since.max(0) as u64);
  let age = now.unwrap_or_default().saturating_sub(since);
  // An event that could not be delivered is its script's: it has to be named.
  let is_failed = retained.undelivered.is_none() || !ids.is_empty();
  is_named && is_failed && arguments.older_than.is_none_or(|time| age >= time)
}

async fn ask(
  mut client: Client,
  chosen: &[StoredBackgroundFetch],
) -> Result<(), Failure> {
  for row in chosen {
    let key = row.key;
    let answer = client.ask(Command::Delete { key }).await;
    match answer.map_err(Failure::failed)? {
      Answer::Outcome {
        outcome: Outcome::Done | Outcome::Unknown,
      } => {}
      _ => {
        let id = text::printable(&row.background_fetch.id);
        let busy = format!("{id} is being continued, and is not deleted");
        return Err(Failure::failed(busy));
      }
    }
  }
  Ok(())
}

async fn delete(
  store: &Store,
  chosen: &[StoredBackgroundFetch],
) -> Result<(), Failure> {
  let forgotten = chosen.iter().map(|row| Change::Forgotten { key: row.key });
  store.commit(forgotten.collect()).await?;
  let bodies = chosen.iter().flat_map(|row| &row.bodies);
  let bodies = bodies.flat_map(|b| [b.request, b.response]).flatten();
  Ok(store.delete_bodies(bodies).await?)
}

fn report(arguments: &Clean, chosen: &[StoredBackgroundFetch]) {
  let mut bytes = 0;
  for row in chosen {
    let stored = row.background_fetch.stored_body_bytes_total();
    bytes += stored;
    output::line(&format!(
      "{}  {}",
      text::printable(&row.background_fetch.id),
      text::bytes(stored)
    ));
  }
  let what = match arguments.dry_run {
    true => "would be deleted",
    false => "deleted",
  };
  output::line(&format!(
    "{} {what}, {} freed",
    chosen.len(),
    text::bytes(bytes)
  ));
}
