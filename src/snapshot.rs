//! What others than its engine see of a background fetch.

use serde::Deserialize;
use serde::Serialize;
use url::Url;

use crate::ids::BackgroundFetchKey;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::BackgroundFetchRecord;
use crate::spec::BackgroundFetchResult;
use crate::spec::FetchMachine;
use crate::spec::ImageResource;
use crate::spec::RecordResult;

/// A background fetch at one moment, copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BackgroundFetchSnapshot {
  /// Names it in its store.
  pub key: BackgroundFetchKey,
  /// What its author has named it.
  pub id: String,
  /// The scope of its service worker registration.
  pub scope: Url,
  /// For the user; may be empty.
  pub title: String,
  /// For the user.
  pub icons: Vec<ImageResource>,
  /// In bytes, as the five that follow; 0 when the author gave none.
  pub download_total: u64,
  /// How many bytes there are to download, once every response has said so.
  pub expected: Option<u64>,
  /// The stored body bytes total.
  pub downloaded: u64,
  /// The same with the bytes behind gaps, which there are while several parts
  /// of a response are fetched at once: what is to be shown as progress.
  pub received: u64,
  /// Of all request bodies.
  pub upload_total: u64,
  /// Of all request bodies, sent so far.
  pub uploaded: u64,
  /// What it has come to.
  pub result: BackgroundFetchResult,
  /// Why it has failed, if it has.
  pub failure_reason: BackgroundFetchFailureReason,
  /// Whether its records can still be read.
  pub records_available: bool,
  /// Whether the user has paused it.
  pub paused: bool,
  /// Whether it is not begun, because it may be what makes processes die: see
  /// [`StoredBackgroundFetch::is_quarantined`](crate::store::StoredBackgroundFetch::is_quarantined).
  /// It counts as paused, and [`Engine::unpause`](crate::engine::Engine::unpause)
  /// begins it.
  pub quarantined: bool,
  /// Why nothing comes at the moment, although it is not paused.
  pub waiting: Option<Waiting>,
  /// Set while it is kept although nothing happens with it any more: its event
  /// could not be delivered, or it is a failed download that can be continued.
  pub retained: Option<Retained>,
  /// How many records there are.
  pub records: usize,
  /// Why it failed, human-readable, if it has. Scripts never see it: it may name
  /// what another origin keeps secret.
  pub diagnostic: Option<String>,
  /// What the embedder gave as [`RealmOptions::embedder_data`](crate::engine::RealmOptions),
  /// if it did.
  pub embedder_data: Option<String>,
}

/// A fetch has failed and is going to be tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
  /// Whether it is the machine that has no network, or may not use it yet, and
  /// not the server that does not answer.
  pub offline: bool,
  /// What went wrong, human-readable; a sentence without its full stop. Scripts
  /// never see it.
  pub reason: String,
}

impl BackgroundFetchSnapshot {
  pub(crate) fn new(
    key: BackgroundFetchKey,
    scope: Url,
    perform: &FetchMachine,
  ) -> Self {
    let b = perform.background_fetch();
    Self {
      key,
      id: b.id.clone(),
      scope,
      title: b.title.clone(),
      icons: b.icons.clone(),
      download_total: b.download_total,
      expected: perform.expected_total(),
      downloaded: perform.stored_body_bytes_total(),
      received: perform.received(),
      upload_total: b.upload_total,
      uploaded: b.uploaded,
      result: b.result,
      failure_reason: b.failure_reason,
      records_available: b.records_available,
      paused: b.paused,
      quarantined: false,
      waiting: None,
      retained: None,
      records: b.records.len(),
      diagnostic: None,
      embedder_data: None,
    }
  }

  /// How many bytes a display may expect: what the responses say, or else
  /// what the author has said.
  pub fn total_to_download(&self) -> Option<u64> {
    let told = (self.download_total > 0).then_some(self.download_total);
    self.expected.or(told)
  }

  /// Whether it has its result.
  pub fn is_settled(&self) -> bool {
    self.result != BackgroundFetchResult::None
  }
}

#[cfg(test)]
pub(super) mod tests {
  use super::*;

  /// One that has just been registered.
  pub(crate) fn snapshot(key: i64) -> BackgroundFetchSnapshot {
    let scope = Url::parse("https://host.test/").expect("a URL");
    let b = crate::spec::BackgroundFetch::new(format!("{key}"), Vec::new());
    let mut snapshot = BackgroundFetchSnapshot::new(
      BackgroundFetchKey(key),
      scope,
      &FetchMachine::new(b),
    );
    snapshot.expected = None;
    snapshot
  }
}

/// A text of a row, where an empty one stands for none.
pub(crate) fn unless_empty(text: String) -> Option<String> {
  (!text.is_empty()).then_some(text)
}

/// Why, and since when, a settled background fetch is kept: until it is
/// continued, delivered, deleted, or out of retention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retained {
  /// Milliseconds since the epoch.
  pub since: i64,
  /// Why its event could not be delivered, human-readable. `None` when the event
  /// was handled, and it is a failed download that can be continued.
  pub undelivered: Option<String>,
}

/// One request of a background fetch at one moment, copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RequestSnapshot {
  /// Its method.
  pub method: String,
  /// Its URL.
  pub url: String,
  /// The status of the latest response.
  pub status: Option<u16>,
  /// In bytes, as the next one.
  pub downloaded: u64,
  /// How long the whole is, where the server has said so.
  pub expected: Option<u64>,
  /// `None` as long as it is under way.
  pub result: Option<&'static str>,
  /// Why it failed, human-readable; `None` when it did not. Not for scripts.
  pub diagnostic: Option<String>,
}

impl RequestSnapshot {
  pub(crate) fn new(
    record: &BackgroundFetchRecord,
    diagnostic: Option<String>,
  ) -> Self {
    let data = &record.response_data;
    let said = data.response.as_ref();
    Self {
      method: record.request.method.clone(),
      url: record.request.url.to_string(),
      status: said.map(|response| response.status),
      downloaded: data.extents.total(),
      expected: match data.result {
        Some(RecordResult::Success) => Some(data.bytes()),
        _ => said.and_then(|response| response.complete_length()),
      },
      result: data.result.map(|result| match result {
        RecordResult::Success => "success",
        RecordResult::Redundant => "redundant",
        RecordResult::Failure(reason) => reason.as_str(),
      }),
      diagnostic,
    }
  }
}
