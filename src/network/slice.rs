//! A part of a resource that a program asks for, as a resource of its own.
//!
//! A program's `Range` header names the bytes that it wants, and a record's
//! missing bytes are asked for with `Range`, too. Here the two become one: what
//! the record has counts from the part's first byte, and so does what it is
//! answered. A page's `Range` header is sent as it is.

use super::FetchParams;
use super::FetchResponse;
use super::NetworkError;
use super::NetworkPolicy;
use crate::spec::extract_content_range_values;

/// The bytes of a resource from `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
  first: u64,
  /// `None` for all that follow.
  last: Option<u64>,
}

impl Slice {
  /// The part that the author of a request asks for; its header is taken out
  /// of the request. `None` when all is asked for, or when it is not a range
  /// of this form, which goes out as it is.
  pub(super) fn taken_from(params: &mut FetchParams) -> Option<Self> {
    let is_program = params.environment.policy == NetworkPolicy::Server;
    if !is_program || !params.request.is_get() {
      return None;
    }
    let slice = Self::parse(&params.request.headers.get("range")?)?;
    params.request.headers.delete("range");
    Some(slice)
  }

  fn parse(header: &str) -> Option<Self> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| {
      let digits = text.bytes().all(|b| b.is_ascii_digit());
      digits.then(|| text.parse().ok()).flatten()
    };
    let first = number(first)?;
    let last = match last {
      "" => None,
      last => Some(number(last)?),
    };
    last
      .is_none_or(|last| first <= last)
      .then_some(Self { first, last })
  }

  /// The header for the part of it behind the first `stored` bytes, up to the
  /// byte `last` of it, if there is one.
  pub(super) fn range(self, stored: u64, last: Option<u64>) -> String {
    let first = self.first.saturating_add(stored);
    let last = last.map(|last| self.first.saturating_add(last));
    match [self.last, last].into_iter().flatten().min() {
      Some(last) => format!("bytes={first}-{}", last.max(first)),
      None => format!("bytes={first}-"),
    }
  }

  /// The answer, as if the part were all there is.
  ///
  /// # Errors
  ///
  /// It is not an answer with a part.
  pub(super) fn seen_as_whole(
    self,
    mut answer: FetchResponse,
  ) -> Result<FetchResponse, NetworkError> {
    let response = &mut answer.response;
    if response.status == 200 {
      return Err(NetworkError::refused(
        "the server sends the whole only, not the range that was asked for",
      ));
    }
    if response.status != 206 {
      return Ok(answer);
    }
    let range = extract_content_range_values(response).filter(|range| {
      range.first_byte_pos >= self.first
        && self.last.is_none_or(|last| range.last_byte_pos <= last)
    });
    let Some(range) = range else {
      return Err(NetworkError::bad_answer(
        "the server sends another range than the one that was asked for",
      ));
    };
    let length = |complete: u64| {
      let end = match self.last {
        Some(last) => complete.min(last.saturating_add(1)),
        None => complete,
      };
      end.saturating_sub(self.first).to_string()
    };
    let complete = range.complete_length.map_or("*".to_string(), length);
    let first = range.first_byte_pos - self.first;
    let last = range.last_byte_pos - self.first;
    let seen = format!("bytes {first}-{last}/{complete}");
    if let Some(headers) = &mut response.internal_headers {
      headers.set("content-range", seen.as_str());
    }
    response.headers.set("content-range", seen);
    Ok(answer)
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn only_one_range_from_a_first_byte_is_a_slice() {
    let of = |first, last| Some(Slice { first, last });
    for (header, slice) in [
      ("bytes=0-99", of(0, Some(99))),
      ("bytes=5-", of(5, None)),
      ("bytes=-5", None),
      ("bytes=9-1", None),
      ("bytes=0-1,3-4", None),
      ("lines=0-1", None),
      ("bytes=+1-2", None),
    ] {
      assert_eq!(Slice::parse(header), slice, "{header}");
    }
  }

  #[test]
  fn what_is_stored_counts_from_its_first_byte() {
    let part = Slice::parse("bytes=100-199").unwrap();
    assert_eq!(part.range(0, None), "bytes=100-199");
    assert_eq!(part.range(50, None), "bytes=150-199");
    assert_eq!(part.range(50, Some(59)), "bytes=150-159");
    assert_eq!(part.range(50, Some(100)), "bytes=150-199");
    let open = Slice::parse("bytes=7-").unwrap();
    assert_eq!(open.range(3, None), "bytes=10-");
    assert_eq!(open.range(3, Some(5)), "bytes=10-12");
  }
}
