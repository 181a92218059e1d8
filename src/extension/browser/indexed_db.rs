//! The ops of IndexedDB: they translate, and decide nothing.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use deno_core::AsyncRefCell;
use deno_core::CancelFuture;
use deno_core::CancelHandle;
use deno_core::JsBuffer;
use deno_core::OpState;
use deno_core::RcRef;
use deno_core::Resource;
use deno_core::ResourceId;
use deno_core::ToJsBuffer;
use deno_core::op2;
use serde::Deserialize;
use serde::Serialize;

use crate::engine::Realm;
use crate::engine::indexed_db::DatabaseClaim;
use crate::engine::indexed_db::DatabaseConnection;
use crate::engine::indexed_db::DatabaseTransaction;
use crate::engine::indexed_db::StillOpen;
use crate::engine::indexed_db::VersionChange;
use crate::extension::error::OpError;
use crate::extension::structured_clone::blob_part;
use crate::extension::structured_clone::new_blob_part;
use crate::store::indexed_db::Direction;
use crate::store::indexed_db::NewRecord;
use crate::store::indexed_db::ObjectStore;
use crate::store::indexed_db::Position;
use crate::store::indexed_db::Query;
use crate::store::indexed_db::Range;
use crate::store::indexed_db::SchemaChange;
use crate::store::indexed_db::Source;

/// A request that has its turn in the connection queue.
struct Claim(AsyncRefCell<DatabaseClaim>);

impl Resource for Claim {
  fn name(&self) -> Cow<'_, str> {
    "indexedDbClaim".into()
  }
}

struct Connection {
  connection: DatabaseConnection,
  cancel: CancelHandle,
}

impl Resource for Connection {
  fn name(&self) -> Cow<'_, str> {
    "indexedDbConnection".into()
  }

  fn close(self: Rc<Self>) {
    self.connection.close();
    self.cancel.cancel();
  }
}

struct Transaction(DatabaseTransaction);

impl Resource for Transaction {
  fn name(&self) -> Cow<'_, str> {
    "indexedDbTransaction".into()
  }

  fn close(self: Rc<Self>) {
    self.0.close();
  }
}

fn transaction(
  state: &OpState,
  rid: ResourceId,
) -> Result<Rc<Transaction>, OpError> {
  Ok(state.resource_table.get::<Transaction>(rid)?)
}

fn claim(
  state: &Rc<RefCell<OpState>>,
  rid: ResourceId,
) -> Result<Rc<Claim>, OpError> {
  Ok(state.borrow().resource_table.get::<Claim>(rid)?)
}

/// Throws when the realm's origin has no databases.
#[op2(fast)]
pub(super) fn op_indexed_db_check(state: &mut OpState) -> Result<(), OpError> {
  state.borrow::<Realm>().database_origin()?;
  Ok(())
}

#[derive(Serialize)]
pub(super) struct JsDatabase {
  name: String,
  version: f64,
}

#[op2]
#[serde]
pub(super) fn op_indexed_db_databases(
  state: &mut OpState,
) -> Result<Vec<JsDatabase>, OpError> {
  let databases = state.borrow::<Realm>().databases()?;
  let js = |(name, version)| JsDatabase {
    name,
    version: version as f64,
  };
  Ok(databases.into_iter().map(js).collect())
}

/// Waits for the turn of a request.
#[op2]
#[smi]
pub(super) async fn op_indexed_db_claim(
  state: Rc<RefCell<OpState>>,
  #[string] name: String,
) -> Result<ResourceId, OpError> {
  let realm = state.borrow().borrow::<Realm>().clone();
  let claim = realm.claim_database(name).await?;
  let claim = Claim(AsyncRefCell::new(claim));
  Ok(state.borrow_mut().resource_table.add(claim))
}

#[derive(Serialize)]
pub(super) struct JsConnection {
  rid: ResourceId,
  /// The version that the database has.
  version: f64,
  stores: Vec<ObjectStore>,
}

