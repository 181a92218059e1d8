//! What the unit tests of the rules share.

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
