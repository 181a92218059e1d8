//! Giving up files that the process which has the store has not begun.

use std::io;
use std::path::Path;

use background_fetch::control::Client;
use background_fetch::control::ControlError;
use background_fetch::control::Conversation;

use super::Reply;
use super::Wanted;

/// Has the process that works on the store in `directory` give up the files of
/// this [name](crate::download::Item::is_named) that are not begun; returns how
/// many these are.
///
/// # Errors
///
/// No process takes commands there, or it cannot do this.
pub async fn give_up(
  directory: &Path,
  name: &str,
) -> Result<usize, ControlError> {
  let Conversation {
    mut heard,
    mut said,
  } = Client::connect(directory).await?.hand_over().await?;
  let give_up = name.to_string();
  said.say(&Wanted::GiveUp { give_up }).await?;
  match heard.next().await? {
    Some(Reply::GivenUp { files }) => Ok(files),
    Some(_) => Err(io::Error::other("it answers another question").into()),
    None => Err(ControlError::NotServed),
  }
}
