//! Keys that are pressed while background fetches are under way.
//!
//! The terminal gives single keys, without an echo, only as long as the
//! process is in its foreground: one that was sent to the background continues,
//! and reads nothing, or it would be stopped.

use std::io::IsTerminal;
use std::io::Read;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::termios::LocalModes;
use rustix::termios::OptionalActions;
use rustix::termios::Termios;
use tokio::sync::mpsc;

/// How often it is looked whether the process is in the foreground.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Held while the terminal is changed.
static TERMINAL: Mutex<Terminal> = Mutex::new(Terminal {
  before: None,
  given_back: false,
});

struct Terminal {
  /// As it was, while it is not.
  before: Option<Termios>,
  /// The process is about to end.
  given_back: bool,
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
  Pause,
  Resume,
  Abort,
  Details,
  Quit,
  /// The answer to a question.
  Yes,
  Other,
}

/// The shown keys.
pub const HINT: &str = "p pause  r resume  a abort  d details  q quit";

pub struct Keys {
  pressed: mpsc::UnboundedReceiver<Key>,
}

impl Keys {
  /// `None` when none can be pressed: there is no terminal to read.
  pub fn watch() -> Option<Self> {
    if !std::io::stdin().is_terminal() || !in_foreground() {
      return None;
    }
    let (sender, pressed) = mpsc::unbounded_channel();
    let read = move || while next(&sender) {};
    let thread = std::thread::Builder::new().name("keys".into());
    thread.spawn(read).ok().map(|_| Self { pressed })
  }

  pub async fn next(&mut self) -> Key {
    match self.pressed.recv().await {
      Some(key) => key,
      None => std::future::pending().await,
    }
  }
}

impl Drop for Keys {
  fn drop(&mut self) {
    restore();
  }
}

/// Gives the terminal back as it was, for good.
pub fn restore() {
  let mut terminal = TERMINAL.lock();
  terminal.given_back = true;
  if let Some(before) = terminal.before.take()
    && in_foreground()
  {
    let stdin = std::io::stdin();
    let _ = rustix::termios::tcsetattr(stdin, OptionalActions::Now, &before);
  }
}

/// Waits a while for keys; returns whether there can be more.
fn next(sender: &mpsc::UnboundedSender<Key>) -> bool {
  if !in_foreground() {
    std::thread::sleep(POLL_INTERVAL);
    return true;
  }
  if !take_single_keys() {
    return false;
  }
  let stdin = std::io::stdin();
  let mut polled = [PollFd::new(&stdin, PollFlags::IN)];
  let wait = rustix::event::Timespec {
    tv_sec: 0,
    tv_nsec: POLL_INTERVAL.subsec_nanos().into(),
  };
  match rustix::event::poll(&mut polled, Some(&wait)) {
    Ok(0) | Err(rustix::io::Errno::INTR) => return true,
    Ok(_) if in_foreground() => {}
    Ok(_) => return true,
    Err(_) => return false,
  }
  let mut bytes = [0; 16];
  match stdin.lock().read(&mut bytes) {
    Ok(0) | Err(_) => false,
    Ok(length) => {
      let mut keys = bytes[..length].iter().map(|byte| key(*byte));
      keys.all(|key| sender.send(key).is_ok())
    }
  }
}

fn key(byte: u8) -> Key {
  match byte.to_ascii_lowercase() {
    b'p' => Key::Pause,
    b'r' => Key::Resume,
    b'a' => Key::Abort,
    b'd' => Key::Details,
    b'q' => Key::Quit,
    b'y' => Key::Yes,
    _ => Key::Other,
  }
}

fn in_foreground() -> bool {
  let foreground = rustix::termios::tcgetpgrp(std::io::stdin());
  foreground.is_ok_and(|group| group == rustix::process::getpgrp())
}

/// Returns false when the terminal was given back. A shell may have set it
/// back meanwhile.
fn take_single_keys() -> bool {
  let stdin = std::io::stdin();
  let mut terminal = TERMINAL.lock();
  let lines = LocalModes::ICANON | LocalModes::ECHO;
  match rustix::termios::tcgetattr(&stdin) {
    _ if terminal.given_back => false,
    Ok(modes) if modes.local_modes.intersects(lines) => {
      let mut modes = terminal.before.get_or_insert(modes).clone();
      modes.local_modes.remove(lines);
      // Ctrl-C and Ctrl-Z keep their meaning.
      let now = OptionalActions::Now;
      rustix::termios::tcsetattr(&stdin, now, &modes).is_ok()
    }
    modes => modes.is_ok(),
  }
}