/// A new connection, as a resource.
#[op2]
#[serde]
pub(super) async fn op_indexed_db_connect(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<JsConnection, OpError> {
  let claim = claim(&state, rid)?;
  let claim = RcRef::map(&claim, |claim| &claim.0).borrow_mut().await;
  let realm = state.borrow().borrow::<Realm>().number();
  let connection = claim.connect(realm).await?;
  let stores = connection.schema()?;
  let connection = Connection {
    connection,
    cancel: CancelHandle::new(),
  };
  Ok(JsConnection {
    rid: state.borrow_mut().resource_table.add(connection),
    version: claim.version() as f64,
    stores,
  })
}

/// The version of the database that is going to be deleted.
#[op2]
pub(super) async fn op_indexed_db_version(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<f64, OpError> {
  let claim = claim(&state, rid)?;
  let claim = RcRef::map(&claim, |claim| &claim.0).borrow_mut().await;
  Ok(claim.version() as f64)
}

/// Announces the version `new`, or without one the deletion, to all but `own`,
/// and says whose of them do not close.
#[op2]
#[serde]
pub(super) async fn op_indexed_db_announce(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  #[serde] own: Option<ResourceId>,
  new: f64,
) -> Result<StillOpen, OpError> {
  let claim = claim(&state, rid)?;
  let realm = state.borrow().borrow::<Realm>().number();
  let own = match own {
    Some(own) => Some(state.borrow().resource_table.get::<Connection>(own)?),
    None => None,
  };
  let mut claim = RcRef::map(&claim, |claim| &claim.0).borrow_mut().await;
  let change = VersionChange {
    old: claim.version(),
    new: (new > 0.0).then_some(new as u64),
  };
  claim.announce(own.as_ref().map(|own| &own.connection), change);
  Ok(claim.announced(realm).await)
}

/// Waits until all others are closed.
#[op2]
pub(super) async fn op_indexed_db_alone(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<(), OpError> {
  let claim = claim(&state, rid)?;
  let claim = RcRef::map(&claim, |claim| &claim.0).borrow_mut().await;
  claim.alone().await;
  Ok(())
}

#[op2]
pub(super) async fn op_indexed_db_delete_database(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<(), OpError> {
  let claim = claim(&state, rid)?;
  let claim = RcRef::map(&claim, |claim| &claim.0).borrow_mut().await;
  Ok(claim.delete().await?)
}

/// The transaction that upgrades to `version`.
#[op2]
#[smi]
pub(super) async fn op_indexed_db_upgrade(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  version: f64,
) -> Result<ResourceId, OpError> {
  let claim = claim(&state, rid)?;
  let claim = RcRef::map(&claim, |claim| &claim.0).borrow_mut().await;
  let transaction = Transaction(claim.upgrade(version as u64));
  Ok(state.borrow_mut().resource_table.add(transaction))
}

/// What somebody else wants to do, for `versionchange`.
#[derive(Serialize)]
pub(super) struct JsVersionChange {
  old: f64,
  new: Option<f64>,
}

/// Waits for a `versionchange`; `None` when the connection is closed.
#[op2]
#[serde]
pub(super) async fn op_indexed_db_version_change(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Option<JsVersionChange> {
  let connection = state.borrow().resource_table.get::<Connection>(rid);
  let connection = connection.ok()?;
  let cancel = RcRef::map(&connection, |connection| &connection.cancel);
  let change = connection.connection.version_change().or_cancel(cancel);
  let change = change.await.ok()?;
  Some(JsVersionChange {
    old: change.old as f64,
    new: change.new.map(|new| new as f64),
  })
}

#[op2(fast)]
pub(super) fn op_indexed_db_handled(
  state: &mut OpState,
  #[smi] rid: ResourceId,
) {
  if let Ok(connection) = state.resource_table.get::<Connection>(rid) {
    connection.connection.handled();
  }
}

#[op2(fast)]
pub(super) fn op_indexed_db_close_soon(
  state: &mut OpState,
  #[smi] rid: ResourceId,
) {
  if let Ok(connection) = state.resource_table.get::<Connection>(rid) {
    connection.connection.close_soon();
  }
}

#[op2]
#[smi]
pub(super) fn op_indexed_db_transaction(
  state: &mut OpState,
  #[smi] rid: ResourceId,
  #[serde] stores: Vec<u32>,
  writes: bool,
) -> Result<ResourceId, OpError> {
  let connection = state.resource_table.get::<Connection>(rid)?;
  let transaction = connection.connection.transaction(stores, writes);
  Ok(state.resource_table.add(Transaction(transaction)))
}

/// Waits for the transaction's turn.
#[op2]
pub(super) async fn op_indexed_db_begin(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<(), OpError> {
  let transaction = transaction(&state.borrow(), rid)?;
  Ok(transaction.0.begin().await?)
}

#[op2]
pub(super) async fn op_indexed_db_commit(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<(), OpError> {
  let transaction = transaction(&state.borrow(), rid)?;
  Ok(transaction.0.commit().await?)
}

#[op2]
pub(super) fn op_indexed_db_change_schema(
  state: &mut OpState,
  #[smi] rid: ResourceId,
  #[serde] change: SchemaChange,
) -> Result<(), OpError> {
  Ok(transaction(state, rid)?.0.change_schema(&change)?)
}

#[op2(fast)]
pub(super) fn op_indexed_db_next_key(
  state: &mut OpState,
  #[smi] rid: ResourceId,
  #[smi] store: u32,
) -> Result<f64, OpError> {
  Ok(transaction(state, rid)?.0.next_key(store)? as f64)
}

/// A key of an index.
#[derive(Deserialize)]
pub(super) struct JsIndexKey {
  index: u32,
  key: JsBuffer,
}

/// False when a constraint is not met. `next_key` is 0 when the key generator
/// stays where it is.
#[op2]
pub(super) fn op_indexed_db_put(
  state: &mut OpState,
  #[smi] rid: ResourceId,
  #[smi] store: u32,
  #[buffer] key: &[u8],
  #[buffer] value: &[u8],
  #[serde] index_keys: Vec<JsIndexKey>,
  no_overwrite: bool,
  next_key: f64,
) -> Result<bool, OpError> {
  let index_keys = index_keys
    .iter()
    .map(|JsIndexKey { index, key }| (*index, key.to_vec()));
  let new = NewRecord {
    store,
    key,
    value,
    index_keys: index_keys.collect(),
    no_overwrite,
    next_key: (next_key > 0.0).then_some(next_key as i64),
  };
  Ok(transaction(state, rid)?.0.put(&new)?)
}

/// False when a constraint is not met.
#[op2]
pub(super) fn op_indexed_db_add_to_index(
  state: &mut OpState,
  #[smi] rid: ResourceId,
  #[smi] index: u32,
  #[buffer] primary_key: &[u8],
  #[serde] keys: Vec<JsBuffer>,
) -> Result<bool, OpError> {
  let keys: Vec<_> = keys.iter().map(|key| key.to_vec()).collect();
  let transaction = transaction(state, rid)?;
  Ok(transaction.0.add_to_index(index, primary_key, &keys)?)
}

fn range(
  lower: &[u8],
  upper: &[u8],
  lower_open: bool,
  upper_open: bool,
) -> Range {
  Range {
    lower: lower.to_vec(),
    upper: upper.to_vec(),
    lower_open,
    upper_open,
  }
}

#[op2(fast)]
pub(super) fn op_indexed_db_delete(
  state: &mut OpState,
  #[smi] rid: ResourceId,
  #[smi] store: u32,
  #[buffer] lower: &[u8],
  #[buffer] upper: &[u8],
  lower_open: bool,
  upper_open: bool,
) -> Result<(), OpError> {
  let range = range(lower, upper, lower_open, upper_open);
  Ok(transaction(state, rid)?.0.delete(store, &range)?)
}

/// Index 0 is none.
fn source(store: u32, index: u32) -> Source {
  match index {
    0 => Source::Store(store),
    index => Source::Index { index, store },
  }
}

#[op2(fast)]
pub(super) fn op_indexed_db_count(
  state: &mut OpState,
  #[smi] rid: ResourceId,
  #[smi] store: u32,
  #[smi] index: u32,
  #[buffer] lower: &[u8],
  #[buffer] upper: &[u8],
  lower_open: bool,
  upper_open: bool,
) -> Result<f64, OpError> {
  let range = range(lower, upper, lower_open, upper_open);
  let source = source(store, index);
  Ok(transaction(state, rid)?.0.count(source, &range)? as f64)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsQuery {
  store: u32,
  index: u32,
  lower: JsBuffer,
  upper: JsBuffer,
  lower_open: bool,
  upper_open: bool,
  direction: Direction,
  after: Option<JsPosition>,
  limit: u32,
  with_values: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsPosition {
  key: JsBuffer,
  primary_key: JsBuffer,
  is_included: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsFound {
  key: ToJsBuffer,
  primary_key: ToJsBuffer,
  value: Option<ToJsBuffer>,
}

#[op2]
#[serde]
pub(super) fn op_indexed_db_find(
  state: &mut OpState,
  #[smi] rid: ResourceId,
  #[serde] query: JsQuery,
) -> Result<Vec<JsFound>, OpError> {
  let JsQuery {
    store,
    index,
    lower,
    upper,
    lower_open,
    upper_open,
    direction,
    after,
    limit,
    with_values,
  } = query;
  let query = Query {
    source: source(store, index),
    range: range(&lower, &upper, lower_open, upper_open),
    direction,
    after: after.map(|after| Position {
      key: after.key.to_vec(),
      primary_key: after.primary_key.to_vec(),
      is_included: after.is_included,
    }),
    limit,
    with_values,
  };
  let found = transaction(state, rid)?.0.find(&query)?;
  let js = |found: crate::store::indexed_db::Found| JsFound {
    key: found.key.into(),
    primary_key: found.primary_key.into(),
    value: found.value.map(Into::into),
  };
  Ok(found.into_iter().map(js).collect())
}

/// The bytes of a part of a blob that is to be stored.
#[op2]
#[buffer]
pub(super) async fn op_indexed_db_read_blob_part(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<Vec<u8>, OpError> {
  let part = blob_part(&mut state.borrow_mut(), rid)?;
  Ok(part.read().await.to_vec())
}

/// A part with these bytes, for a blob that was stored.
#[op2(fast)]
#[smi]
pub(super) fn op_indexed_db_new_blob_part(
  state: &mut OpState,
  #[buffer(copy)] bytes: Vec<u8>,
) -> ResourceId {
  new_blob_part(state, bytes)
}
