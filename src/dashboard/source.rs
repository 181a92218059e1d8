//! Where what is shown comes from: an engine in this process, or a store that
//! another process may be working on.

use std::collections::HashMap;
use std::path::Path;
use std::path::PathBuf;

use crate::control;
use crate::control::Answer;
use crate::control::Client;
use crate::control::Command;
use crate::control::ControlError;
use crate::control::Progress;
use crate::display::ShownNotification;
use crate::engine::BackgroundFetchSnapshot;
use crate::engine::Engine;
use crate::engine::RequestSnapshot;
use crate::engine::WeakEngine;
use crate::ids::BackgroundFetchKey;
use crate::snapshot::unless_empty;
use crate::spec::BackgroundFetchRecord;
use crate::spec::Extents;
use crate::spec::RecordResult;
use crate::store::Store;
use crate::store::StoredBackgroundFetch;

pub(super) enum Source {
  Engine(WeakEngine),
  Directory(PathBuf),
}

/// Everything there is at one moment.
pub(super) struct Look {
  /// Oldest first.
  pub(super) all: Vec<BackgroundFetchSnapshot>,
  pub(super) notifications: Vec<ShownNotification>,
  /// What the user has to know, if anything is not as it should be.
  pub(super) note: String,
  requests: Requests,
}

enum Requests {
  Of(Engine),
  Stored(HashMap<BackgroundFetchKey, StoredBackgroundFetch>),
}

impl Source {
  /// `None` when there will never be more to see.
  pub(super) async fn look(&self) -> Option<Look> {
    match self {
      Self::Engine(engine) => {
        let engine = engine.upgrade()?;
        Some(Look {
          all: engine.background_fetches(),
          notifications: engine.notifications(),
          note: String::new(),
          requests: Requests::Of(engine),
        })
      }
      Self::Directory(directory) => Some(look_at_store(directory).await),
    }
  }

  /// The error is a message.
  pub(super) async fn ask(&self, command: Command) -> Result<Answer, String> {
    let answer = match self {
      Self::Engine(engine) => control::answer(engine, command).await,
      Self::Directory(directory) => ask(directory, command)
        .await
        .map_err(|error| error.to_string())?,
    };
    match answer {
      Answer::Error { message } => Err(message),
      answer => Ok(answer),
    }
  }
}

async fn ask(
  directory: &Path,
  command: Command,
) -> Result<Answer, ControlError> {
  Client::connect(directory).await?.ask(command).await
}

impl Look {
  /// The first `limit` requests of a background fetch.
  pub(super) fn requests(
    &self,
    key: BackgroundFetchKey,
    limit: usize,
  ) -> Vec<RequestSnapshot> {
    match &self.requests {
      Requests::Of(engine) => engine.requests(key, limit),
      Requests::Stored(rows) => rows
        .get(&key)
        .map(|row| stored_requests(row, limit))
        .unwrap_or_default(),
    }
  }
}

/// What the store has, and, newer, how far the process that works on it has
/// come.
async fn look_at_store(directory: &Path) -> Look {
  let progress = ask(directory, Command::List).await;
  let shown = ask(directory, Command::Notifications).await;
  let path = directory.to_owned();
  let read = move || Store::read_directory(&path);
  let read = tokio::task::spawn_blocking(read).await;
  let mut notes = Vec::new();
  let newer: HashMap<_, _> = match progress {
    Ok(Answer::List { background_fetches }) => {
      let all = background_fetches.into_iter();
      all.map(|progress| (progress.key, progress)).collect()
    }
    Ok(_) => HashMap::new(),
    Err(ControlError::NotServed) => {
      notes.push(
        "no process works on the store: nothing continues until `bgfetch \
         resume` or another dashboard does"
          .to_string(),
      );
      HashMap::new()
    }
    Err(error) => {
      notes.push(error.to_string());
      HashMap::new()
    }
  };
  let rows = match read {
    Ok(Ok(rows)) => rows,
    Ok(Err(error)) => {
      notes.push(error.to_string());
      Vec::new()
    }
    Err(error) => {
      notes.push(format!("the store cannot be read: {error}"));
      Vec::new()
    }
  };
  let damaged = rows.iter().filter(|row| row.is_err()).count();
  if damaged > 0 {
    notes.push(format!("{damaged} rows of the store are damaged"));
  }
  let rows = rows.into_iter().flatten();
  let rows = rows.map(|row| newer_row(row, &newer));
  let rows: HashMap<_, _> = rows.map(|row| (row.key, row)).collect();
  let mut all: Vec<_> = rows
    .values()
    .map(|row| snapshot(row, newer.get(&row.key)))
    .collect();
  all.sort_by_key(|one| one.key);
  Look {
    all,
    notifications: match shown {
      Ok(Answer::Notifications { notifications }) => notifications,
      _ => Vec::new(),
    },
    note: notes.join("; "),
    requests: Requests::Stored(rows),
  }
}

/// Everything that is shown is made of this, so that the parts and the whole
/// agree.
fn newer_row(
  mut row: StoredBackgroundFetch,
  newer: &HashMap<BackgroundFetchKey, Progress>,
) -> StoredBackgroundFetch {
  if let Some(newer) = newer.get(&row.key) {
    let fetch = &mut row.background_fetch;
    fetch.uploaded = newer.uploaded;
    fetch.paused = newer.paused;
    if newer.records.len() == fetch.records.len() {
      for (record, bytes) in fetch.records.iter_mut().zip(&newer.records) {
        record.response_data.extents = Extents::prefix_of(*bytes);
      }
    }
  }
  row
}

fn snapshot(
  row: &StoredBackgroundFetch,
  newer: Option<&Progress>,
) -> BackgroundFetchSnapshot {
  let b = &row.background_fetch;
  let mut diagnostics = row.bodies.iter().map(|bodies| &bodies.diagnostic);
  let diagnostic = diagnostics.find(|why| !why.is_empty());
  let waiting = newer.and_then(|newer| newer.waiting.clone());
  BackgroundFetchSnapshot {
    key: row.key,
    id: b.id.clone(),
    scope: row.scope.clone(),
    title: b.title.clone(),
    icons: b.icons.clone(),
    download_total: b.download_total,
    expected: expected(&b.records),
    downloaded: b.stored_body_bytes_total(),
    received: b
      .records
      .iter()
      .map(|r| r.response_data.extents.total())
      .sum(),
    upload_total: b.upload_total,
    uploaded: b.uploaded,
    result: b.result,
    failure_reason: b.failure_reason,
    records_available: b.records_available,
    paused: b.paused,
    quarantined: row.is_quarantined(),
    waiting: waiting.filter(|_| !b.paused),
    retained: row.retained.clone(),
    records: b.records.len(),
    diagnostic: diagnostic.cloned(),
    embedder_data: None,
  }
}

/// How many bytes there will be, where all servers have said.
fn expected(records: &[BackgroundFetchRecord]) -> Option<u64> {
  // Servers may say anything.
  records.iter().try_fold(0u64, |total, record| {
    let data = &record.response_data;
    let length = match data.result {
      Some(RecordResult::Success) => Some(data.bytes()),
      _ => data.response.as_ref()?.complete_length(),
    };
    Some(total.saturating_add(length?))
  })
}

fn stored_requests(
  row: &StoredBackgroundFetch,
  limit: usize,
) -> Vec<RequestSnapshot> {
  let records = row.background_fetch.records.iter().zip(&row.bodies);
  records
    .take(limit)
    .map(|(record, bodies)| {
      RequestSnapshot::new(record, unless_empty(bodies.diagnostic.clone()))
    })
    .collect()
}
