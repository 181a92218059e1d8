//! A header list, with the operations of the Fetch standard on it.

use serde::Deserialize;
use serde::Serialize;

/// A [header list](https://fetch.spec.whatwg.org/#concept-header-list): names
/// and values in the order in which they arrived.
///
/// Values are isomorphic-decoded: each `char` stands for one byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeaderList(Vec<(String, String)>);

impl HeaderList {
  /// An empty list.
  pub fn new() -> Self {
    Self::default()
  }

  /// Whether the list
  /// [contains](https://fetch.spec.whatwg.org/#header-list-contains) `name`.
  pub fn contains(&self, name: &str) -> bool {
    self.first(name).is_some()
  }

  /// The value of the first header called `name`.
  pub fn first(&self, name: &str) -> Option<&str> {
    self
      .iter()
      .find_map(|(n, v)| n.eq_ignore_ascii_case(name).then_some(v))
  }

  /// Every value of the headers called `name`, in order.
  pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
    self
      .0
      .iter()
      .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
      .map(|(_, v)| v.as_str())
  }

  /// The [combined value](https://fetch.spec.whatwg.org/#concept-header-list-get)
  /// of `name`, or `None` when the list does not contain it.
  pub fn get(&self, name: &str) -> Option<String> {
    let values: Vec<&str> = self.values(name).collect();
    (!values.is_empty()).then(|| values.join(", "))
  }

  /// [Extracts a length](https://fetch.spec.whatwg.org/#header-list-extract-a-length):
  /// `None` where there is none, or it is not a number.
  ///
  /// # Errors
  ///
  /// Several values of `Content-Length` are not the same.
  pub fn extract_length(&self) -> Result<Option<u64>, DifferentLengths> {
    // Steps 1 and 2: "Let values be the result of getting, decoding, and
    // splitting `Content-Length` from headers."
    let mut values = self
      .values("content-length")
      .flat_map(|value| value.split(','))
      .map(|value| value.trim_matches([' ', '\t', '\n', '\r']));
    let Some(candidate) = values.next() else {
      return Ok(None);
    };
    // Step 5: "if value is not candidateValue, return failure"
    if let Some(other) = values.find(|value| *value != candidate) {
      return Err(DifferentLengths(candidate.into(), other.into()));
    }
    // Step 6: "If candidateValue is the empty string or has a code point that
    // is not an ASCII digit, then return null."
    let is_number = candidate.bytes().all(|byte| byte.is_ascii_digit());
    Ok(candidate.parse().ok().filter(|_| is_number))
  }

  /// [Appends](https://fetch.spec.whatwg.org/#concept-header-list-append) a header.
  pub fn append(&mut self, name: impl Into<String>, value: impl Into<String>) {
    self.0.push((name.into(), value.into()));
  }

  /// [Deletes](https://fetch.spec.whatwg.org/#concept-header-list-delete)
  /// every header called `name`.
  pub fn delete(&mut self, name: &str) {
    self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
  }

  /// [Sets](https://fetch.spec.whatwg.org/#concept-header-list-set) `name` to one value.
  pub fn set(&mut self, name: &str, value: impl Into<String>) {
    self.delete(name);
    self.append(name, value);
  }

  /// Names and values, in order.
  pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
    self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
  }
}

/// Two values of `Content-Length` that are not the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has two lengths, {0:?} and {1:?}")]
pub struct DifferentLengths(String, String);

impl FromIterator<(String, String)> for HeaderList {
  fn from_iter<T: IntoIterator<Item = (String, String)>>(iter: T) -> Self {
    Self(iter.into_iter().collect())
  }
}

impl IntoIterator for HeaderList {
  type Item = (String, String);
  type IntoIter = std::vec::IntoIter<(String, String)>;

  fn into_iter(self) -> Self::IntoIter {
    self.0.into_iter()
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  fn lengths(values: &[&str]) -> Result<Option<u64>, DifferentLengths> {
    let name = "Content-Length".to_string();
    let headers = values.iter().map(|value| (name.clone(), value.to_string()));
    headers.collect::<HeaderList>().extract_length()
  }

  #[test]
  fn a_length_is_a_number_that_all_values_agree_on() {
    assert_eq!(lengths(&[]), Ok(None));
    assert_eq!(lengths(&["42"]), Ok(Some(42)));
    assert_eq!(lengths(&["042", "042 , 042"]), Ok(Some(42)));
    for none in ["", "-1", "+1", "0x2A", "42s", "4 2", "\"42\""] {
      assert_eq!(lengths(&[none]), Ok(None), "{none:?}");
      assert_eq!(lengths(&[none, none]), Ok(None), "{none:?}");
    }
    // More than any length: there is none.
    assert_eq!(lengths(&["99999999999999999999"]), Ok(None));
  }

  #[test]
  fn values_that_differ_are_an_error_even_if_their_numbers_do_not() {
    for (one, other) in [("30", "030"), ("30", "42"), ("x", "y"), ("30", "")] {
      assert!(lengths(&[one, other]).is_err(), "{one:?}, {other:?}");
      assert!(lengths(&[&format!("{one},{other}")]).is_err());
    }
  }
}
