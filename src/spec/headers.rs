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
