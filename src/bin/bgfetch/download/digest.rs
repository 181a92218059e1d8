//! Digests of files: those that a user names, and those that servers send.

use std::fmt;
use std::str::FromStr;

use background_fetch::spec::HeaderList;
use background_fetch::spec::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest as _;

/// The algorithms that are published beside files, the strongest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
  Crc32,
  Crc32c,
  Crc64Nvme,
  Md5,
  Sha1,
  Sha256,
  Sha384,
  Sha512,
}

impl Algorithm {
  /// By any of the names that tools and headers have for it.
  fn by_name(name: &str) -> Option<Self> {
    let name = name.trim().to_ascii_lowercase().replace(['-', '_'], "");
    Some(match name.as_str() {
      "crc32" => Self::Crc32,
      "crc32c" => Self::Crc32c,
      "crc64nvme" => Self::Crc64Nvme,
      "md5" => Self::Md5,
      "sha" | "sha1" => Self::Sha1,
      "sha256" => Self::Sha256,
      "sha384" => Self::Sha384,
      "sha512" => Self::Sha512,
      _ => return None,
    })
  }

  fn name(self) -> &'static str {
    match self {
      Self::Crc32 => "crc32",
      Self::Crc32c => "crc32c",
      Self::Crc64Nvme => "crc64nvme",
      Self::Md5 => "md5",
      Self::Sha1 => "sha1",
      Self::Sha256 => "sha256",
      Self::Sha384 => "sha384",
      Self::Sha512 => "sha512",
    }
  }

  /// In bytes.
  fn length(self) -> usize {
    match self {
      Self::Crc32 | Self::Crc32c => 4,
      Self::Crc64Nvme => 8,
      Self::Md5 => 16,
      Self::Sha1 => 20,
      Self::Sha256 => 32,
      Self::Sha384 => 48,
      Self::Sha512 => 64,
    }
  }
}

/// The digest that a file has or should have. Its text is `sha256=HEX`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Checksum {
  algorithm: Algorithm,
  digest: Vec<u8>,
}

impl Checksum {
  /// `None` when the digest has not the algorithm's length.
  fn new(algorithm: Algorithm, digest: Vec<u8>) -> Option<Self> {
    (digest.len() == algorithm.length()).then_some(Self { algorithm, digest })
  }

  fn from_base64(algorithm: &str, digest: &str) -> Option<Self> {
    let digest = STANDARD.decode(digest.trim()).ok()?;
    Self::new(Algorithm::by_name(algorithm)?, digest)
  }
}

impl FromStr for Checksum {
  type Err = String;

  fn from_str(text: &str) -> Result<Self, String> {
    let (name, hex) = text.split_once(['=', ':']).ok_or(
      "it has to be ALGORITHM=HEX, such as sha256=… or md5=…".to_string(),
    )?;
    let algorithm = Algorithm::by_name(name).ok_or_else(|| {
      format!(
        "{name:?} is not an algorithm that is known here; they are sha256, \
         sha512, sha384, sha1, md5, crc32c and crc32"
      )
    })?;
    let digest = from_hex(hex.trim())
      .ok_or_else(|| "the digest is not hexadecimal".to_string())?;
    let length = digest.len();
    Self::new(algorithm, digest).ok_or_else(|| {
      format!(
        "a digest of {} has {} hexadecimal digits, this one has {}",
        algorithm.name(),
        algorithm.length() * 2,
        length * 2
      )
    })
  }
}

impl fmt::Display for Checksum {
  fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}=", self.algorithm.name())?;
    self
      .digest
      .iter()
      .try_for_each(|byte| write!(f, "{byte:02x}"))
  }
}

impl From<Checksum> for String {
  fn from(checksum: Checksum) -> Self {
    checksum.to_string()
  }
}

impl TryFrom<String> for Checksum {
  type Error = String;

  fn try_from(text: String) -> Result<Self, String> {
    text.parse()
  }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
  let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
  if !text.len().is_multiple_of(2) || !is_hex {
    return None;
  }
  let pairs = (0..text.len()).step_by(2);
  pairs
    .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
    .collect()
}

/// A digest that a file should have, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
  pub checksum: Checksum,
  pub source: String,
}

/// The strongest digest that a response's head has for the bytes that are
/// stored of it.
pub fn sent_with(response: &Response) -> Option<Expected> {
  // They are of the bytes on the wire.
  match response.decoded {
    true => None,
    false => in_headers(response.status, response.internal_headers()),
  }
}

