//! What a user has to know.

use std::fmt;
use std::io;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::Digest;
use sha2::Sha256;

/// How many random bytes it has.
const LENGTH: usize = 32;

/// The secret in the page's address. It is good as long as its router is, and
/// is not to be logged.
#[derive(Clone)]
pub struct Token(String);

impl Token {
  /// One that cannot be guessed.
  ///
  /// # Errors
  ///
  /// The operating system has no random numbers.
  pub fn random() -> io::Result<Self> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
  }

  /// Whether it is `text`. How long that takes tells nothing of it.
  pub(super) fn is(&self, text: &[u8]) -> bool {
    Sha256::digest(&self.0) == Sha256::digest(text)
  }
}

/// As it stands in the address.
impl fmt::Display for Token {
  fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&self.0)
  }
}

impl fmt::Debug for Token {
  fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("Token(…)")
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn every_token_is_another_one_and_no_log_has_it() {
    let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
    assert!(one.is(one.to_string().as_bytes()));
    assert!(!one.is(other.to_string().as_bytes()));
    assert!(!one.is(b""));
    assert_eq!(one.to_string().len(), 43);
    assert_eq!(format!("{one:?}"), "Token(…)");
  }
}
