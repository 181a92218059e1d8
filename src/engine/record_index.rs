//! Which records a URL may mean, so that `match()` need not look at each.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::record_slot::RecordSlot;
use crate::spec::CacheQueryOptions;
use crate::spec::Request;
use crate::spec::compared_part;

/// The records of one background fetch by the part of their URL that *request
/// matches cached item* compares. Made when it is first asked: most background
/// fetches are never matched against.
#[derive(Default)]
pub(super) struct RecordIndex {
  with_query: OnceLock<ByUrl>,
  without_query: OnceLock<ByUrl>,
}

type ByUrl = HashMap<Box<str>, Vec<usize>>;

impl RecordIndex {
  /// The records, in order, whose URL is that of `query` as far as `options`
  /// have it compared.
  pub(super) fn candidates(
    &self,
    records: &[RecordSlot],
    query: &Request,
    options: CacheQueryOptions,
  ) -> &[usize] {
    let by_url = match options.ignore_search {
      true => &self.without_query,
      false => &self.with_query,
    };
    let by_url = by_url.get_or_init(|| index(records, options));
    by_url
      .get(compared_part(&query.url, options))
      .map_or(&[], Vec::as_slice)
  }
}

fn index(records: &[RecordSlot], options: CacheQueryOptions) -> ByUrl {
  let mut by_url = ByUrl::new();
  for (number, record) in records.iter().enumerate() {
    let part = compared_part(&record.request.url, options);
    by_url.entry(part.into()).or_default().push(number);
  }
  by_url
}
