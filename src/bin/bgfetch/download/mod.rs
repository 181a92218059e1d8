//! A download: a background fetch of one URL, with no script, whose response
//! is saved as a file.

mod advice;
mod backlog;
mod content_disposition;
mod cookies;
mod credentials;
mod digest;
mod ended;
mod list_file;
mod metalink;
mod order;
pub mod os_text;
mod save;
mod saved;
mod turns;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use background_fetch::spec::Response;
use serde::Deserialize;
use serde::Serialize;
use url::Url;

use crate::file_names::file_name;
use crate::file_names::sanitized;

pub use self::backlog::Backlog;
pub use self::backlog::Left;
pub use self::backlog::Whole;
pub use self::cookies::Jar;
pub use self::credentials::SecretHeaders;
pub use self::credentials::is_secret;
pub use self::credentials::without_secrets;
pub use self::digest::Checksum;
pub use self::digest::Expected;
pub use self::digest::Hasher;
pub use self::digest::mismatch;
pub use self::digest::sent_with;
pub use self::ended::Downloads;
pub use self::ended::Ended;
pub use self::order::Item;
pub use self::order::Order;
pub use self::order::parse_url;
pub use self::order::shown_again;
pub use self::saved::Entry as SavedFile;
pub use self::saved::Saved;
pub use self::turns::Place;
pub use self::turns::Queue;
pub use self::turns::Turns;

/// What the store keeps of a download. Two commands that agree in it mean the
/// same download.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Download {
  /// Without user and password.
  pub url: Url,
  pub target: Target,
  /// The part that is asked for, as `Range` has it behind `bytes=`.
  #[serde(default, skip_serializing_if = "Option::is_none")]
  pub range: Option<String>,
}

impl Download {
  /// Whether it is not for a file.
  pub fn is_for_stdout(&self) -> bool {
    self.target.name.as_deref().is_some_and(|name| name == "-")
  }
}

/// Where a download is saved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
  /// The directory; absolute.
  #[serde(with = "os_text::path")]
  pub directory: PathBuf,
  /// What the user wants it to be called; else the server or the URL says.
  #[serde(default, skip_serializing_if = "Option::is_none")]
  #[serde(with = "os_text::option")]
  pub name: Option<OsString>,
}

/// How a download is saved. Another choice makes no other download.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SaveOptions {
  pub content_disposition: bool,
  pub remote_time: bool,
  /// Whether the digests that the server sends are checked.
  pub server_digests: bool,
  /// Whether the directories in the target's name are made.
  pub create_dirs: bool,
  /// Whether a file of the name is replaced.
  pub replace: bool,
  pub checksums: Vec<Checksum>,
  /// The name by the URL, with a number where several have it; for when
  /// nothing better is known.
  pub url_name: String,
  /// What is left of the mirrors, the next one first.
  pub mirrors: Vec<Url>,
}

impl SaveOptions {
  /// The name that the server or the URL gives a file.
  fn own_name(
    &self,
    download: &Download,
    response: Option<&Response>,
  ) -> String {
    let headers = response.map(Response::internal_headers);
    let proposed = headers
      .filter(|_| self.content_disposition)
      .and_then(|headers| headers.first("content-disposition"))
      .and_then(content_disposition::file_name)
      // RFC 6266, 4.3: only the last segment of what looks like a path.
      .and_then(|name| name.rsplit(['/', '\\']).next().map(sanitized));
    proposed.unwrap_or_else(|| match self.url_name.as_str() {
      "" => file_name(&download.url),
      name => name.to_string(),
    })
  }

  /// Where a file goes, when nothing is in the way.
  fn path(&self, download: &Download, response: Option<&Response>) -> PathBuf {
    let target = &download.target;
    let own_name = || self.own_name(download, response);
    match target.name.as_deref().filter(|name| *name != "-") {
      Some(name) if name.as_bytes().ends_with(b"/") => {
        target.directory.join(name).join(own_name())
      }
      Some(name) => target.directory.join(name),
      None => target.directory.join(own_name()),
    }
  }
}

impl Default for SaveOptions {
  fn default() -> Self {
    Self {
      content_disposition: true,
      remote_time: true,
      server_digests: true,
      create_dirs: false,
      replace: false,
      checksums: Vec::new(),
      url_name: String::new(),
      mirrors: Vec::new(),
    }
  }
}
