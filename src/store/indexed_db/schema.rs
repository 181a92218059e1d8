//! Which object stores and indexes a database has.

use rusqlite::Connection;
use rusqlite::Row;
use rusqlite::params;
use serde::Deserialize;
use serde::Serialize;

/// An [object store](https://w3c.github.io/IndexedDB/#object-store).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ObjectStore {
  /// Names it in the database, whatever its name is.
  pub(crate) id: u32,
  /// What scripts name it.
  pub(crate) name: String,
  /// A JSON text: null, a string or a list of strings.
  pub(crate) key_path: String,
  /// Whether it has a key generator.
  pub(crate) auto_increment: bool,
  /// Its indexes.
  pub(crate) indexes: Vec<ObjectIndex>,
}

/// An [index](https://w3c.github.io/IndexedDB/#index-construct).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ObjectIndex {
  /// Names it in the database, whatever its name is.
  pub(crate) id: u32,
  /// What scripts name it.
  pub(crate) name: String,
  /// A JSON text: a string or a list of strings.
  pub(crate) key_path: String,
  /// Whether an array makes as many entries as it has items.
  pub(crate) multi_entry: bool,
  /// Whether no two records may have the same key.
  pub(crate) unique: bool,
}

/// What an upgrade changes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(tag = "type")]
pub(crate) enum SchemaChange {
  /// A new object store.
  CreateStore {
    /// A new one.
    id: u32,
    /// What scripts name it.
    name: String,
    /// As in [`ObjectStore`].
    key_path: String,
    /// Whether it has a key generator.
    auto_increment: bool,
  },
  /// An object store goes, with its records.
  DeleteStore {
    /// Names it.
    id: u32,
  },
  /// Scripts name an object store by another name.
  RenameStore {
    /// Names it.
    id: u32,
    /// Its new name.
    name: String,
  },
  /// A new index, which is empty yet.
  CreateIndex {
    /// A new one.
    id: u32,
    /// The object store that it is of.
    store: u32,
    /// What scripts name it.
    name: String,
    /// As in [`ObjectIndex`].
    key_path: String,
    /// As in [`ObjectIndex`].
    multi_entry: bool,
    /// As in [`ObjectIndex`].
    unique: bool,
  },
  /// An index goes, with its records.
  DeleteIndex {
    /// Names it.
    id: u32,
  },
  /// Scripts name an index by another name.
  RenameIndex {
    /// Names it.
    id: u32,
    /// Its new name.
    name: String,
  },
}

pub(super) fn read(
  connection: &Connection,
) -> rusqlite::Result<Vec<ObjectStore>> {
  let mut statement = connection.prepare_cached(
    "SELECT id, name, key_path, auto_increment FROM object_store ORDER BY id",
  )?;
  let read = |row: &Row<'_>| {
    Ok(ObjectStore {
      id: row.get(0)?,
      name: row.get(1)?,
      key_path: row.get(2)?,
      auto_increment: row.get(3)?,
      indexes: Vec::new(),
    })
  };
  let stores = statement.query_map([], read)?;
  let mut stores = stores.collect::<rusqlite::Result<Vec<_>>>()?;
  let mut statement = connection.prepare_cached(
    "SELECT id, name, key_path, multi_entry, is_unique FROM object_index
       WHERE store = ?1 ORDER BY id",
  )?;
  for store in &mut stores {
    let read = |row: &Row<'_>| {
      Ok(ObjectIndex {
        id: row.get(0)?,
        name: row.get(1)?,
        key_path: row.get(2)?,
        multi_entry: row.get(3)?,
        unique: row.get(4)?,
      })
    };
    let indexes = statement.query_map([store.id], read)?;
    store.indexes = indexes.collect::<rusqlite::Result<Vec<_>>>()?;
  }
  Ok(stores)
}

pub(super) fn change(
  connection: &Connection,
  change: &SchemaChange,
) -> rusqlite::Result<()> {
  match change {
    SchemaChange::CreateStore {
      id,
      name,
      key_path,
      auto_increment,
    } => connection.execute(
      "INSERT INTO object_store (id, name, key_path, auto_increment)
         VALUES (?1, ?2, ?3, ?4)",
      params![id, name, key_path, auto_increment],
    ),
    SchemaChange::DeleteStore { id } => {
      connection.execute("DELETE FROM object_store WHERE id = ?1", [id])
    }
    SchemaChange::RenameStore { id, name } => connection.execute(
      "UPDATE object_store SET name = ?2 WHERE id = ?1",
      params![id, name],
    ),
    SchemaChange::CreateIndex {
      id,
      store,
      name,
      key_path,
      multi_entry,
      unique,
    } => connection.execute(
      "INSERT INTO object_index
           (id, store, name, key_path, multi_entry, is_unique)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      params![id, store, name, key_path, multi_entry, unique],
    ),
    SchemaChange::DeleteIndex { id } => {
      connection.execute("DELETE FROM object_index WHERE id = ?1", [id])
    }
    SchemaChange::RenameIndex { id, name } => connection.execute(
      "UPDATE object_index SET name = ?2 WHERE id = ?1",
      params![id, name],
    ),
  }?;
  Ok(())
}
