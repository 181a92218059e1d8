//! The answer to a CORS preflight.

use super::request::Head;

#[derive(Clone, Debug)]
pub struct Preflight {
  pub(super) status: u16,
  pub(super) headers: Vec<(String, String)>,
}

impl Preflight {
  /// Allows nothing yet; the status is 204.
  pub fn new() -> Self {
    Self {
      status: 204,
      headers: Vec::new(),
    }
  }

  pub fn status(mut self, status: u16) -> Self {
    self.status = status;
    self
  }

  pub fn allow_origin(self, origin: &str) -> Self {
    self.header("Access-Control-Allow-Origin", origin)
  }

  pub fn allow_methods(self, methods: &str) -> Self {
    self.header("Access-Control-Allow-Methods", methods)
  }

  pub fn allow_headers(self, headers: &str) -> Self {
    self.header("Access-Control-Allow-Headers", headers)
  }

  pub fn allow_credentials(self) -> Self {
    self.header("Access-Control-Allow-Credentials", "true")
  }

  pub fn max_age(self, seconds: u64) -> Self {
    self.header("Access-Control-Max-Age", &seconds.to_string())
  }

  pub fn header(mut self, name: &str, value: &str) -> Self {
    self.headers.push((name.to_owned(), value.to_owned()));
    self
  }

  pub(super) fn head(&self) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {} Preflight\r\n", self.status);
    for (name, value) in &self.headers {
      text += &format!("{name}: {value}\r\n");
    }
    // A 204 has no body, and must not speak of its length.
    if self.status != 204 {
      text += "Content-Length: 0\r\n";
    }
    text += "\r\n";
    text.into_bytes()
  }
}

impl Default for Preflight {
  fn default() -> Self {
    Self::new()
  }
}

pub(super) fn is_preflight(request: &Head) -> bool {
  request.method == "OPTIONS"
    && request.header("access-control-request-method").is_some()
}
