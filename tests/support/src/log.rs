//! What the server has seen.

/// A request, as far as it has come.
#[derive(Clone, Debug)]
pub struct SeenRequest {
  /// The number of the connection it came on, from 0.
  pub connection: usize,
  pub method: String,
  pub target: String,
  /// In the order of the wire; names in lower case.
  pub headers: Vec<(String, String)>,
  /// How many bytes of its body have been read.
  pub body_length: u64,
  /// Set once the body has been read to its end.
  pub body_sha256: Option<String>,
  /// How many bytes of the answer's body went out.
  pub sent: u64,
  /// Set once the server is through with it.
  pub ending: Option<Ending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
  /// The answer went out as the behaviour had it, to its end.
  Complete,
  /// The server cut it off, as the behaviour had it.
  Cut,
  /// The client went away first.
  Abandoned,
}

impl SeenRequest {
  /// The value of the first header of this name.
  pub fn header(&self, name: &str) -> Option<&str> {
    let same = |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
    self
      .headers
      .iter()
      .find(same)
      .map(|(_, value)| value.as_str())
  }

  pub fn path(&self) -> &str {
    self.target.split('?').next().unwrap_or_default()
  }
}
