//! The rows of a store, as the commands show them.

use background_fetch::display::text;
use background_fetch::spec::BackgroundFetchRecord;
use background_fetch::spec::BackgroundFetchResult;
use background_fetch::spec::RecordResult;
use background_fetch::store::Retained;
use background_fetch::store::StoredBackgroundFetch;
use serde::Serialize;

use crate::download::Item;

/// A background fetch in the store.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
  pub id: String,
  pub title: String,
  pub scope: String,
  pub state: &'static str,
  /// What it waits for that is running and gets nothing, or why it is not
  /// begun, in a message.
  pub waiting: String,
  pub downloaded: u64,
  pub download_total: u64,
  pub uploaded: u64,
  pub upload_total: u64,
  pub result: &'static str,
  pub failure_reason: &'static str,
  /// Why its event could not be delivered, in a message; empty unless that is
  /// its state.
  pub undelivered: String,
  /// Since when it is kept although nothing happens with it any more, in
  /// milliseconds since the epoch.
  pub kept_since: Option<i64>,
  /// How many requests it has.
  pub records: usize,
  /// In milliseconds since the epoch.
  pub created: i64,
}

/// A request of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
  pub method: String,
  pub url: String,
  pub status: Option<u16>,
  pub downloaded: u64,
  /// What the server said the whole is, in bytes.
  pub expected: Option<u64>,
  pub result: &'static str,
  pub diagnostic: String,
}

impl Summary {
  pub fn new(row: &StoredBackgroundFetch) -> Self {
    let b = &row.background_fetch;
    Self {
      id: b.id.clone(),
      title: b.title.clone(),
      scope: row.scope.to_string(),
      state: state(row),
      waiting: match row.is_quarantined() {
        true => quarantined(&text::printable(&b.id)),
        false => String::new(),
      },
      downloaded: b.stored_body_bytes_total(),
      download_total: b.download_total,
      uploaded: b.uploaded,
      upload_total: b.upload_total,
      result: b.result.as_str(),
      failure_reason: b.failure_reason.as_str(),
      undelivered: row
        .retained
        .as_ref()
        .and_then(|retained| retained.undelivered.clone())
        .unwrap_or_default(),
      kept_since: row.retained.as_ref().map(|retained| retained.since),
      records: b.records.len(),
      created: row.created,
    }
  }
}

impl Summary {
  /// A file that a command has asked for and not begun.
  pub fn queued(item: &Item, created: i64) -> Self {
    Self {
      id: item.options.url_name.clone(),
      title: String::new(),
      scope: String::new(),
      state: "queued",
      waiting: String::new(),
      downloaded: 0,
      download_total: 0,
      uploaded: 0,
      upload_total: 0,
      result: "",
      failure_reason: "",
      undelivered: String::new(),
      kept_since: None,
      records: 1,
      created,
    }
  }
}

/// What is to be done with it, in one word.
fn state(row: &StoredBackgroundFetch) -> &'static str {
  let b = &row.background_fetch;
  if is_undelivered(row) {
    return "undelivered";
  }
  match b.result {
    BackgroundFetchResult::Success => "succeeded",
    BackgroundFetchResult::Failure => "failed",
    BackgroundFetchResult::None if b.abort_all => "aborted",
    BackgroundFetchResult::None if row.is_quarantined() => "quarantined",
    BackgroundFetchResult::None if b.paused => "paused",
    BackgroundFetchResult::None => "unfinished",
  }
}

/// Why a background fetch with this id is not begun, and what to do.
pub fn quarantined(id: &str) -> String {
  format!(
    "the program died three times while it was under way, without progress in \
     between; `bgfetch unpause \"{id}\"` tries it again, `bgfetch abort` gives \
     it up"
  )
}

/// Whether no service worker could handle its event.
pub fn is_undelivered(row: &StoredBackgroundFetch) -> bool {
  let retained = row.retained.as_ref();
  retained.is_some_and(|retained| retained.undelivered.is_some())
}

/// What can be done with one that is kept although nothing happens with it.
pub fn kept(row: &StoredBackgroundFetch) -> String {
  match &row.retained {
    None => String::new(),
    Some(Retained {
      undelivered: None, ..
    }) => {
      format!(
        "the same command, `bgfetch resume` or `bgfetch retry {}` continues \
         it, `bgfetch clean` deletes it",
        text::printable(&row.background_fetch.id)
      )
    }
    Some(Retained {
      undelivered: Some(why),
      ..
    }) => format!(
      "its event could not be delivered, for {why}; `bgfetch resume` \
       fires it again"
    ),
  }
}

/// How many bytes a background fetch will have, where all servers have said.
pub fn expected(row: &StoredBackgroundFetch) -> Option<u64> {
  let mut records = row.background_fetch.records.iter();
  // Servers may say anything.
  records.try_fold(0u64, |total, record| {
    Some(total.saturating_add(expected_of(record)?))
  })
}

fn expected_of(record: &BackgroundFetchRecord) -> Option<u64> {
  let data = &record.response_data;
  if data.result == Some(RecordResult::Success) {
    return Some(data.bytes());
  }
  data.response.as_ref()?.complete_length()
}

pub fn records(row: &StoredBackgroundFetch) -> Vec<Record> {
  let records = row.background_fetch.records.iter().zip(&row.bodies);
  let record = |(record, bodies): (&BackgroundFetchRecord, _)| {
    let bodies: &background_fetch::store::RecordBodies = bodies;
    let data = &record.response_data;
    Record {
      method: record.request.method.clone(),
      url: record.request.url.to_string(),
      status: data.response.as_ref().map(|response| response.status),
      downloaded: data.extents.total(),
      expected: expected_of(record),
      result: match data.result {
        None => "",
        Some(RecordResult::Success) => "success",
        Some(RecordResult::Redundant) => "redundant",
        Some(RecordResult::Failure(reason)) => reason.as_str(),
      },
      diagnostic: bodies.diagnostic.clone(),
    }
  };
  records.map(record).collect()
}

/// `12 MiB of 256 MiB`, or what is known of it.
pub fn progress(downloaded: u64, expected: Option<u64>) -> String {
  match expected {
    Some(expected) => {
      format!("{} of {}", text::bytes(downloaded), text::bytes(expected))
    }
    None => text::bytes(downloaded),
  }
}
