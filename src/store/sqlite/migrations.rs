//! The formats of the database, from the first to today's.

use rusqlite::Connection;
use rusqlite::TransactionBehavior;

/// Each entry leads from the format with its index to the next one. Entries
/// are only ever added: a published one has been run on someone's disk.
const MIGRATIONS: &[&str] = &[
  FORMAT_1,
  FORMAT_2,
  FORMAT_3,
  RETAINED,
  ABNORMAL_ENDS,
  AHEAD,
  OWNER,
  BODY,
];

/// The format that this program writes.
pub(super) const FORMAT: i64 = MIGRATIONS.len() as i64;

/// Numbers of bytes are integers, except `download_total`: its type in Web IDL
/// reaches beyond the integers of SQLite, so it is a decimal text.
///
/// `AUTOINCREMENT`, since a key is never given twice. `records` tells a row
/// that has lost records from one that never had more.
const FORMAT_1: &str = "
CREATE TABLE background_fetch (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  scope TEXT NOT NULL,
  id TEXT NOT NULL,
  environment TEXT NOT NULL,
  title TEXT NOT NULL,
  icons TEXT NOT NULL,
  download_total TEXT NOT NULL,
  upload_total INTEGER NOT NULL CHECK (upload_total >= 0),
  uploaded INTEGER NOT NULL CHECK (uploaded >= 0),
  result TEXT NOT NULL CHECK (result IN ('', 'success', 'failure')),
  failure_reason TEXT NOT NULL CHECK (failure_reason IN (
    '', 'aborted', 'bad-status', 'fetch-error', 'quota-exceeded',
    'download-total-exceeded')),
  records_available INTEGER NOT NULL CHECK (records_available IN (0, 1)),
  paused INTEGER NOT NULL CHECK (paused IN (0, 1)),
  abort_all INTEGER NOT NULL CHECK (abort_all IN (0, 1)),
  active INTEGER NOT NULL CHECK (active IN (0, 1)),
  event_owed INTEGER NOT NULL CHECK (event_owed IN (0, 1)),
  created INTEGER NOT NULL,
  records INTEGER NOT NULL CHECK (records >= 0)
) STRICT;

CREATE UNIQUE INDEX active_background_fetch
  ON background_fetch (scope, id) WHERE active = 1;

CREATE TABLE record (
  background_fetch INTEGER NOT NULL
    REFERENCES background_fetch (key) ON DELETE CASCADE,
  position INTEGER NOT NULL CHECK (position >= 0),
  request TEXT NOT NULL,
  request_body BLOB CHECK (length(request_body) = 16),
  response TEXT,
  response_body BLOB CHECK (length(response_body) = 16),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  result TEXT CHECK (result IN (
    'success', 'redundant', '', 'aborted', 'bad-status', 'fetch-error',
    'quota-exceeded', 'download-total-exceeded')),
  diagnostic TEXT NOT NULL,
  PRIMARY KEY (background_fetch, position)
) STRICT, WITHOUT ROWID;
";

/// Service worker registrations.
const FORMAT_2: &str = "
CREATE TABLE service_worker_registration (
  key INTEGER PRIMARY KEY,
  scope TEXT NOT NULL UNIQUE,
  document TEXT NOT NULL
) STRICT;

CREATE TABLE service_worker (
  key INTEGER PRIMARY KEY,
  registration INTEGER NOT NULL
    REFERENCES service_worker_registration (key) ON DELETE CASCADE,
  slot TEXT NOT NULL CHECK (slot IN ('active', 'waiting')),
  script_url TEXT NOT NULL,
  document TEXT NOT NULL,
  UNIQUE (registration, slot)
) STRICT;

CREATE TABLE service_worker_script (
  worker INTEGER NOT NULL REFERENCES service_worker (key) ON DELETE CASCADE,
  url TEXT NOT NULL,
  source TEXT NOT NULL,
  UNIQUE (worker, url)
) STRICT;
";

/// Requests that must not be sent twice.
const FORMAT_3: &str = "
ALTER TABLE record
  ADD COLUMN sent INTEGER NOT NULL DEFAULT 0 CHECK (sent IN (0, 1));
";

/// Background fetches that are kept though nothing happens with them.
const RETAINED: &str = "
ALTER TABLE background_fetch ADD COLUMN retained_since INTEGER;
ALTER TABLE background_fetch ADD COLUMN undelivered TEXT NOT NULL DEFAULT '';
";

/// How often a process died while a background fetch was under way. `most` is
/// what tells progress from the same bytes once more.
const ABNORMAL_ENDS: &str = "
ALTER TABLE background_fetch ADD COLUMN abnormal_ends INTEGER NOT NULL
  DEFAULT 0 CHECK (abnormal_ends >= 0);

ALTER TABLE record
  ADD COLUMN most INTEGER NOT NULL DEFAULT 0 CHECK (most >= 0);

CREATE TABLE owner (boot TEXT NOT NULL) STRICT;
";

/// What is stored of a response behind a gap: a JSON array of pairs, each the
/// first position and the one behind the last. `bytes` is what is before it.
const AHEAD: &str = "
ALTER TABLE record ADD COLUMN ahead TEXT NOT NULL DEFAULT '[]';
";

/// Who has the store, or had it last. Up to here, the row was there while it
/// had an owner.
const OWNER: &str = "
ALTER TABLE owner ADD COLUMN id BLOB NOT NULL
  DEFAULT x'00000000000000000000000000000000';
ALTER TABLE owner ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE owner ADD COLUMN is_open INTEGER NOT NULL
  DEFAULT 1 CHECK (is_open IN (0, 1));
";

/// The bytes of small bodies, which go when no record speaks of the body any
/// more. Beside the records, which are rewritten whenever something of them
/// changes. SQLite has no checksums of its pages, so each has one, a CRC-32.
const BODY: &str = "
CREATE TABLE body (
  id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  bytes BLOB NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TRIGGER body_replaced AFTER UPDATE OF response_body ON record
  WHEN OLD.response_body IS NOT NEW.response_body
  BEGIN DELETE FROM body WHERE id = OLD.response_body; END;

CREATE TRIGGER record_deleted AFTER DELETE ON record
  BEGIN DELETE FROM body WHERE id = OLD.response_body; END;
";

/// The format of the database; 0 when it is empty.
pub(super) fn format(connection: &Connection) -> rusqlite::Result<i64> {
  connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings a database of an older format to today's, all steps or none.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
  if format(connection)? >= FORMAT {
    return Ok(());
  }
  let transaction =
    connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
  let found = usize::try_from(format(&transaction)?).unwrap_or(0);
  for migration in MIGRATIONS.iter().skip(found) {
    transaction.execute_batch(migration)?;
  }
  transaction.pragma_update(None, "user_version", FORMAT)?;
  transaction.commit()
}
