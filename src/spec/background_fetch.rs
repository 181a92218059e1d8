//! The concepts of
//! [Infrastructure](https://wicg.github.io/background-fetch/#infrastructure):
//! a background fetch, its records and their responses.

use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use super::extents::Extents;
use super::request::Request;
use super::response::Response;

/// [`BackgroundFetchResult`](https://wicg.github.io/background-fetch/#enumdef-backgroundfetchresult)
#[derive(
  Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum BackgroundFetchResult {
  /// Not settled yet.
  #[default]
  #[serde(rename = "")]
  None,
  Success,
  Failure,
}

impl BackgroundFetchResult {
  /// The value of the enumeration in Web IDL.
  pub fn as_str(self) -> &'static str {
    match self {
      Self::None => "",
      Self::Success => "success",
      Self::Failure => "failure",
    }
  }
}

/// [`BackgroundFetchFailureReason`](https://wicg.github.io/background-fetch/#enumdef-backgroundfetchfailurereason)
#[derive(
  Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BackgroundFetchFailureReason {
  /// Not completed yet, or successful.
  #[default]
  #[serde(rename = "")]
  None,
  /// Aborted by the user, or by `abort()`.
  Aborted,
  /// A response had a status that is not ok.
  BadStatus,
  /// A fetch failed for another reason.
  FetchError,
  /// The storage quota was reached.
  QuotaExceeded,
  /// The given `downloadTotal` was exceeded.
  DownloadTotalExceeded,
}

impl BackgroundFetchFailureReason {
  /// The value of the enumeration in Web IDL.
  pub fn as_str(self) -> &'static str {
    match self {
      Self::None => "",
      Self::Aborted => "aborted",
      Self::BadStatus => "bad-status",
      Self::FetchError => "fetch-error",
      Self::QuotaExceeded => "quota-exceeded",
      Self::DownloadTotalExceeded => "download-total-exceeded",
    }
  }
}

/// The result of a
/// [background fetch response](https://wicg.github.io/background-fetch/#background-fetch-response-result).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordResult {
  Success,
  /// Another response took this one's place.
  Redundant,
  #[serde(untagged)]
  Failure(BackgroundFetchFailureReason),
}

/// An [`ImageResource`](https://w3c.github.io/image-resource/#dom-imageresource).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageResource {
  pub src: String,
  #[serde(default, skip_serializing_if = "Option::is_none")]
  pub sizes: Option<String>,
  #[serde(default, skip_serializing_if = "Option::is_none", rename = "type")]
  pub mime_type: Option<String>,
  #[serde(default, skip_serializing_if = "Option::is_none")]
  pub label: Option<String>,
}

/// A [background fetch](https://wicg.github.io/background-fetch/#background-fetch).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackgroundFetch {
  pub id: String,
  pub records: Vec<BackgroundFetchRecord>,
  pub title: String,
  pub icons: Vec<ImageResource>,
  /// In bytes; 0 when the author gave none.
  pub download_total: u64,
  /// In bytes.
  pub upload_total: u64,
  /// In bytes.
  pub uploaded: u64,
  pub result: BackgroundFetchResult,
  pub failure_reason: BackgroundFetchFailureReason,
  pub records_available: bool,
  pub paused: bool,
  pub abort_all: bool,
}

impl BackgroundFetch {
  /// A new one with nothing but an id and records: no title, totals of 0, not
  /// settled, its records available.
  pub fn new(id: String, records: Vec<BackgroundFetchRecord>) -> Self {
    Self {
      id,
      records,
      title: String::new(),
      icons: Vec::new(),
      download_total: 0,
      upload_total: 0,
      uploaded: 0,
      result: BackgroundFetchResult::None,
      failure_reason: BackgroundFetchFailureReason::None,
      records_available: true,
      paused: false,
      abort_all: false,
    }
  }

  /// The [stored body bytes total](https://wicg.github.io/background-fetch/#background-fetch-stored-body-bytes-total),
  /// in bytes.
  pub fn stored_body_bytes_total(&self) -> u64 {
    // stored.1 to stored.3, stored.2.1: add up the bytes of every record.
    self.records.iter().map(|r| r.response_data.bytes()).sum()
  }

  /// Whether the display may offer to pause: only when every request is a
  /// `GET`, since issuing another request again may have side effects.
  pub fn is_pausable(&self) -> bool {
    // display.8: offer to pause only what may be asked for twice.
    self.records.iter().all(|r| r.request.is_get())
  }
}

/// A [background fetch record](https://wicg.github.io/background-fetch/#background-fetch-record).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackgroundFetchRecord {
  /// Shared by all who deal with the record.
  pub request: Arc<Request>,
  pub response_data: BackgroundFetchResponse,
}

/// A [background fetch response](https://wicg.github.io/background-fetch/#background-fetch-response).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackgroundFetchResponse {
  pub response: Option<Response>,
  /// Which of its bytes are stored; the bytes themselves are in the store.
  pub extents: Extents,
  /// `None` is the specification's empty string.
  pub result: Option<RecordResult>,
}

/// Whether a background fetch response with this result may be
/// [exposed](https://wicg.github.io/background-fetch/#background-fetch-response-exposed).
/// One that is kept although a later answer had a bad status is cut short, and
/// a reader could not see that.
pub fn may_be_exposed(
  result: Option<RecordResult>,
  response: Option<&Response>,
) -> bool {
  match result {
    None | Some(RecordResult::Success) => true,
    Some(RecordResult::Failure(BackgroundFetchFailureReason::BadStatus)) => {
      response.is_none_or(|response| !response.is_ok())
    }
    Some(RecordResult::Redundant | RecordResult::Failure(_)) => false,
  }
}

impl BackgroundFetchResponse {
  /// How many bytes it has in the specification's sense: those that are stored
  /// from the first one on.
  pub fn bytes(&self) -> u64 {
    self.extents.prefix()
  }

  /// Whether it may be exposed; see [`may_be_exposed`].
  pub fn may_be_exposed(&self) -> bool {
    may_be_exposed(self.result, self.response.as_ref())
  }
}