fn in_headers(status: u16, headers: &HeaderList) -> Option<Expected> {
  let mut found = Vec::new();
  let mut add = |source: &str, checksum: Option<Checksum>| {
    found.extend(checksum.map(|checksum| Expected {
      checksum,
      source: source.to_string(),
    }));
  };
  // RFC 9530; `Digest` is from RFC 3230, which it replaces.
  for (name, digest) in members(headers.get("repr-digest")) {
    add("Repr-Digest", of_byte_sequence(&name, &digest));
  }
  for (name, digest) in members(headers.get("digest")) {
    add("Digest", Checksum::from_base64(&name, &digest));
  }
  // They are of one message, which a part is not all of.
  if status == 200 {
    for (name, digest) in members(headers.get("content-digest")) {
      add("Content-Digest", of_byte_sequence(&name, &digest));
    }
    if let Some(digest) = headers.get("content-md5") {
      add("Content-MD5", Checksum::from_base64("md5", &digest));
    }
  }
  // It is of what is stored there, which may be sent in another coding.
  let stored_coding = headers.get("x-goog-stored-content-encoding");
  let is_as_stored = stored_coding.as_deref().is_none_or(|coding| {
    coding == "identity" || headers.contains("content-encoding")
  });
  if is_as_stored {
    for (name, digest) in members(headers.get("x-goog-hash")) {
      add("x-goog-hash", Checksum::from_base64(&name, &digest));
    }
  }
  for (name, value) in headers.iter() {
    // One of an upload in parts ends with their number, and is not a base64.
    if let Some(algorithm) = name.strip_prefix("x-amz-checksum-") {
      add(name, Checksum::from_base64(algorithm, value));
    }
  }
  found
    .into_iter()
    .max_by_key(|found| found.checksum.algorithm)
}

/// The `name=value` members of a header that is a list of them.
fn members(value: Option<String>) -> Vec<(String, String)> {
  let value = value.unwrap_or_default();
  let member = |text: &str| {
    let (name, value) = text.split_once('=')?;
    Some((name.trim().to_string(), value.trim().to_string()))
  };
  value.split(',').filter_map(member).collect()
}

/// RFC 9651, 3.3.5: `:BASE64:`, with parameters that mean nothing here.
fn of_byte_sequence(algorithm: &str, item: &str) -> Option<Checksum> {
  let (digest, _) = item.strip_prefix(':')?.split_once(':')?;
  Checksum::from_base64(algorithm, digest)
}

/// Computes digests of several algorithms in one pass.
pub struct Hasher(Vec<(Algorithm, State)>);

enum State {
  Crc(crc_fast::Digest),
  Md5(md5::Md5),
  Sha1(sha1::Sha1),
  Sha256(sha2::Sha256),
  Sha384(sha2::Sha384),
  Sha512(sha2::Sha512),
}

impl Hasher {
  /// For every algorithm in `checksums`.
  pub fn new<'a>(checksums: impl Iterator<Item = &'a Checksum>) -> Self {
    let mut algorithms: Vec<_> = checksums.map(|c| c.algorithm).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    let crc = |of| State::Crc(crc_fast::Digest::new(of));
    let state = |algorithm| match algorithm {
      Algorithm::Crc32 => crc(crc_fast::CrcAlgorithm::Crc32IsoHdlc),
      Algorithm::Crc32c => crc(crc_fast::CrcAlgorithm::Crc32Iscsi),
      Algorithm::Crc64Nvme => crc(crc_fast::CrcAlgorithm::Crc64Nvme),
      Algorithm::Md5 => State::Md5(md5::Md5::new()),
      Algorithm::Sha1 => State::Sha1(sha1::Sha1::new()),
      Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
      Algorithm::Sha384 => State::Sha384(sha2::Sha384::new()),
      Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
    };
    Self(algorithms.into_iter().map(|a| (a, state(a))).collect())
  }

  pub fn update(&mut self, bytes: &[u8]) {
    for (_, state) in &mut self.0 {
      match state {
        State::Crc(hash) => hash.update(bytes),
        State::Md5(hash) => hash.update(bytes),
        State::Sha1(hash) => hash.update(bytes),
        State::Sha256(hash) => hash.update(bytes),
        State::Sha384(hash) => hash.update(bytes),
        State::Sha512(hash) => hash.update(bytes),
      }
    }
  }

  pub fn finish(self) -> Vec<Checksum> {
    let finish = |(algorithm, state): (Algorithm, State)| {
      let digest = match state {
        State::Crc(hash) => {
          let crc = hash.finalize().to_be_bytes();
          crc[crc.len() - algorithm.length()..].to_vec()
        }
        State::Md5(hash) => hash.finalize().to_vec(),
        State::Sha1(hash) => hash.finalize().to_vec(),
        State::Sha256(hash) => hash.finalize().to_vec(),
        State::Sha384(hash) => hash.finalize().to_vec(),
        State::Sha512(hash) => hash.finalize().to_vec(),
      };
      Checksum { algorithm, digest }
    };
    self.0.into_iter().map(finish).collect()
  }
}

