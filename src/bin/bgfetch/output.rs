//! Standard output, for the commands that answer on it.

use std::io::Write;

use serde::Serialize;

/// Prints a line. When it is not read any more, as behind `| head`, nothing
/// more is printed, and it is not an error.
pub fn line(text: &str) {
  let mut stdout = std::io::stdout().lock();
  let _ = writeln!(stdout, "{text}");
  let _ = stdout.flush();
}

/// Prints `value` on a line of its own.
pub fn json_line(value: &impl Serialize) {
  // Strings and numbers always have a JSON form.
  if let Ok(text) = serde_json::to_string(value) {
    line(&text);
  }
}
