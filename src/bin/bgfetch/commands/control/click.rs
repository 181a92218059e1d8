//! `bgfetch click`, on a background fetch or on a notification.

use background_fetch::control::Answer;
use background_fetch::control::Client;
use background_fetch::control::Command;
use background_fetch::control::ControlError;
use background_fetch::control::Outcome;
use background_fetch::display::text::printable;

use super::ControlAction;
use super::control;
use crate::arguments::Click;
use crate::arguments::Control;
use crate::failure::Failure;
use crate::failure::SUCCESS;
use crate::output;
use crate::paths;

/// A notification is found by its tag or its title, and gives way to a
/// background fetch, unless it is dismissed or an action of it is chosen.
pub async fn click(arguments: Click) -> Result<u8, Failure> {
  let Click {
    control: of,
    action,
    dismiss,
  } = arguments;
  let is_notification = action.is_some() || dismiss;
  let command = match dismiss {
    true => Command::DismissNotification {
      name: of.id.clone(),
    },
    false => Command::ClickNotification {
      name: of.id.clone(),
      action: action.unwrap_or_default(),
    },
  };
  if is_notification {
    return match ask(&of, command).await? {
      true => done(&of),
      false => Err(Failure::usage(format!(
        "no running script shows a notification \"{}\"",
        printable(&of.id)
      ))),
    };
  }
  let (id, quiet) = (of.id.clone(), of.quiet);
  let notification = Control {
    id,
    quiet,
    base: None,
    store: of.store.clone(),
  };
  match control(ControlAction::Click, of).await {
    Err(failure) => match ask(&notification, command).await {
      Ok(true) => done(&notification),
      _ => Err(failure),
    },
    clicked => clicked,
  }
}

/// Whether a running engine has done it.
async fn ask(of: &Control, command: Command) -> Result<bool, Failure> {
  let directory = paths::store_directory(&of.store)?;
  let answer = async { Client::connect(&directory).await?.ask(command).await };
  match answer.await {
    Ok(Answer::Outcome { outcome }) => Ok(outcome == Outcome::Done),
    Ok(_) | Err(ControlError::NotServed) => Ok(false),
    Err(error) => Err(Failure::failed(error)),
  }
}

fn done(of: &Control) -> Result<u8, Failure> {
  if !of.quiet {
    output::line(&format!("{} was clicked", printable(&of.id)));
  }
  Ok(SUCCESS)
}
