//! What an input is read as.

use background_fetch::spec::HeaderList;
use background_fetch::spec::Response;
use background_fetch::spec::ResponseType;

/// The lines of an input, each byte a character, as in a header.
pub(crate) fn lines(data: &[u8]) -> impl Iterator<Item = String> + Clone {
  data
    .split(|&byte| byte == b'\n')
    .map(|line| line.iter().map(|&byte| char::from(byte)).collect())
}

/// A header in each line: `name: value`.
pub(crate) fn headers(lines: impl Iterator<Item = String>) -> HeaderList {
  let mut list = HeaderList::new();
  for line in lines {
    if let Some((name, value)) = line.split_once(':') {
      list.append(name, value.trim_matches([' ', '\t']));
    }
  }
  list
}

pub(crate) fn response(status: u16, headers: HeaderList) -> Response {
  Response {
    response_type: ResponseType::Basic,
    status,
    status_message: String::new(),
    headers,
    internal_headers: None,
    decoded: false,
    url_list: Vec::new(),
  }
}
