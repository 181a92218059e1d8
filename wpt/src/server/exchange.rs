//! A request as handlers see it, and the answer they give.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use url::Url;

/// A request whose body was read.
pub struct Request {
  pub method: Method,
  /// As the client spelled it: with the host that it used.
  pub url: Url,
  pub headers: HeaderMap,
  pub body: Bytes,
}

impl Request {
  /// The decoded path.
  pub fn path(&self) -> String {
    percent_encoding::percent_decode_str(self.url.path())
      .decode_utf8_lossy()
      .into_owned()
  }

  /// The first value of a parameter of the query.
  pub fn get(&self, name: &str) -> Option<String> {
    let mut pairs = self.url.query_pairs();
    pairs.find(|(key, _)| key == name).map(|(_, v)| v.into())
  }

  pub fn header(&self, name: &str) -> Option<&str> {
    self.headers.get(name)?.to_str().ok()
  }
}

/// A part of a body, in the order in which they are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
  Bytes(Bytes),
  Pause(Duration),
  /// The connection is cut.
  Cut,
  /// As the only part: the connection ends, and there is not even a head.
  Gone,
}

/// An answer.
pub struct Reply {
  pub status: u16,
  pub headers: HeaderMap,
  pub body: Vec<Part>,
}

impl Reply {
  pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
    Self {
      status,
      headers: HeaderMap::new(),
      body: vec![Part::Bytes(body.into())],
    }
  }

  pub fn text(status: u16, body: impl Into<Bytes>) -> Self {
    Self::new(status, body).with("Content-Type", "text/plain")
  }

  pub fn with(mut self, name: &str, value: &str) -> Self {
    self.set(name, value);
    self
  }

  /// Replaces a header. What is no header is left out.
  pub fn set(&mut self, name: &str, value: &str) {
    if let Some((name, value)) = header(name, value) {
      self.headers.insert(name, value);
    }
  }

  /// Adds a header to what there is.
  pub fn append(&mut self, name: &str, value: &str) {
    if let Some((name, value)) = header(name, value) {
      self.headers.append(name, value);
    }
  }

  /// The bytes of the body, without its pauses.
  pub fn bytes(&self) -> Bytes {
    let parts = self.body.iter().filter_map(|part| match part {
      Part::Bytes(bytes) => Some(&bytes[..]),
      _ => None,
    });
    Bytes::from(parts.collect::<Vec<_>>().concat())
  }

  pub fn set_bytes(&mut self, bytes: impl Into<Bytes>) {
    self.body = vec![Part::Bytes(bytes.into())];
  }
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
  let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
  let value = HeaderValue::from_bytes(value.trim().as_bytes()).ok()?;
  Some((name, value))
}
