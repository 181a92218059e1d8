//! The engine's end of the socket.

use std::fs::DirBuilder;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener as BlockingListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::UnixListener;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::sync::DropGuard;

use super::address::Address;
use super::conversation::Conversation;
use super::conversation::Heard;
use super::conversation::Said;
use super::protocol::Answer;
use super::protocol::Command;
use super::protocol::MAX_REQUEST;
use super::protocol::Moved;
use super::protocol::Outcome;
use super::protocol::Progress;
use super::protocol::from_line;
use super::protocol::to_line;
use crate::engine::AbortOutcome;
use crate::engine::ClickOutcome;
use crate::engine::DeleteOutcome;
use crate::engine::Engine;
use crate::engine::NotificationOutcome;
use crate::engine::PauseOutcome;
use crate::engine::RetryOutcome;
use crate::engine::UnpauseOutcome;
use crate::engine::WeakEngine;
use crate::ids::BackgroundFetchKey;
use crate::store::StoreError;

/// How long a client may say nothing, or take nothing.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many clients are served at once; others wait.
const MAX_CLIENTS: usize = 16;
/// The wait after a connection could not be accepted.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Takes commands as long as it lives and the engine does. It does not keep
/// the engine.
pub struct Server {
  _closing: DropGuard,
  address: Address,
  /// The device and the number of the socket's file.
  identity: (u64, u64),
}

/// Who takes the work of other processes. A function of the conversation is one.
pub trait OnHandOver: Send + Sync + 'static {
  /// Called with each conversation in which another process of the same user
  /// hands work over; must not take long.
  fn hand_over(&self, conversation: Conversation);
}

impl<F> OnHandOver for F
where
  F: Fn(Conversation) + Send + Sync + 'static,
{
  fn hand_over(&self, conversation: Conversation) {
    self(conversation)
  }
}

/// Takes commands for `engine` on a socket in `directory`, the directory of
/// its store. Only processes of the same user (and of root) can reach it, and
/// only theirs are answered. What is left there of a process that was killed is
/// replaced.
///
/// # Errors
///
/// The socket cannot be made: the directory is not writable, its file system
/// has no sockets, or its path is too long for one (not on Linux).
pub fn serve(engine: &Engine, directory: &Path) -> io::Result<Server> {
  serve_for(engine, directory, None)
}

/// The same, and takes work of other processes.
///
/// # Errors
///
/// As for [`serve`].
pub fn serve_with(
  engine: &Engine,
  directory: &Path,
  on_hand_over: impl OnHandOver,
) -> io::Result<Server> {
  serve_for(engine, directory, Some(Arc::new(on_hand_over)))
}

fn serve_for(
  engine: &Engine,
  directory: &Path,
  on_hand_over: Option<Arc<dyn OnHandOver>>,
) -> io::Result<Server> {
  let address = Address::in_directory(directory)?;
  remove_unready(&address)?;
  // A socket gets its mode only after it is there: until then it is where no
  // other user can come.
  let private = address.unready_directory();
  DirBuilder::new().mode(0o700).create(&private)?;
  let unready = address.unready();
  let listener = BlockingListener::bind(&unready)?;
  listener.set_nonblocking(true)?;
  std::fs::set_permissions(&unready, Permissions::from_mode(0o600))?;
  let identity = identity(&unready)?;
  // The store has one owner, so an older socket has no owner any more.
  std::fs::rename(&unready, address.socket())?;
  remove_unready(&address)?;
  let closing = CancellationToken::new();
  let weak = engine.downgrade();
  let closed = closing.clone();
  engine.spawn_until_stopped(async move {
    closed
      .run_until_cancelled(accept(listener, weak, on_hand_over))
      .await;
  });
  Ok(Server {
    _closing: closing.drop_guard(),
    address,
    identity,
  })
}

/// Removes what a process that was killed has left, of this version (a
/// directory) or an earlier one (a socket).
fn remove_unready(address: &Address) -> io::Result<()> {
  let private = address.unready_directory();
  let is_directory = match std::fs::symlink_metadata(&private) {
    Ok(metadata) => metadata.is_dir(),
    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
    Err(error) => return Err(error),
  };
  if !is_directory {
    return std::fs::remove_file(private);
  }
  match std::fs::remove_file(address.unready()) {
    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
    _ => std::fs::remove_dir(private),
  }
}

