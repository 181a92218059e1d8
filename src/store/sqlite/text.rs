//! Values of the specification as the texts of a column, by way of serde.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A JSON document.
pub(super) fn to_json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
  serde_json::to_string(value)
    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// The bare word of an enumeration's value.
pub(super) fn to_word<T: Serialize>(value: &T) -> rusqlite::Result<String> {
  match serde_json::to_value(value) {
    Ok(serde_json::Value::String(word)) => Ok(word),
    Ok(other) => Err(rusqlite::Error::ToSqlConversionFailure(
      format!("{other} is not a word").into(),
    )),
    Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(error.into())),
  }
}

/// The enumeration's value for a bare word; `None` when it has no such value.
pub(super) fn from_word<T: DeserializeOwned>(word: &str) -> Option<T> {
  serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

/// A number of bytes for a column of integers.
pub(super) fn to_integer(bytes: u64) -> rusqlite::Result<i64> {
  i64::try_from(bytes)
    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}
