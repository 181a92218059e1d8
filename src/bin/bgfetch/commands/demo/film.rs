//! The transfer that is cut and continued.

use std::path::Path;

use background_fetch::display::text;

use super::child::Child;
use super::child::Ended;
use super::content::Content;
use super::content::sha256_of_file;
use super::failed;
use super::server::Server;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::line;

pub const PATH: &str = "/film.mp4";

pub struct Film {
  pub killed: bool,
  pub continued: bool,
  pub whole: bool,
}

/// `None` when it was interrupted.
pub fn show(
  directory: &Path,
  server: &Server,
  film: Content,
  interrupt: &Interrupt,
) -> Result<Option<Film>, Failure> {
  let url = format!("http://{}{PATH}", server.address);
  let out = directory.join("film");
  line(&format!(
    "\n2. Another process fetches a film of {}, and is killed:",
    text::bytes(film.size)
  ));
  line(&format!("   $ bgfetch get {url}"));
  let mut first = Child::get(directory, &out, &url).map_err(failed)?;
  let stored = match first.watch(film.size, film.size / 3, interrupt)? {
    Ended::Reached(stored) => stored,
    Ended::Interrupted => return Ok(None),
    Ended::Exited(_) => film.size,
  };
  let killed = first.kill().map_err(failed)?;
  line(&format!(
    "   killed (SIGKILL) when {} of {} were stored",
    text::bytes(stored),
    text::bytes(film.size)
  ));

  line("\n3. The same command again continues where it was cut:");
  line(&format!("   $ bgfetch get {url}"));
  let mut second = Child::get(directory, &out, &url).map_err(failed)?;
  let succeeded = match second.watch(film.size, u64::MAX, interrupt)? {
    Ended::Interrupted => return Ok(None),
    Ended::Reached(_) => false,
    Ended::Exited(succeeded) => succeeded,
  };
  let seen = server.seen(PATH);
  let last = seen.last().cloned();
  let range = last.as_ref().and_then(|seen| seen.range.clone());
  let first_byte: Option<u64> = range.as_ref().and_then(|range| {
    range
      .strip_prefix("bytes=")?
      .strip_suffix('-')?
      .parse()
      .ok()
  });
  let sent = last.map(|seen| seen.sent).unwrap_or_default();
  line(&format!(
    "   the server saw `Range: {}` and sent {}",
    range.as_deref().unwrap_or("(none)"),
    text::bytes(sent)
  ));
  let there = film.sha256();
  let name = PATH.trim_start_matches('/');
  let here = sha256_of_file(&out.join(name))
    .unwrap_or_else(|error| format!("unreadable: {error}"));
  line(&format!(
    "   SHA-256 of the server's film  {}",
    short(&there)
  ));
  line(&format!(
    "   SHA-256 of the saved file     {}",
    short(&here)
  ));
  Ok(Some(Film {
    killed: killed && stored < film.size,
    continued: seen.len() == 2
      && first_byte.is_some_and(|first| {
        first >= stored && first < film.size && sent == film.size - first
      }),
    whole: succeeded && here == there,
  }))
}

fn short(sha256: &str) -> String {
  match sha256.get(..32) {
    Some(start) if sha256.len() == 64 => format!("{start}…"),
    _ => sha256.to_string(),
  }
}
