//! Changes, as statements. Each runs inside a transaction of its caller.

use rusqlite::Connection;
use rusqlite::Params;
use rusqlite::params;

use super::error::is_duplicate;
use super::text::to_integer;
use super::text::to_json;
use super::text::to_word;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::spec::Extents;
use crate::store::Change;
use crate::store::StoredBackgroundFetch;

/// Why an insertion did not happen.
pub(super) enum Refusal {
  /// The scope has an active background fetch with this id.
  Duplicate,
  Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Refusal {
  fn from(error: rusqlite::Error) -> Self {
    Self::Sqlite(error)
  }
}

/// Inserts a background fetch with its records.
pub(super) fn insert(
  connection: &Connection,
  row: &StoredBackgroundFetch,
) -> Result<BackgroundFetchKey, Refusal> {
  let fetch = &row.background_fetch;
  connection
    .prepare_cached(
      "INSERT INTO background_fetch (scope, id, environment, title, icons,
         download_total, upload_total, uploaded, result, failure_reason,
         records_available, paused, abort_all, active, event_owed, created,
         records, abnormal_ends, retained_since, undelivered)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
      row.scope.as_str(),
      fetch.id,
      row.environment,
      fetch.title,
      to_json(&fetch.icons)?,
      fetch.download_total.to_string(),
      to_integer(fetch.upload_total)?,
      to_integer(fetch.uploaded)?,
      fetch.result.as_str(),
      fetch.failure_reason.as_str(),
      fetch.records_available,
      fetch.paused,
      fetch.abort_all,
      row.active,
      row.event_owed,
      row.created,
      fetch.records.len() as i64,
      row.abnormal_ends,
      row.retained.as_ref().map(|retained| retained.since),
      row
        .retained
        .as_ref()
        .and_then(|r| r.undelivered.as_deref())
        .unwrap_or_default(),
    ])
    .map_err(|error| {
      if is_duplicate(&error) {
        Refusal::Duplicate
      } else {
        Refusal::Sqlite(error)
      }
    })?;
  let key = connection.last_insert_rowid();
  let mut statement = connection.prepare_cached(
    "INSERT INTO record (background_fetch, position, request, request_body,
       response, response_body, bytes, ahead, result, diagnostic, sent, most)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  )?;
  for (position, record) in fetch.records.iter().enumerate() {
    let bodies = row.bodies.get(position).cloned().unwrap_or_default();
    let data = &record.response_data;
    statement.execute(params![
      key,
      position as i64,
      to_json(&*record.request)?,
      bodies.request.map(blob),
      data.response.as_ref().map(to_json).transpose()?,
      bodies.response.map(blob),
      to_integer(data.bytes())?,
      ahead(&data.extents)?,
      data.result.as_ref().map(to_word).transpose()?,
      bodies.diagnostic,
      bodies.sent,
      to_integer(bodies.most)?,
    ])?;
  }
  Ok(BackgroundFetchKey(key))
}

