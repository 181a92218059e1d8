//! A store that no process works on: what the user wants becomes a fact, which
//! the next engine finds.

use background_fetch::display::text::printable;
use background_fetch::store::Change;
use background_fetch::store::Store;
use background_fetch::store::StoredBackgroundFetch;

use super::ControlAction;
use super::ended;
use super::find::find;
use crate::arguments::Control;
use crate::commands::list::started_by;
use crate::commands::stored;
use crate::failure::Failure;
use crate::started_by::StartedBy;

/// Returns what the user is told.
pub async fn apply(
  store: &Store,
  action: ControlAction,
  arguments: &Control,
) -> Result<String, Failure> {
  // Anyone who had the store until now may have changed it.
  let rows = store.metadata.load().await?;
  let row = find(arguments, rows.into_iter().flatten())?
    .ok_or_else(|| ended(&printable(&arguments.id)))?;
  let id = printable(&row.background_fetch.id);
  if row.retained.is_some() && action == ControlAction::Abort {
    return abort(store, &row, &id).await;
  }
  if row.retained.is_some() && action != ControlAction::Click {
    return Err(Failure::failed(format!(
      "{id} has ended already; {}",
      stored::kept(&row)
    )));
  }
  if !row.active && action != ControlAction::Click {
    return Err(Failure::failed(format!(
      "{id} has ended already; `bgfetch resume` delivers its event"
    )));
  }
  match action {
    ControlAction::Abort => abort(store, &row, &id).await,
    ControlAction::Pause => pause(store, &row, &id, true).await,
    ControlAction::Unpause => pause(store, &row, &id, false).await,
    ControlAction::Click => Err(Failure::usage(format!(
      "no process works on the store, so no script can hear of a click; start \
       `bgfetch resume`, then click {id}"
    ))),
  }
}

async fn pause(
  store: &Store,
  row: &StoredBackgroundFetch,
  id: &str,
  paused: bool,
) -> Result<String, Failure> {
  let key = row.key;
  let mut changes = vec![Change::Paused { key, paused }];
  if !paused {
    changes.push(Change::Released { key });
  }
  store.commit(changes).await?;
  Ok(match paused {
    true => format!("{id} is paused: `bgfetch resume` leaves it alone"),
    false => format!("{id} is not paused; `bgfetch resume` continues with it"),
  })
}

async fn abort(
  store: &Store,
  row: &StoredBackgroundFetch,
  id: &str,
) -> Result<String, Failure> {
  let key = row.key;
  store.commit(vec![Change::Aborted { key }]).await?;
  match started_by(row) {
    // There is no script that has to hear of it.
    Some(StartedBy::Get { .. } | StartedBy::Download { .. }) => {
      store.commit(vec![Change::Forgotten { key }]).await?;
      let bodies = row.bodies.iter().flat_map(|b| [b.request, b.response]);
      store.delete_bodies(bodies.flatten()).await?;
      Ok(format!("{id} is aborted"))
    }
    _ => Ok(format!(
      "{id} is aborted; `bgfetch resume` tells its script"
    )),
  }
}
