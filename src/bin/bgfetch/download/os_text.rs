//! File names in JSON: as text where they are UTF-8, else their bytes.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Name {
  Text(String),
  Bytes { bytes: Vec<u8> },
}

impl From<&std::ffi::OsStr> for Name {
  fn from(name: &std::ffi::OsStr) -> Self {
    match name.to_str() {
      Some(text) => Self::Text(text.to_string()),
      None => Self::Bytes {
        bytes: name.as_bytes().to_vec(),
      },
    }
  }
}

impl From<Name> for OsString {
  fn from(name: Name) -> Self {
    match name {
      Name::Text(text) => text.into(),
      Name::Bytes { bytes } => OsString::from_vec(bytes),
    }
  }
}

pub mod path {
  use std::path::Path;
  use std::path::PathBuf;

  use super::*;

  pub fn serialize<S: Serializer>(
    path: &Path,
    to: S,
  ) -> Result<S::Ok, S::Error> {
    Name::from(path.as_os_str()).serialize(to)
  }

  pub fn deserialize<'a, D: Deserializer<'a>>(
    from: D,
  ) -> Result<PathBuf, D::Error> {
    Name::deserialize(from).map(|name| OsString::from(name).into())
  }
}

pub mod option {
  use std::ffi::OsStr;

  use super::*;

  pub fn serialize<S: Serializer>(
    name: &Option<impl AsRef<OsStr>>,
    to: S,
  ) -> Result<S::Ok, S::Error> {
    let name = name.as_ref().map(|name| Name::from(name.as_ref()));
    name.serialize(to)
  }

  pub fn deserialize<'a, D: Deserializer<'a>, T: From<OsString>>(
    from: D,
  ) -> Result<Option<T>, D::Error> {
    let name = Option::<Name>::deserialize(from)?;
    Ok(name.map(|name| OsString::from(name).into()))
  }
}
