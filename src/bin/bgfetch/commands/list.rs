//! `bgfetch list` and `bgfetch show`

use std::path::Path;

use background_fetch::control::Answer;
use background_fetch::control::Client;
use background_fetch::control::Command;
use background_fetch::control::Progress;
use background_fetch::display::text;
use background_fetch::display::text::printable;
use background_fetch::engine::Waiting;
use background_fetch::spec::Extents;
use background_fetch::store::DamagedRow;
use background_fetch::store::Store;
use background_fetch::store::StoredBackgroundFetch;
use serde::Serialize;

use super::queued;
use super::stored;
use super::stored::Record;
use super::stored::Summary;
use crate::arguments::List;
use crate::arguments::Show;
use crate::arguments::StoreOptions;
use crate::download::Left;
use crate::failure::FAILED;
use crate::failure::Failure;
use crate::failure::PREFIX;
use crate::failure::SUCCESS;
use crate::output;
use crate::paths;
use crate::started_by::StartedBy;

pub async fn list(arguments: &List) -> Result<u8, Failure> {
  // First, for what is begun meanwhile has a row.
  let (queued, all_readable) = read_queued(&arguments.store)?;
  let (rows, status) = read(&arguments.store).await?;
  let status = if all_readable { status } else { FAILED };
  let queued = queued::without_rows(queued, rows.iter().map(|row| &row.stored));
  if arguments.json {
    for row in &rows {
      output::json_line(&row.summary());
    }
    for summary in queued.iter().flat_map(summaries) {
      output::json_line(&summary);
    }
    return Ok(status);
  }
  let begun = rows.iter().map(cells);
  let cells: Vec<[String; 4]> =
    begun.chain(queued.iter().flat_map(cells_queued)).collect();
  let width = |column: usize| {
    let lengths = cells.iter().map(|row| row[column].chars().count());
    lengths.max().unwrap_or_default()
  };
  let widths = [width(0), width(1), width(2)];
  for [id, state, progress, scope] in &cells {
    let [a, b, c] = widths;
    output::line(&format!("{id:a$}  {state:b$}  {progress:>c$}  {scope}"));
  }
  Ok(status)
}

fn cells(row: &Row) -> [String; 4] {
  let summary = row.summary();
  [
    printable(&summary.id),
    summary.state.to_string(),
    stored::progress(summary.downloaded, stored::expected(&row.stored)),
    match started_by(&row.stored) {
      Some(StartedBy::Download { typed, .. }) => printable(&typed),
      _ => summary.scope,
    },
  ]
}

fn summaries(left: &Left) -> impl Iterator<Item = Summary> {
  let created = left.created();
  let items = left.items.iter();
  items.map(move |item| Summary::queued(item, created))
}

fn cells_queued(left: &Left) -> impl Iterator<Item = [String; 4]> {
  summaries(left).zip(&left.items).map(|(summary, item)| {
    [
      printable(&summary.id),
      summary.state.to_string(),
      stored::progress(0, None),
      printable(&item.typed),
    ]
  })
}

/// The files that commands have asked for and not begun, and whether all that
/// the store has of them can be read.
fn read_queued(options: &StoreOptions) -> Result<(Vec<Left>, bool), Failure> {
  let directory = paths::store_directory(options)?;
  let mut all_readable = true;
  let left = Left::read(&directory, |damage| {
    eprintln!("{PREFIX}{damage}");
    all_readable = false;
  });
  Ok((left, all_readable))
}

#[derive(Serialize)]
struct Details {
  #[serde(flatten)]
  summary: Summary,
  requests: Vec<Record>,
}

pub async fn show(arguments: &Show) -> Result<u8, Failure> {
  let (rows, _) = read(&arguments.store).await?;
  let rows: Vec<_> = rows
    .iter()
    .filter(|row| row.stored.background_fetch.id == arguments.id)
    .collect();
  if rows.is_empty() {
    let directory = paths::store_directory(&arguments.store)?;
    return Err(queued::no_such(&directory, &arguments.id));
  }
  for row in rows {
    if arguments.json {
      output::json_line(&Details {
        summary: row.summary(),
        requests: stored::records(&row.stored),
      });
    } else {
      show_row(row);
    }
  }
  Ok(SUCCESS)
}

