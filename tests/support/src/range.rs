//! Which bytes a request asks for (RFC 9110, section 14).

use super::request::Head;
use super::resource::Resource;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
  Whole,
  /// From the first byte up to, and without, the second.
  Piece(u64, u64),
  NotSatisfiable,
}

/// `ignore_if_range` answers with a piece where `If-Range` asks for the whole.
pub fn asked(
  request: &Head,
  resource: &Resource,
  size: u64,
  ignore_if_range: bool,
) -> Asked {
  let Some(range) = request.header("range") else {
    return Asked::Whole;
  };
  if !resource.accept_ranges {
    return Asked::Whole;
  }
  if let Some(validator) = request.header("if-range")
    && !ignore_if_range
    && !is_current(validator, resource)
  {
    return Asked::Whole;
  }
  parse(range, size).unwrap_or(Asked::Whole)
}

/// `If-Range` compares strongly: a weak tag never matches, a date has to be
/// the very same.
fn is_current(validator: &str, resource: &Resource) -> bool {
  if validator.starts_with("W/") {
    return false;
  }
  let same = |own: &Option<String>| own.as_deref() == Some(validator);
  same(&resource.etag) || same(&resource.last_modified)
}

/// `None` for what is not a single range of bytes; a server ignores that.
fn parse(range: &str, size: u64) -> Option<Asked> {
  let (first, last) = range.strip_prefix("bytes=")?.trim().split_once('-')?;
  if first.is_empty() {
    let suffix: u64 = last.parse().ok()?;
    if suffix == 0 || size == 0 {
      return Some(Asked::NotSatisfiable);
    }
    return Some(Asked::Piece(size.saturating_sub(suffix), size));
  }
  let first: u64 = first.parse().ok()?;
  let last: u64 = if last.is_empty() {
    u64::MAX
  } else {
    last.parse().ok()?
  };
  if last < first {
    return None;
  }
  if first >= size {
    return Some(Asked::NotSatisfiable);
  }
  Some(Asked::Piece(first, last.saturating_add(1).min(size)))
}
