//! The other process's end of the socket.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::address::Address;
use super::conversation::Conversation;
use super::conversation::Heard;
use super::conversation::Said;
use super::protocol::Answer;
use super::protocol::Command;
use super::protocol::from_line;
use super::protocol::to_line;

/// How long the engine may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The longest answer, in bytes: what millions of records have to say.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// Why an engine could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
  /// No engine takes commands in this directory.
  #[error("no engine that takes commands is running on the store")]
  NotServed,
  /// The socket cannot be read or written.
  #[error("the running engine cannot be reached: {0}")]
  Io(#[from] io::Error),
  /// The process does not answer.
  #[error("the running engine does not answer within {TIMEOUT:?}")]
  Timeout,
  /// What came back is not an answer, or the engine has refused the command.
  #[error("the running engine says: {0}")]
  Refused(String),
}

/// A connection to an engine that runs in another process.
pub struct Client(BufReader<UnixStream>);

opaque_debug!(Client);

impl Client {
  /// Connects to the engine that is running on the store in `directory`.
  ///
  /// # Errors
  ///
  /// [`ControlError::NotServed`] when there is none, and those of the socket.
  pub async fn connect(directory: &Path) -> Result<Self, ControlError> {
    let refused = |error: io::Error| match error.kind() {
      io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
        ControlError::NotServed
      }
      _ => ControlError::Io(error),
    };
    let address = Address::in_directory(directory).map_err(refused)?;
    let connected = UnixStream::connect(address.socket());
    match timeout(TIMEOUT, connected).await {
      Ok(connected) => {
        let stream = connected.map_err(refused)?;
        check_owner(&stream)?;
        Ok(Self(BufReader::new(stream)))
      }
      Err(_) => Err(ControlError::Timeout),
    }
  }

  /// Sends a command and waits for the answer, which is never
  /// [`Answer::Error`].
  ///
  /// # Errors
  ///
  /// There is no answer in time, or the engine refuses the command.
  pub async fn ask(
    &mut self,
    command: Command,
  ) -> Result<Answer, ControlError> {
    let exchange = async {
      let line = to_line(command).map_err(io::Error::from)?;
      self.0.write_all(&line).await?;
      let mut line = Vec::new();
      let mut bounded = (&mut self.0).take(MAX_ANSWER);
      bounded.read_until(b'\n', &mut line).await?;
      Ok::<_, io::Error>(line)
    };
    let line = timeout(TIMEOUT, exchange)
      .await
      .map_err(|_| ControlError::Timeout)??;
    if line.is_empty() {
      // It has gone down in this moment.
      return Err(ControlError::NotServed);
    }
    if line.len() as u64 == MAX_ANSWER && !line.ends_with(b"\n") {
      return Err(io::Error::other("its answer has no end").into());
    }
    match from_line(&line).map_err(ControlError::Refused)? {
      Answer::Error { message } => Err(ControlError::Refused(message)),
      answer => Ok(answer),
    }
  }

  /// Begins to hand work over to the process that has the engine.
  ///
  /// # Errors
  ///
  /// It does not answer in time, or takes no work.
  pub async fn hand_over(mut self) -> Result<Conversation, ControlError> {
    match self.ask(Command::HandOver).await? {
      Answer::HandOver => {
        // Nothing was read ahead: it says nothing before it was told something.
        let (heard, said) = self.0.into_inner().into_split();
        Ok(Conversation {
          heard: Heard(BufReader::new(heard)),
          said: Said(said),
        })
      }
      _ => Err(ControlError::Refused("something else".to_string())),
    }
  }
}

/// A directory may be another user's, who is told nothing, and not believed.
/// Root may ask every engine.
fn check_owner(stream: &UnixStream) -> io::Result<()> {
  let own = rustix::process::geteuid().as_raw();
  let owner = stream.peer_cred()?.uid();
  match owner == own || owner == 0 || own == 0 {
    true => Ok(()),
    false => Err(io::Error::new(
      io::ErrorKind::PermissionDenied,
      format!("it belongs to another user (uid {owner})"),
    )),
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  #[tokio::test]
  async fn an_answer_without_end_is_not_read_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let address = Address::in_directory(directory.path()).unwrap();
    let listener = tokio::net::UnixListener::bind(address.socket()).unwrap();
    let endless = async {
      let (mut stream, _) = listener.accept().await.unwrap();
      while stream.write_all(&[b'x'; 64 * 1024]).await.is_ok() {}
    };
    let ask = async {
      let mut client = Client::connect(directory.path()).await.unwrap();
      client.ask(Command::List).await
    };
    let (_, answer) = tokio::join!(endless, ask);
    let error = answer.unwrap_err().to_string();
    assert!(error.contains("no end"), "{error}");
  }
}