fn show_row(row: &Row) {
  let summary = row.summary();
  output::line(&printable(&summary.id));
  let field = |name: &str, value: &str| {
    if !value.is_empty() {
      output::line(&format!("  {name:9} {}", printable(value)));
    }
  };
  field("title", &summary.title);
  field("scope", &summary.scope);
  field("state", summary.state);
  field("why", &summary.waiting);
  field("reason", summary.failure_reason);
  field("kept", &stored::kept(&row.stored));
  let progress =
    stored::progress(summary.downloaded, stored::expected(&row.stored));
  field("stored", &progress);
  match started_by(&row.stored) {
    Some(StartedBy::Run { script, out, .. }) => {
      field("script", &script.to_string_lossy());
      field("out", &out.unwrap_or_default().to_string_lossy());
    }
    Some(StartedBy::Download { download, .. }) => {
      field("out", &download.target.directory.to_string_lossy());
    }
    Some(StartedBy::Get { out, .. }) => field("out", &out.to_string_lossy()),
    None => {}
  }
  for record in stored::records(&row.stored) {
    let progress = stored::progress(record.downloaded, record.expected);
    let status = record.status.map(|s| format!(" {s},")).unwrap_or_default();
    output::line(&format!(
      "  {} {}\n   {status} {progress} {}",
      record.method, record.url, record.result
    ));
    field("  why", &record.diagnostic);
  }
}

/// The engine keeps it beside what the network has to know.
pub fn started_by(row: &StoredBackgroundFetch) -> Option<StartedBy> {
  let environment: serde_json::Value =
    serde_json::from_str(&row.environment).ok()?;
  StartedBy::parse(environment.get("embedder_data")?.as_str())
}

/// What can be read, oldest first. What cannot is reported, and makes a
/// difference to the exit status.
async fn read(options: &StoreOptions) -> Result<(Vec<Row>, u8), Failure> {
  let directory = paths::store_directory(options)?;
  // The user's own store is there from the first background fetch on.
  if options.directory.is_none() && !directory.exists() {
    return Ok((Vec::new(), SUCCESS));
  }
  let progress = progress(&directory).await;
  let mut rows = Vec::new();
  let mut status = SUCCESS;
  for row in Store::read_directory(&directory)? {
    match row {
      Ok(stored) => {
        let newer = progress.iter().find(|newer| newer.key == stored.key);
        rows.push(Row::new(stored, newer));
      }
      Err(DamagedRow { id, message, .. }) => {
        let id = id.unwrap_or_else(|| "a background fetch".to_string());
        eprintln!("{PREFIX}{} is damaged: {message}", printable(&id));
        status = FAILED;
      }
    }
  }
  rows.sort_by_key(|row| row.stored.key);
  Ok((rows, status))
}

/// A background fetch in the store, as the engine that is running has it.
struct Row {
  stored: StoredBackgroundFetch,
  waiting: Option<Waiting>,
}

impl Row {
  /// What the engine says is newer. Everything that is shown is made of the
  /// result, so that the parts and the whole agree.
  fn new(mut stored: StoredBackgroundFetch, newer: Option<&Progress>) -> Self {
    let Some(newer) = newer else {
      let waiting = None;
      return Self { stored, waiting };
    };
    let fetch = &mut stored.background_fetch;
    fetch.uploaded = newer.uploaded;
    if newer.records.len() == fetch.records.len() {
      for (record, bytes) in fetch.records.iter_mut().zip(&newer.records) {
        record.response_data.extents = Extents::prefix_of(*bytes);
      }
    }
    Self {
      stored,
      waiting: newer.waiting.clone(),
    }
  }

  fn summary(&self) -> Summary {
    let mut summary = Summary::new(&self.stored);
    if let Some(waiting) = &self.waiting {
      summary.state = "waiting";
      summary.waiting = text::waiting(waiting);
    }
    summary
  }
}

/// How far the engine that is running has come, if there is one. What the
/// store has is good as well, only older.
async fn progress(directory: &Path) -> Vec<Progress> {
  let asked =
    async { Client::connect(directory).await?.ask(Command::List).await };
  match asked.await {
    Ok(Answer::List { background_fetches }) => background_fetches,
    _ => Vec::new(),
  }
}
