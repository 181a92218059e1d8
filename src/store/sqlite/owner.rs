//! Who has the store, and what was under way when an owner died.
//!
//! The row in `owner` says who took the store over last: everything that
//! changes the database is done as its owner, and refused when another one has
//! come since. While the owner is there, the row says that it is *open*. One
//! that is found so is of an owner that did not end in an orderly way: it
//! crashed or was killed. What was under way then has one abnormal end more,
//! which is forgotten as soon as there is progress. When the machine has been
//! restarted in between, the power is to blame and nothing is counted.

use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;
use rusqlite::params;
use uuid::Uuid;

use crate::store::Owner;
use crate::store::StoreError;
use crate::store::files::boot_id;

/// A new owner, after `own`, which is this process's if it has been one.
pub(super) fn take_over(
  connection: &mut Connection,
  own: Option<Owner>,
) -> rusqlite::Result<Owner> {
  // Where the boot is not known, every one is the same.
  let boot = boot_id().unwrap_or_default();
  let transaction =
    connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
  let last = current(&transaction)?;
  let has_died = own != Some(last)
    && transaction
      .query_row("SELECT boot FROM owner WHERE is_open = 1", [], |row| {
        row.get(0)
      })
      .optional()?
      .is_some_and(|died: String| died == boot);
  if has_died {
    transaction.execute(
      "UPDATE background_fetch SET abnormal_ends = abnormal_ends + 1
       WHERE active = 1 AND paused = 0 AND result = ''",
      [],
    )?;
  }
  let owner = Owner {
    id: Uuid::new_v4(),
    epoch: last.epoch + 1,
  };
  transaction.execute("DELETE FROM owner", [])?;
  transaction.execute(
    "INSERT INTO owner (boot, id, epoch, is_open) VALUES (?, ?, ?, 1)",
    params![boot, owner.id.into_bytes(), owner.epoch as i64],
  )?;
  transaction.commit()?;
  Ok(owner)
}

/// Who took the store over last.
pub(super) fn current(connection: &Connection) -> rusqlite::Result<Owner> {
  let owner = connection
    .prepare_cached("SELECT id, epoch FROM owner")?
    .query_row([], |row| {
      let epoch: i64 = row.get(1)?;
      Ok(Owner {
        id: Uuid::from_bytes(row.get(0)?),
        epoch: epoch.max(0) as u64,
      })
    })
    .optional()?;
  Ok(owner.unwrap_or_default())
}

/// Whether `owner` is the one that took the store over last, `current`.
pub(super) fn check(current: Owner, owner: Owner) -> Result<(), StoreError> {
  match owner == current {
    true => Ok(()),
    false => Err(StoreError::TakenOver {
      own: owner.epoch,
      current: current.epoch,
    }),
  }
}

/// Whether the last owner has ended in an orderly way, or there was none.
pub(super) fn has_ended(connection: &Connection) -> rusqlite::Result<bool> {
  let open: i64 = connection.query_row(
    "SELECT count(*) FROM owner WHERE is_open = 1",
    [],
    |row| row.get(0),
  )?;
  Ok(open == 0)
}

/// This owner ends in an orderly way.
pub(super) fn let_go(
  connection: &Connection,
  own: Owner,
) -> rusqlite::Result<()> {
  connection
    .execute(
      "UPDATE owner SET is_open = 0 WHERE id = ? AND epoch = ?",
      params![own.id.into_bytes(), own.epoch as i64],
    )
    .map(drop)
}
