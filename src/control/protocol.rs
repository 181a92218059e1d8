//! What is said on the socket: a line of JSON each way.

use serde::Deserialize;
use serde::Serialize;
use url::Url;

use crate::display::ShownNotification;
use crate::ids::BackgroundFetchKey;
use crate::snapshot::Waiting;

/// The version of the protocol. Another one is refused with a message that
/// says so.
pub const VERSION: u32 = 1;

/// The longest line that a server reads, in bytes.
pub(super) const MAX_REQUEST: u64 = 256 * 1024;

/// What the engine is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Command {
  /// How far every background fetch has come.
  List,
  /// The notifications that scripts show.
  Notifications,
  /// See [`Engine::pause`](crate::engine::Engine::pause).
  Pause {
    /// The background fetch.
    key: BackgroundFetchKey,
  },
  /// See [`Engine::unpause`](crate::engine::Engine::unpause).
  Unpause {
    /// The background fetch.
    key: BackgroundFetchKey,
  },
  /// See [`Engine::abort`](crate::engine::Engine::abort).
  Abort {
    /// The background fetch.
    key: BackgroundFetchKey,
  },
  /// See [`Engine::click`](crate::engine::Engine::click).
  Click {
    /// The background fetch.
    key: BackgroundFetchKey,
  },
  /// See [`Engine::click_notification`](crate::engine::Engine::click_notification).
  ClickNotification {
    /// Its tag or its title.
    name: String,
    /// The action's name; empty for the notification itself.
    action: String,
  },
  /// See [`Engine::dismiss_notification`](crate::engine::Engine::dismiss_notification).
  DismissNotification {
    /// Its tag, or its title.
    name: String,
  },
  /// See [`Engine::retry`](crate::engine::Engine::retry), and
  /// [`Engine::retry_at`](crate::engine::Engine::retry_at).
  #[serde(rename_all = "camelCase")]
  Retry {
    /// The background fetch.
    key: BackgroundFetchKey,
    /// Another place where it is to be had now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved: Option<Moved>,
  },
  /// See [`Engine::delete`](crate::engine::Engine::delete).
  Delete {
    /// The background fetch.
    key: BackgroundFetchKey,
  },
  /// The sender has work for the process: what follows on this connection is a
  /// [`Conversation`](super::Conversation).
  HandOver,
}

/// Where a background fetch is continued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
  /// Where it is to be had now.
  pub url: Url,
  /// Takes the place of what the embedder gave.
  pub embedder_data: String,
}

/// What the engine answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Answer {
  /// To [`Command::List`], oldest first.
  #[serde(rename_all = "camelCase")]
  List {
    /// Every one, oldest first.
    background_fetches: Vec<Progress>,
  },
  /// To [`Command::Notifications`], oldest first.
  Notifications {
    /// Those that are shown, oldest first.
    notifications: Vec<ShownNotification>,
  },
  /// To [`Command::HandOver`]: the process listens.
  HandOver,
  /// To every other command.
  Outcome {
    /// What has come of it.
    outcome: Outcome,
  },
  /// The command was not understood, or could not be carried out: a message
  /// for the user.
  Error {
    /// What went wrong, human-readable.
    message: String,
  },
}

/// How a command has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
  /// It is carried out, and durable where it has to be.
  Done,
  /// It was so before.
  AlreadySo,
  /// The background fetch has ended before.
  Ended,
  /// A request that is not a `GET` has begun, and would be sent twice.
  CannotPause,
  /// Only what has failed and is kept can be retried or deleted.
  NotKept,
  /// The engine has no such background fetch any more.
  Unknown,
}

/// How far a background fetch has come, newer than the store knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
  /// The background fetch.
  pub key: BackgroundFetchKey,
  /// In bytes, as the next one.
  pub downloaded: u64,
  /// In bytes, of all request bodies.
  pub uploaded: u64,
  /// What `downloaded` consists of: the bytes of each record, in order.
  #[serde(default)]
  pub records: Vec<u64>,
  /// Whether the user has paused it.
  pub paused: bool,
  /// See
  /// [`BackgroundFetchSnapshot::waiting`](crate::snapshot::BackgroundFetchSnapshot::waiting).
  #[serde(default)]
  pub waiting: Option<Waiting>,
}

/// A line with the version in front.
#[derive(Serialize, Deserialize)]
pub(super) struct Versioned<T> {
  version: u32,
  #[serde(flatten)]
  said: T,
}

#[derive(Deserialize)]
struct VersionOnly {
  version: u32,
}

pub(super) fn to_line<T: Serialize>(
  said: T,
) -> Result<Vec<u8>, serde_json::Error> {
  let version = VERSION;
  let mut line = serde_json::to_vec(&Versioned { version, said })?;
  line.push(b'\n');
  Ok(line)
}

/// The error is a message.
pub(super) fn from_line<T: for<'a> Deserialize<'a>>(
  line: &[u8],
) -> Result<T, String> {
  let wrong = |error| format!("this is not the control protocol: {error}");
  // The version first: the rest of another one may look different.
  let VersionOnly { version } = serde_json::from_slice(line).map_err(wrong)?;
  if version != VERSION {
    return Err(format!(
      "version {version} of the control protocol is not spoken here, only \
       {VERSION}; use the same release for both processes"
    ));
  }
  let Versioned { said, .. } = serde_json::from_slice(line).map_err(wrong)?;
  Ok(said)
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn a_command_is_one_line() {
    let key = BackgroundFetchKey(7);
    let line = to_line(Command::Pause { key }).unwrap();
    let expected = "{\"version\":1,\"command\":\"pause\",\"key\":7}\n";
    assert_eq!(String::from_utf8_lossy(&line), expected);
    assert_eq!(from_line(&line), Ok(Command::Pause { key }));
  }

  #[test]
  fn another_version_is_told_from_nonsense() {
    let read = from_line::<Command>;
    let newer = read(b"{\"version\":2,\"do\":[]}").unwrap_err();
    assert!(newer.contains("version 2"), "{newer}");
    for nonsense in ["", "{}", "\"x\"", "{\"version\":1,\"command\":\"fly\"}"] {
      let said = read(nonsense.as_bytes()).unwrap_err();
      assert!(said.contains("not the control protocol"), "{said}");
    }
  }
}
