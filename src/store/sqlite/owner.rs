//! Who has the store, and what was under way when an owner died.
//!
//! The row in `owner` is there while a process has the store open. An opening
//! that finds it comes after an owner that did not end in an orderly way: it
//! crashed or was killed. What was under way then has one abnormal end more,
//! which is forgotten as soon as there is progress. When the machine has been
//! restarted in between, the power is to blame and nothing is counted.

use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;

use crate::store::files::boot_id;

/// This process has the store from now on.
pub(super) fn take_over(connection: &mut Connection) -> rusqlite::Result<()> {
  // Where nobody knows the boot, every one is the same.
  let boot = boot_id().unwrap_or_default();
  let transaction =
    connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
  let died: Option<String> = transaction
    .query_row("SELECT boot FROM owner", [], |row| row.get(0))
    .optional()?;
  if died.is_some_and(|died| died == boot) {
    transaction.execute(
      "UPDATE background_fetch SET abnormal_ends = abnormal_ends + 1
       WHERE active = 1 AND paused = 0 AND result = ''",
      [],
    )?;
  }
  transaction.execute("DELETE FROM owner", [])?;
  transaction.execute("INSERT INTO owner (boot) VALUES (?)", [boot])?;
  transaction.commit()
}

/// This process ends in an orderly way.
pub(super) fn let_go(connection: &Connection) -> rusqlite::Result<()> {
  connection.execute("DELETE FROM owner", []).map(drop)
}
