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
pub(crate) struct RecordIndex {
  with_query: OnceLock<ByUrl>,
  without_query: OnceLock<ByUrl>,
}

type ByUrl = HashMap<Box<str>, Vec<usize>>;

impl RecordIndex {
  /// The records, in order, whose URL is that of `query` as far as `options`
  /// have it compared.
  pub(crate) fn candidates(
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

#[cfg(test)]
mod tests {
  use proptest::prelude::*;

  use super::*;
  use crate::spec::request_matches_cached_item;

  fn request(path: u8, query: Option<u8>, fragment: Option<u8>) -> Request {
    let query = query.map(|q| format!("?{q}")).unwrap_or_default();
    let fragment = fragment.map(|f| format!("#{f}")).unwrap_or_default();
    let url = format!("https://a.test/{path}{query}{fragment}");
    Request::get(url::Url::parse(&url).unwrap())
  }

  fn requests() -> impl Strategy<Value = Request> {
    let part = || proptest::option::of(0..3_u8);
    (0..3_u8, part(), part()).prop_map(|(p, q, f)| request(p, q, f))
  }

  fn slot(request: Request) -> RecordSlot {
    RecordSlot::new(request.into(), None)
  }

  proptest! {
    #[test]
    fn it_finds_what_a_look_at_each_would(
      records in proptest::collection::vec(requests(), 0..20),
      query in requests(),
      ignore_search: bool,
    ) {
      let options = CacheQueryOptions { ignore_search, ..Default::default() };
      let expected: Vec<usize> = (0..records.len())
        .filter(|&r| {
          request_matches_cached_item(&query, &records[r], None, options)
        })
        .collect();
      let records: Vec<RecordSlot> = records.into_iter().map(slot).collect();
      let index = RecordIndex::default();
      prop_assert_eq!(index.candidates(&records, &query, options), expected);
    }
  }
}
