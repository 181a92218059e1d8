//! Headers of an answer that the command line and retries read.

use std::time::Duration;
use std::time::SystemTime;

use background_fetch::spec::HeaderList;
use background_fetch::spec::retry_after as wait_of;

use crate::content_disposition;
use crate::digest;
use crate::file_names::sanitized;
use crate::input::headers;
use crate::input::lines;
use crate::input::response;

/// A `Content-Disposition`: whatever it says, the file has a name that leads
/// nowhere else.
pub fn content_disposition(data: &[u8]) {
  for line in lines(data) {
    let Some(name) = content_disposition::file_name(&line) else {
      continue;
    };
    let name = sanitized(&name);
    assert!(!name.contains(['/', '\\', '\0']), "{name:?}");
    assert!(!name.chars().any(char::is_control), "{name:?}");
    assert!(!name.starts_with(['.', '-']), "{name:?}");
    assert!(name.len() <= 255, "{name:?}");
    assert_eq!(sanitized(&name), name);
  }
}

/// A `Retry-After`, and a `Date` beside it.
pub fn retry_after(data: &[u8]) {
  let mut lines = lines(data);
  let mut list = HeaderList::new();
  let value = lines.next().unwrap_or_default();
  list.append("Retry-After", &value);
  if let Some(date) = lines.next() {
    list.append("Date", date);
  }
  let wait = wait_of(&response(503, list), SystemTime::UNIX_EPOCH);
  let value = value.trim_matches([' ', '\t']);
  if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
    let seconds = value.parse().ok().map(Duration::from_secs);
    assert_eq!(wait, seconds);
  }
}

/// A digest as a user types it, and the headers of an answer.
pub fn digests(data: &[u8]) {
  let mut lines = lines(data);
  let typed = lines.next().unwrap_or_default();
  match typed.parse::<digest::Checksum>() {
    Ok(checksum) => {
      let text = checksum.to_string();
      let (_, hex) = text.split_once('=').unwrap();
      assert!(typed.to_ascii_lowercase().contains(hex), "{typed}");
      assert_eq!(text.parse(), Ok(checksum));
    }
    Err(why) => assert!(!why.is_empty()),
  }
  let list = headers(lines);
  for status in [200, 206] {
    if let Some(expected) = digest::sent_with(&response(status, list.clone())) {
      // What is expected of one file is not what another one has.
      let found = digest::mismatch(std::slice::from_ref(&expected), &[]);
      assert!(found.is_none_or(|why| !why.is_empty()));
    }
  }
}