opaque_debug!(Server);

impl Drop for Server {
  fn drop(&mut self) {
    let socket = self.address.socket();
    // A later one has the name if this one outlives its engine.
    if identity(&socket).is_ok_and(|found| found == self.identity) {
      let _ = std::fs::remove_file(socket);
    }
  }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
  let metadata = std::fs::symlink_metadata(path)?;
  Ok((metadata.dev(), metadata.ino()))
}

async fn accept(
  listener: BlockingListener,
  engine: WeakEngine,
  on_hand_over: Option<Arc<dyn OnHandOver>>,
) {
  let listener = match UnixListener::from_std(listener) {
    Ok(listener) => listener,
    Err(error) => {
      tracing::error!(%error, "the engine cannot be controlled from outside");
      return;
    }
  };
  let places = Arc::new(Semaphore::new(MAX_CLIENTS));
  let mut clients = tokio::task::JoinSet::new();
  loop {
    // Never closed.
    let Ok(place) = places.clone().acquire_owned().await else {
      return;
    };
    while clients.try_join_next().is_some() {}
    match listener.accept().await {
      Ok((stream, _)) if !is_trusted(&stream) => {
        tracing::warn!("another user's process wanted to control the engine");
      }
      Ok((stream, _)) => {
        let engine = engine.clone();
        let on_hand_over = on_hand_over.clone();
        clients.spawn(async move {
          let _place = place;
          // Whatever a client does wrong is its own affair.
          if let Ok(Some(conversation)) =
            attend(stream, engine, on_hand_over.is_some()).await
            && let Some(on_hand_over) = on_hand_over
          {
            on_hand_over.hand_over(conversation);
          }
        });
      }
      Err(error) => {
        tracing::warn!(%error, "a control connection cannot be accepted");
        sleep(RETRY_INTERVAL).await;
      }
    }
  }
}

/// Whether the process at the other end is the same user's, or root's. The mode
/// of the socket keeps the others out; changing it lets no other user in.
fn is_trusted(stream: &UnixStream) -> bool {
  let peer = stream.peer_cred().map(|peer| peer.uid());
  is_same_user(stream) || peer.is_ok_and(|uid| uid == 0)
}

/// Root may give commands; its files would be another user's.
fn is_same_user(stream: &UnixStream) -> bool {
  let own = rustix::process::geteuid().as_raw();
  stream.peer_cred().is_ok_and(|peer| peer.uid() == own)
}

/// Answers commands, until there are no more, or the client hands work over.
async fn attend(
  stream: UnixStream,
  engine: WeakEngine,
  takes_work: bool,
) -> io::Result<Option<Conversation>> {
  let is_same_user = is_same_user(&stream);
  let (reading, mut writing) = stream.into_split();
  let mut reading = BufReader::new(reading);
  loop {
    let mut line = Vec::new();
    let mut bounded = (&mut reading).take(MAX_REQUEST);
    timeout(TIMEOUT, bounded.read_until(b'\n', &mut line)).await??;
    if line.is_empty() {
      return Ok(None);
    }
    let is_whole = line.ends_with(b"\n");
    let answer = match from_line(&line) {
      Ok(Command::HandOver) if is_whole && takes_work && is_same_user => {
        Answer::HandOver
      }
      Ok(command) if is_whole => answer(&engine, command).await,
      Ok(_) => Answer::Error {
        message: "the command does not end with its line".to_string(),
      },
      Err(message) => Answer::Error { message },
    };
    let is_conversation = answer == Answer::HandOver;
    let answer = to_line(answer)?;
    timeout(TIMEOUT, writing.write_all(&answer)).await??;
    if is_conversation {
      return Ok(Some(Conversation {
        heard: Heard(reading),
        said: Said(writing),
      }));
    }
    // What follows has no beginning.
    if !is_whole {
      return Ok(None);
    }
  }
}

