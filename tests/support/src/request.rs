//! The head of a request.

use std::io;

use bytes::{Buf, BytesMut};

/// More than any client in these tests sends.
const MOST_HEADERS: usize = 256;

#[derive(Clone, Debug)]
pub struct Head {
  pub method: String,
  pub target: String,
  /// Names in lower case.
  pub headers: Vec<(String, String)>,
}

impl Head {
  /// The value of the first header of this name, which is in lower case.
  pub fn header(&self, name: &str) -> Option<&str> {
    let same = |(n, _): &&(String, String)| n == name;
    self
      .headers
      .iter()
      .find(same)
      .map(|(_, value)| value.as_str())
  }

  /// Whether the comma-separated header lists this value.
  pub fn lists(&self, name: &str, value: &str) -> bool {
    let listed = self.header(name).unwrap_or_default();
    listed.split(',').any(|one| {
      let one = one.split(';').next().unwrap_or_default();
      one.trim().eq_ignore_ascii_case(value)
    })
  }

  /// Takes a head from the front of the buffer; `None` if it is not whole yet.
  pub fn parse(buffer: &mut BytesMut) -> io::Result<Option<Self>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(buffer) {
      Ok(httparse::Status::Complete(length)) => length,
      Ok(httparse::Status::Partial) => return Ok(None),
      Err(error) => return Err(io::Error::other(error)),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let head = Self {
      method: request.method.unwrap_or_default().to_owned(),
      target: request.path.unwrap_or_default().to_owned(),
      headers: request
        .headers
        .iter()
        .map(|h| (h.name.to_ascii_lowercase(), text(h.value)))
        .collect(),
    };
    buffer.advance(length);
    Ok(Some(head))
  }
}
