//! `bgfetch abort`, `pause`, `unpause` and `click`: through the engine that is
//! running on the store, or on the store itself when there is none.

mod click;
mod find;
mod offline;

use std::path::Path;
use std::time::Duration;

use background_fetch::control::Answer;
use background_fetch::control::Client;
use background_fetch::control::Command;
use background_fetch::control::ControlError;
use background_fetch::control::Outcome;
use background_fetch::display::text::printable;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use background_fetch::store::StoredBackgroundFetch;
use tokio::time::Instant;

pub use self::click::click;
use self::find::find;
use super::queued;
use crate::arguments::Control;
use crate::failure::Failure;
use crate::failure::SUCCESS;
use crate::handing_over;
use crate::output;
use crate::paths;

/// A process that has the store but takes no commands is about to begin or to
/// end: how long it is waited for, and how often it is looked.
const TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What the user wants.
#[derive(Clone, Copy, PartialEq)]
pub enum ControlAction {
  Abort,
  Pause,
  Unpause,
  Click,
}

pub async fn control(
  action: ControlAction,
  arguments: Control,
) -> Result<u8, Failure> {
  let directory = paths::store_directory(&arguments.store)?;
  let id = printable(&arguments.id);
  let deadline = Instant::now() + TIMEOUT;
  let said = loop {
    let found = named(&directory, action, &arguments)?;
    match ask(&directory, action, &found, &id).await? {
      Asked::Done(said) => break said,
      // It has a row then, or is queued there.
      Asked::NotQueued if Instant::now() < deadline => {
        tokio::time::sleep(POLL_INTERVAL).await;
        continue;
      }
      Asked::NotQueued => {
        return Err(Failure::failed(format!(
          "{id} is being begun; run the same command again"
        )));
      }
      Asked::NotServed => {}
    }
    match Store::open_directory(&directory) {
      Ok(store) => match &found {
        Named::Row(_) => {
          break offline::apply(&store, action, &arguments).await?;
        }
        Named::Queued(name) => {
          queued::abort(&directory, name);
          break format!("{id} is aborted");
        }
      },
      Err(StoreError::Locked { .. }) if Instant::now() < deadline => {
        tokio::time::sleep(POLL_INTERVAL).await;
      }
      Err(StoreError::Locked { owner, .. }) => {
        return Err(Failure::usage(format!(
          "the store {} is in use by {owner}, which takes no commands from \
           outside; stop it first (its transfers continue with `bgfetch resume`)",
          directory.display()
        )));
      }
      Err(error) => return Err(error.into()),
    }
  };
  if !arguments.quiet {
    output::line(&said);
  }
  Ok(SUCCESS)
}

/// What the user has named.
enum Named {
  Row(Box<StoredBackgroundFetch>),
  /// Files that are not begun.
  Queued(String),
}

fn named(
  directory: &Path,
  action: ControlAction,
  arguments: &Control,
) -> Result<Named, Failure> {
  // Opening would make a new store of a directory that was mistyped.
  let rows = Store::read_directory(directory)?.into_iter().flatten();
  let rows: Vec<_> = rows.collect();
  let id = &arguments.id;
  let may_be_queued =
    action == ControlAction::Abort && arguments.base.is_none();
  match find(arguments, rows.iter().cloned())? {
    Some(row) => Ok(Named::Row(Box::new(row))),
    None if may_be_queued && queued::is_any_named(directory, &rows, id)? => {
      Ok(Named::Queued(id.clone()))
    }
    None => Err(queued::no_such(directory, id)),
  }
}

/// What has come of asking the process that has the store.
enum Asked {
  /// What the user is told.
  Done(String),
  /// It has not, or not yet, queued it.
  NotQueued,
  /// No engine takes commands.
  NotServed,
}

async fn ask(
  directory: &Path,
  action: ControlAction,
  found: &Named,
  id: &str,
) -> Result<Asked, Failure> {
  let found = match found {
    Named::Row(found) => found,
    Named::Queued(name) => return abort_queued(directory, name, id).await,
  };
  let key = found.key;
  let command = match action {
    // It has ended; what is left of it is what it has stored.
    ControlAction::Abort if found.retained.is_some() => Command::Delete { key },
    ControlAction::Abort => Command::Abort { key },
    ControlAction::Pause => Command::Pause { key },
    ControlAction::Unpause => Command::Unpause { key },
    ControlAction::Click => Command::Click { key },
  };
  let answer = async { Client::connect(directory).await?.ask(command).await };
  match answer.await {
    Ok(Answer::Outcome { outcome }) => {
      message(action, outcome, id).map(Asked::Done)
    }
    Ok(_) => Err(Failure::failed(
      "the running engine has answered another question",
    )),
    Err(ControlError::NotServed) => Ok(Asked::NotServed),
    Err(error) => Err(Failure::failed(error)),
  }
}

async fn abort_queued(
  directory: &Path,
  name: &str,
  id: &str,
) -> Result<Asked, Failure> {
  match handing_over::give_up(directory, name).await {
    Ok(0) => Ok(Asked::NotQueued),
    Ok(_) => Ok(Asked::Done(format!("{id} is aborted"))),
    Err(ControlError::NotServed) => Ok(Asked::NotServed),
    Err(error) => Err(Failure::failed(error)),
  }
}

/// What the user is told of a running engine's answer.
fn message(
  action: ControlAction,
  outcome: Outcome,
  id: &str,
) -> Result<String, Failure> {
  let said = match (outcome, action) {
    (Outcome::Done, ControlAction::Abort) => format!("{id} is aborted"),
    (Outcome::Done, ControlAction::Pause) => format!("{id} is paused"),
    (Outcome::Done, ControlAction::Unpause) => format!("{id} continues"),
    (Outcome::Done, ControlAction::Click) => format!("{id} was clicked"),
    (Outcome::AlreadySo, ControlAction::Unpause) => {
      format!("{id} is not paused")
    }
    (Outcome::AlreadySo, _) => format!("{id} is paused already"),
    (Outcome::Ended | Outcome::Unknown | Outcome::NotKept, _) => {
      return Err(ended(id));
    }
    (Outcome::CannotPause, _) => {
      return Err(Failure::failed(format!(
        "{id} cannot be paused: a request of it that is not a GET has begun, \
         and would be sent twice"
      )));
    }
  };
  Ok(said)
}

fn ended(id: &str) -> Failure {
  Failure::failed(format!("{id} has ended already"))
}