/// Applies one change. One on something that is gone changes nothing.
pub(super) fn apply(
  connection: &Connection,
  change: &Change,
) -> rusqlite::Result<()> {
  let key = change.key().0;
  let run = |sql: &str, params: &[&dyn rusqlite::ToSql]| {
    execute(connection, sql, params)
  };
  let changed = match change {
    Change::Response {
      record,
      response,
      body,
      ..
    } => run(
      "UPDATE record SET response = ?3, response_body = ?4,
         bytes = CASE WHEN response_body = ?4 THEN bytes ELSE 0 END,
         ahead = CASE WHEN response_body = ?4 THEN ahead ELSE '[]' END
       WHERE background_fetch = ?1 AND position = ?2",
      params![
        key,
        *record as i64,
        response.as_ref().map(to_json).transpose()?,
        body.map(blob)
      ],
    ),
    Change::Stored {
      record,
      body,
      extents,
      bytes,
      ..
    } => {
      let (prefix, ahead) = (to_integer(extents.prefix())?, ahead(extents)?);
      let known = run(
        "UPDATE record SET bytes = ?3, ahead = ?5
         WHERE background_fetch = ?1 AND position = ?2 AND response_body = ?4",
        params![key, *record as i64, prefix, blob(*body), ahead],
      )?;
      match bytes {
        _ if known == 0 => return Ok(()),
        Some(bytes) => run(
          "INSERT OR REPLACE INTO body (id, bytes, checksum)
           VALUES (?1, ?2, ?3)",
          params![blob(*body), &bytes[..], checksum(bytes)],
        )?,
        None => run("DELETE FROM body WHERE id = ?1", params![blob(*body)])?,
      };
      let total = to_integer(extents.total())?;
      let more = run(
        "UPDATE record SET most = ?3
         WHERE background_fetch = ?1 AND position = ?2 AND response_body = ?4
           AND most < ?3",
        params![key, *record as i64, total, blob(*body)],
      )?;
      match more {
        0 => Ok(0),
        _ => run(PROGRESS, params![key]),
      }
    }
    Change::Sent { record, .. } => run(
      "UPDATE record SET sent = 1
       WHERE background_fetch = ?1 AND position = ?2",
      params![key, *record as i64],
    ),
    Change::RecordResult {
      record,
      result,
      diagnostic,
      ..
    } => {
      run(
        "UPDATE record SET result = ?3, diagnostic = ?4
         WHERE background_fetch = ?1 AND position = ?2",
        params![key, *record as i64, to_word(result)?, diagnostic],
      )?;
      run(PROGRESS, params![key])
    }
    Change::Uploaded { bytes, .. } => run(
      "UPDATE background_fetch SET uploaded = ?2 WHERE key = ?1",
      params![key, to_integer(*bytes)?],
    ),
    Change::Released { .. } => run(PROGRESS, params![key]),
    Change::Paused { paused, .. } => run(
      "UPDATE background_fetch SET paused = ?2 WHERE key = ?1",
      params![key, paused],
    ),
    Change::Aborted { .. } => run(
      "UPDATE background_fetch SET active = 0, abort_all = 1 WHERE key = ?1",
      params![key],
    ),
    Change::Settled {
      result,
      failure_reason,
      ..
    } => run(
      "UPDATE background_fetch SET active = 0, event_owed = 1, result = ?2,
         failure_reason = ?3
       WHERE key = ?1",
      params![key, result.as_str(), failure_reason.as_str()],
    ),
    Change::Retained { retained, .. } => run(
      "UPDATE background_fetch SET event_owed = ?3 <> '',
         retained_since = ?2, undelivered = ?3
       WHERE key = ?1",
      params![
        key,
        retained.since,
        retained.undelivered.as_deref().unwrap_or_default()
      ],
    ),
    Change::Redelivered { .. } => run(
      "UPDATE background_fetch SET retained_since = NULL, undelivered = ''
       WHERE key = ?1",
      params![key],
    ),
    Change::Retried { .. } => {
      run(
        "UPDATE background_fetch SET active = 1, event_owed = 0, result = '',
           failure_reason = '', abort_all = 0, paused = 0,
           retained_since = NULL, undelivered = '', abnormal_ends = 0
         WHERE key = ?1",
        params![key],
      )?;
      run(
        "UPDATE record SET result = NULL, diagnostic = '', sent = 0
         WHERE background_fetch = ?1 AND result <> 'success'",
        params![key],
      )
    }
    Change::Moved {
      record,
      request,
      environment,
      ..
    } => {
      run(
        "UPDATE background_fetch SET environment = ?2 WHERE key = ?1",
        params![key, environment],
      )?;
      run(
        "UPDATE record SET request = ?3
         WHERE background_fetch = ?1 AND position = ?2",
        params![key, *record as i64, to_json(request)?],
      )
    }
    Change::Ui { title, icons, .. } => run(
      "UPDATE background_fetch SET title = coalesce(?2, title),
         icons = coalesce(?3, icons)
       WHERE key = ?1",
      params![key, title, icons.as_ref().map(to_json).transpose()?],
    ),
    Change::Forgotten { .. } => {
      run("DELETE FROM background_fetch WHERE key = ?1", params![key])
    }
  };
  changed.map(drop)
}

/// What ended abnormally before does not count any more.
const PROGRESS: &str = "UPDATE background_fetch SET abnormal_ends = 0
  WHERE key = ?1 AND abnormal_ends > 0";

/// Returns how many rows were changed.
fn execute(
  connection: &Connection,
  sql: &str,
  params: impl Params,
) -> rusqlite::Result<usize> {
  connection.prepare_cached(sql)?.execute(params)
}

fn ahead(extents: &Extents) -> rusqlite::Result<String> {
  let ahead = extents.ahead().iter().map(|e| (e.start, e.end));
  to_json(&ahead.collect::<Vec<(u64, u64)>>())
}

/// That of the bytes of a body.
pub(super) fn checksum(bytes: &[u8]) -> i64 {
  crc32fast::hash(bytes).into()
}

pub(super) fn blob(id: BodyId) -> [u8; 16] {
  id.0.into_bytes()
}