/// What of `expected` is not among the digests that were `found`, as a
/// sentence.
pub fn mismatch(expected: &[Expected], found: &[Checksum]) -> Option<String> {
  let wrong = expected.iter().find(|e| !found.contains(&e.checksum))?;
  let algorithm = wrong.checksum.algorithm;
  let own = found.iter().find(|f| f.algorithm == algorithm);
  let own = own.map(ToString::to_string).unwrap_or_default();
  Some(format!(
    "its digest is not the one that {} names: {} is expected, {own} is found",
    wrong.source, wrong.checksum
  ))
}

#[cfg(test)]
mod tests {
  use super::*;

  fn hashed(bytes: &[u8], names: &[&str]) -> Vec<String> {
    let all: Vec<_> = names
      .iter()
      .map(|name| {
        let algorithm = Algorithm::by_name(name).unwrap();
        let digest = vec![0; algorithm.length()];
        Checksum { algorithm, digest }
      })
      .collect();
    let mut hasher = Hasher::new(all.iter());
    hasher.update(bytes);
    hasher.finish().iter().map(ToString::to_string).collect()
  }

  #[test]
  fn known_digests_are_computed() {
    assert_eq!(
      hashed(
        b"123456789",
        &["md5", "crc32", "crc32c", "crc64nvme", "sha-1"]
      ),
      [
        "crc32=cbf43926",
        "crc32c=e3069283",
        "crc64nvme=ae8b14860a799888",
        "md5=25f9e794323b453885f5181f1b624d0b",
        "sha1=f7c3bc1d808e04732adf679965ccc34ca7ae3441",
      ]
    );
  }

  #[test]
  fn a_digest_of_the_wrong_length_or_algorithm_is_refused() {
    for text in ["sha256", "sha256=", "sha256=zz", "sha3=00", "md5=é0"] {
      assert!(text.parse::<Checksum>().is_err(), "{text}");
    }
    let text = "SHA-1:F7C3BC1D808E04732ADF679965CCC34CA7AE3441";
    let read: Checksum = text.parse().unwrap();
    assert_eq!(
      read.to_string(),
      "sha1=f7c3bc1d808e04732adf679965ccc34ca7ae3441"
    );
  }

  fn sent(status: u16, headers: &[(&str, &str)]) -> Option<String> {
    let own = |&(name, value): &(&str, &str)| (name.into(), value.into());
    let headers: HeaderList = headers.iter().map(own).collect();
    in_headers(status, &headers).map(|found| found.source)
  }

  #[test]
  fn the_strongest_digest_that_holds_for_the_file_is_taken() {
    let sha = "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=";
    let md5 = "XrY7u+Ae7tCTyyK7j1rNww==";
    let repr = format!("sha-256=:{sha}:;x=1, unknown=:AAAA:");
    let of = |headers: &[(&str, &str)]| sent(200, headers);
    let goog = format!("crc32c=n03x6A==,md5={md5}");
    assert_eq!(
      of(&[("x-goog-hash", &goog), ("repr-digest", &repr)]).as_deref(),
      Some("Repr-Digest")
    );
    assert_eq!(
      of(&[("x-goog-hash", &goog)]).as_deref(),
      Some("x-goog-hash")
    );
    let parts = format!("{sha}-3");
    assert_eq!(of(&[("x-amz-checksum-sha256", &parts)]), None);
    let digest = format!("sha-256=:{sha}:");
    assert_eq!(sent(206, &[("content-digest", &digest)]), None);
    let stored_coded = [
      ("x-goog-hash", goog.as_str()),
      ("x-goog-stored-content-encoding", "gzip"),
    ];
    assert_eq!(of(&stored_coded), None);
  }
}
