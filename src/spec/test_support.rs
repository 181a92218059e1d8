//! What the unit tests of the rules share.

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;
use url::Url;

use super::headers::HeaderList;
use super::response::Response;
use super::response::ResponseType;

pub(super) fn url(text: &str) -> Url {
  Url::parse(text).unwrap()
}

pub(super) fn headers(headers: &[(&str, &str)]) -> HeaderList {
  let pair = |(n, v): &(&str, &str)| (n.to_string(), v.to_string());
  headers.iter().map(pair).collect()
}

pub(super) fn response(status: u16, list: &[(&str, &str)]) -> Response {
  Response {
    response_type: ResponseType::Basic,
    status,
    status_message: String::new(),
    headers: headers(list),
    internal_headers: None,
    decoded: false,
    url_list: vec![url("https://example.com/")],
  }
}

/// The same search every time: a change that breaks nothing never turns red.
pub(super) fn proptest_config() -> ProptestConfig {
  ProptestConfig {
    cases: 2_000,
    rng_seed: RngSeed::Fixed(1),
    failure_persistence: None,
    ..ProptestConfig::default()
  }
}
