//! Subresource integrity.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest;
use sha2::Sha256;
use sha2::Sha384;
use sha2::Sha512;

/// A [valid SRI hash algorithm token](https://w3c.github.io/webappsec-subresource-integrity/#valid-sri-hash-algorithm-token),
/// weaker before stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum IntegrityAlgorithm {
  Sha256,
  Sha384,
  Sha512,
}

/// One hash that a body may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegrityMetadata {
  pub algorithm: IntegrityAlgorithm,
  /// The hash in base64, as the author wrote it.
  pub value: String,
}

/// [Parse metadata](https://w3c.github.io/webappsec-subresource-integrity/#parse-metadata)
pub fn parse_metadata(metadata: &str) -> Vec<IntegrityMetadata> {
  // Steps 1, 2 and 3: each item between white space, in order.
  metadata
    .split_ascii_whitespace()
    .filter_map(|item| {
      // Steps 2.1 and 2.2: options follow a question mark.
      let expression = item.split('?').next()?;
      // Steps 2.3, 2.4 and 2.7: algorithm and hash, with a hyphen between.
      let mut parts = expression.split('-');
      let algorithm = parts.next()?.to_ascii_lowercase();
      let value = parts.collect::<Vec<_>>().join("-");
      // Steps 2.5 and 2.6: an algorithm that is unknown is passed over.
      let algorithm = match algorithm.as_str() {
        "sha256" => IntegrityAlgorithm::Sha256,
        "sha384" => IntegrityAlgorithm::Sha384,
        "sha512" => IntegrityAlgorithm::Sha512,
        _ => return None,
      };
      // Steps 2.8 and 2.9: the item joins the metadata.
      Some(IntegrityMetadata { algorithm, value })
    })
    .collect()
}

/// [Get the strongest metadata from set](https://w3c.github.io/webappsec-subresource-integrity/#get-the-strongest-metadata)
pub fn get_the_strongest_metadata(
  mut set: Vec<IntegrityMetadata>,
) -> Vec<IntegrityMetadata> {
  let strongest = set.iter().map(|item| item.algorithm).max();
  set.retain(|item| Some(item.algorithm) == strongest);
  set
}

/// [Do bytes match metadataList?](https://w3c.github.io/webappsec-subresource-integrity/#does-response-match-metadatalist),
/// for bytes that come in pieces.
#[derive(Clone)]
pub struct IntegrityVerifier {
  hasher: Hasher,
  expected: Vec<IntegrityMetadata>,
}

#[derive(Clone)]
enum Hasher {
  Sha256(Sha256),
  Sha384(Sha384),
  Sha512(Sha512),
}

opaque_debug!(IntegrityVerifier);

impl IntegrityVerifier {
  /// `None` when `metadata_list` asks for nothing that is understood, and so
  /// matches every body.
  pub fn new(metadata_list: &str) -> Option<Self> {
    // Steps 1, 2 and 3: only the strongest algorithm counts; none matches all.
    let expected = get_the_strongest_metadata(parse_metadata(metadata_list));
    let hasher = match expected.first()?.algorithm {
      IntegrityAlgorithm::Sha256 => Hasher::Sha256(Sha256::new()),
      IntegrityAlgorithm::Sha384 => Hasher::Sha384(Sha384::new()),
      IntegrityAlgorithm::Sha512 => Hasher::Sha512(Sha512::new()),
    };
    Some(Self { hasher, expected })
  }

  /// Takes the next bytes of the body.
  pub fn update(&mut self, bytes: &[u8]) {
    match &mut self.hasher {
      Hasher::Sha256(hasher) => hasher.update(bytes),
      Hasher::Sha384(hasher) => hasher.update(bytes),
      Hasher::Sha512(hasher) => hasher.update(bytes),
    }
  }

  /// Whether the bytes so far match.
  pub fn matches(self) -> bool {
    // Step 4.3: the hash of the bytes that have come.
    let actual_value = match self.hasher {
      Hasher::Sha256(hasher) => STANDARD.encode(hasher.finalize()),
      Hasher::Sha384(hasher) => STANDARD.encode(hasher.finalize()),
      Hasher::Sha512(hasher) => STANDARD.encode(hasher.finalize()),
    };
    // Steps 4.4 and 5: Both alphabets of base64 mean the same hash, and so does
    // one without its padding.
    let actual_value = actual_value.trim_end_matches('=');
    self.expected.iter().any(|item| {
      let value = item.value.replace('-', "+").replace('_', "/");
      value.trim_end_matches('=') == actual_value
    })
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  // `printf abc | openssl dgst -sha256 -binary | base64`, and -sha384.
  const ABC_256: &str = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
  const ABC_384: &str =
    "sha384-ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP/W+2AhgcroefMI1i67KE0yCWn";

  fn matches(metadata: &str, pieces: &[&str]) -> Option<bool> {
    let mut verifier = IntegrityVerifier::new(metadata)?;
    for piece in pieces {
      verifier.update(piece.as_bytes());
    }
    Some(verifier.matches())
  }

  #[test]
  fn a_body_in_pieces_matches_its_hash() {
    assert_eq!(matches(ABC_256, &["a", "", "bc"]), Some(true));
    assert_eq!(matches(ABC_384, &["abc"]), Some(true));
    assert_eq!(matches(ABC_256, &["abd"]), Some(false));
  }

  #[test]
  fn the_strongest_algorithm_decides() {
    let wrong_384 = "sha384-AAAA";
    let both = format!("{ABC_256} {wrong_384}");
    assert_eq!(matches(&both, &["abc"]), Some(false));
    let either = format!("{wrong_384} {ABC_384} sha256-AAAA");
    assert_eq!(matches(&either, &["abc"]), Some(true));
  }

  #[test]
  fn url_safe_base64_and_options_are_understood() {
    let url_safe = "sha256-ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=?x-y";
    assert_eq!(matches(url_safe, &["abc"]), Some(true));
    let unpadded = ABC_256.trim_end_matches('=');
    assert_eq!(matches(unpadded, &["abc"]), Some(true));
    assert_eq!(matches(&unpadded[..49], &["abc"]), Some(false));
  }

  #[test]
  fn metadata_that_is_not_understood_asks_for_nothing() {
    assert!(IntegrityVerifier::new("").is_none());
    assert!(IntegrityVerifier::new("md5-AAAA whatever").is_none());
    assert_eq!(matches("sha256", &["abc"]), Some(false));
  }
}