/// Carries out a command; one from the same process, too.
pub(crate) async fn answer(engine: &WeakEngine, command: Command) -> Answer {
  let Some(engine) = engine.upgrade() else {
    return Answer::Error {
      message: "the engine is going down".to_string(),
    };
  };
  let outcome = match command {
    Command::HandOver => {
      return Answer::Error {
        message: "this process takes no work of others".to_string(),
      };
    }
    Command::List => {
      return Answer::List {
        background_fetches: progress(&engine),
      };
    }
    Command::Notifications => {
      return Answer::Notifications {
        notifications: engine.notifications(),
      };
    }
    Command::Pause { key } => pause(&engine, key, true).await,
    Command::Unpause { key } => pause(&engine, key, false).await,
    Command::Abort { key } => {
      engine.abort(key).await.map(|aborted| match aborted {
        AbortOutcome::Aborted => Outcome::Done,
        _ => unchanged(&engine, key),
      })
    }
    Command::Click { key } => Ok(match engine.click(key) {
      ClickOutcome::Fired => Outcome::Done,
      _ => Outcome::Unknown,
    }),
    Command::ClickNotification { name, action } => {
      Ok(on_notification(&engine, &name, |id| {
        engine.click_notification(id, &action)
      }))
    }
    Command::DismissNotification { name } => {
      Ok(on_notification(&engine, &name, |id| {
        engine.dismiss_notification(id)
      }))
    }
    Command::Retry { key, moved } => {
      let retried = match moved {
        None => engine.retry(key).await,
        Some(Moved { url, embedder_data }) => {
          let moved = crate::engine::Moved { url, embedder_data };
          engine.retry_at(key, moved).await
        }
      };
      let is_done = |outcome| outcome == RetryOutcome::Retried;
      retried.map(|retried| kept(&engine, key, is_done(retried)))
    }
    Command::Delete { key } => {
      let deleted = engine.delete(key).await;
      let is_done = |outcome| outcome == DeleteOutcome::Deleted;
      deleted.map(|deleted| kept(&engine, key, is_done(deleted)))
    }
  };
  match outcome {
    Ok(outcome) => Answer::Outcome { outcome },
    Err(error) => Answer::Error {
      message: error.to_string(),
    },
  }
}

/// Does it to the newest notification with that tag or title.
fn on_notification(
  engine: &Engine,
  name: &str,
  act: impl FnOnce(u64) -> NotificationOutcome,
) -> Outcome {
  let shown = engine.notifications();
  let mut newest = shown.iter().rev();
  let found = newest
    .find(|one| one.notification.tag == name || one.notification.title == name);
  match found.map(|one| act(one.id)) {
    Some(NotificationOutcome::Fired) => Outcome::Done,
    _ => Outcome::Unknown,
  }
}

async fn pause(
  engine: &Engine,
  key: BackgroundFetchKey,
  paused: bool,
) -> Result<Outcome, StoreError> {
  let outcome = match paused {
    true => match engine.pause(key).await? {
      PauseOutcome::Paused => Outcome::Done,
      PauseOutcome::AlreadyPaused => Outcome::AlreadySo,
      PauseOutcome::CannotPause => Outcome::CannotPause,
      PauseOutcome::NotActive => unchanged(engine, key),
    },
    false => match engine.unpause(key).await? {
      UnpauseOutcome::Unpaused => Outcome::Done,
      UnpauseOutcome::NotPaused => Outcome::AlreadySo,
      UnpauseOutcome::NotActive => unchanged(engine, key),
    },
  };
  Ok(outcome)
}

/// What has come of something that can be done only with what is kept.
fn kept(engine: &Engine, key: BackgroundFetchKey, done: bool) -> Outcome {
  let all = engine.background_fetches();
  match done {
    true => Outcome::Done,
    false if all.iter().any(|found| found.key == key) => Outcome::NotKept,
    false => Outcome::Unknown,
  }
}

/// Why a background fetch could not be aborted.
fn unchanged(engine: &Engine, key: BackgroundFetchKey) -> Outcome {
  let all = engine.background_fetches();
  match all.iter().any(|found| found.key == key) {
    true => Outcome::Ended,
    false => Outcome::Unknown,
  }
}

fn progress(engine: &Engine) -> Vec<Progress> {
  let all = engine.background_fetches().into_iter();
  all
    .map(|found| (engine.stored_bytes(found.key), found))
    .map(|(records, found)| Progress {
      key: found.key,
      downloaded: records.iter().sum(),
      records,
      uploaded: found.uploaded,
      paused: found.paused,
      waiting: found.waiting,
    })
    .collect()
}
