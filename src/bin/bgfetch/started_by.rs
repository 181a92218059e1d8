//! What the store keeps of the command that started a background fetch, so
//! that another process can continue with it.

use std::path::PathBuf;

use background_fetch::network::NetworkPolicy;
use serde::Deserialize;
use serde::Serialize;
use url::Url;

use crate::download::Download;
use crate::download::SaveOptions;
use crate::download::os_text;
use crate::failure::Failure;

/// The command that started a background fetch; all paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase")]
pub enum StartedBy {
  Run {
    #[serde(with = "os_text::path")]
    script: PathBuf,
    /// The script is a page's, and this is the one of its service worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "os_text::option")]
    sw: Option<PathBuf>,
    base: Url,
    #[serde(default, with = "os_text::option")]
    out: Option<PathBuf>,
    policy: NetworkPolicy,
  },
  /// One URL of a `get`.
  Download {
    /// The URL as the user has typed it, without a password.
    typed: String,
    download: Download,
    options: SaveOptions,
  },
  /// Several URLs in one background fetch, as earlier releases did it.
  Get {
    urls: Vec<Url>,
    #[serde(with = "os_text::path")]
    out: PathBuf,
  },
}

impl StartedBy {
  /// `None` when something else than this program has started it.
  pub fn parse(embedder_data: Option<&str>) -> Option<Self> {
    serde_json::from_str(embedder_data?).ok()
  }

  pub fn to_json(&self) -> Result<String, Failure> {
    serde_json::to_string(self)
      .map_err(|error| Failure::failed(format!("it cannot be stored: {error}")))
  }

  /// The download that one was started for.
  pub fn download(embedder_data: Option<&str>) -> Option<Download> {
    match Self::parse(embedder_data)? {
      Self::Download { download, .. } => Some(download),
      _ => None,
    }
  }

  pub fn out(&self) -> Option<&PathBuf> {
    match self {
      Self::Run { out, .. } => out.as_ref(),
      Self::Download { download, .. } => Some(&download.target.directory),
      Self::Get { out, .. } => Some(out),
    }
  }
}
