//! Where `console` writes.

use std::io::IsTerminal;
use std::io::Write;
use std::rc::Rc;

/// Who writes what a `console` says. A function of the two is one.
pub trait WriteConsole: 'static {
  /// A text with its line end, and whether it is a warning or an error.
  fn write(&self, text: &str, is_error: bool);
}

impl<F> WriteConsole for F
where
  F: Fn(&str, bool) + 'static,
{
  fn write(&self, text: &str, is_error: bool) {
    self(text, is_error)
  }
}

/// Where `console` writes.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Console {
  /// Warnings and errors to standard error, the rest to standard output.
  #[default]
  Standard,
  /// Everything to standard error.
  Stderr,
  /// To a function.
  Custom(Rc<dyn WriteConsole>),
}

opaque_debug!(Console);

impl Console {
  /// Whether what is not an error, and what is one, may be coloured.
  pub(super) fn colors(&self) -> (bool, bool) {
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
      return (false, false);
    }
    let stderr = std::io::stderr().is_terminal();
    match self {
      Console::Standard => (std::io::stdout().is_terminal(), stderr),
      Console::Stderr => (stderr, stderr),
      Console::Custom(_) => (false, false),
    }
  }

  pub(super) fn write(&self, text: &str, is_error: bool) {
    // A closed pipe does not end a script.
    let _ = match self {
      Console::Custom(write) => {
        write.write(text, is_error);
        Ok(())
      }
      Console::Standard if !is_error => write_all(std::io::stdout(), text),
      Console::Standard | Console::Stderr => write_all(std::io::stderr(), text),
    };
  }
}

fn write_all(mut stream: impl Write, text: &str) -> std::io::Result<()> {
  stream.write_all(text.as_bytes())?;
  stream.flush()
}
