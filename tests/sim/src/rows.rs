//! The rows: those of the store in memory, which outlive the processes here,
//! with latency, failures and deaths.

use std::sync::Arc;

use async_trait::async_trait;
use background_fetch::store::BodyId;
use background_fetch::store::Change;
use background_fetch::store::DamagedRow;
use background_fetch::store::Group;
use background_fetch::store::GroupOutcome;
use background_fetch::store::MetadataStore;
use background_fetch::store::Owner;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use background_fetch::store::StoredBackgroundFetch;
use background_fetch::store::StoredRegistration;
use background_fetch::store::Write;
use bytes::Bytes;
use futures::FutureExt;
use url::Url;

use crate::world::Fate;
use crate::world::Step;
use crate::world::World;

pub struct RowsState {
  rows: Arc<dyn MetadataStore>,
  failing: u64,
  full: bool,
}

impl Default for RowsState {
  fn default() -> Self {
    Self {
      rows: Store::in_memory().metadata,
      failing: 0,
      full: false,
    }
  }
}

impl RowsState {
  pub fn fail(&mut self, times: u64, full: bool) {
    self.failing = times;
    self.full = full;
  }

  pub fn calm_down(&mut self) {
    self.failing = 0;
  }

  /// What a process that begins now would find.
  pub fn durable(&self) -> Vec<StoredBackgroundFetch> {
    let loaded = self.rows.load().now_or_never();
    let rows = loaded.and_then(Result::ok).unwrap_or_default();
    rows.into_iter().filter_map(Result::ok).collect()
  }
}

/// The rows, as a process uses them.
pub struct SimRows(pub World);

impl SimRows {
  /// A change is about to be made of the rows that it returns.
  async fn begin(
    &self,
    what: String,
  ) -> Result<(Arc<dyn MetadataStore>, Fate), StoreError> {
    self.0.latency(4).await;
    let fate = self.0.may_die(Step::Commit);
    if fate == Fate::DeadBefore {
      return Err(dead());
    }
    let mut state = self.0.state();
    if state.rows.failing > 0 {
      state.rows.failing -= 1;
      let full = state.rows.full;
      state.say(&format!("rows {what}: fails, full: {full}"));
      return Err(match full {
        true => StoreError::Full("the disk is full".into()),
        false => StoreError::Database("the disk has failed".into()),
      });
    }
    state.say(&format!("rows {what}"));
    Ok((state.rows.rows.clone(), fate))
  }

  /// The change was made.
  async fn end(&self, fate: Fate) -> Result<(), StoreError> {
    if fate == Fate::DiesAfter {
      return Err(dead());
    }
    self.0.latency(4).await;
    Ok(())
  }
}

fn dead() -> StoreError {
  StoreError::Database("the process is dead".into())
}

#[async_trait]
impl MetadataStore for SimRows {
  async fn load(
    &self,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
    let rows = self.0.state().rows.rows.clone();
    rows.load().await
  }

  async fn take_over(&self) -> Result<Owner, StoreError> {
    let (rows, fate) = self.begin("take_over".into()).await?;
    let owner = rows.take_over().await?;
    self.end(fate).await?;
    Ok(owner)
  }

  async fn claim(
    &self,
    owner: Owner,
    limit: usize,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
    let rows = self.0.state().rows.rows.clone();
    rows.claim(owner, limit).await
  }

  async fn write(
    &self,
    owner: Owner,
    groups: Vec<Group>,
  ) -> Result<Vec<GroupOutcome>, StoreError> {
    let names = groups.iter().flatten().map(describe_write);
    let what = format!("write {}", names.collect::<Vec<_>>().join(", "));
    let (rows, fate) = self.begin(what).await?;
    let outcomes = rows.write(owner, groups).await?;
    self.end(fate).await?;
    Ok(outcomes)
  }

  async fn body(&self, id: BodyId) -> Result<Option<Bytes>, StoreError> {
    let rows = self.0.state().rows.rows.clone();
    rows.body(id).await
  }

  async fn registrations(&self) -> Result<Vec<StoredRegistration>, StoreError> {
    let rows = self.0.state().rows.rows.clone();
    rows.registrations().await
  }

  async fn put_registration(
    &self,
    owner: Owner,
    registration: StoredRegistration,
  ) -> Result<(), StoreError> {
    let (rows, fate) = self.begin("put_registration".into()).await?;
    rows.put_registration(owner, registration).await?;
    self.end(fate).await
  }

  async fn remove_registration(
    &self,
    owner: Owner,
    scope: &Url,
  ) -> Result<(), StoreError> {
    let (rows, fate) = self.begin("remove_registration".into()).await?;
    rows.remove_registration(owner, scope).await?;
    self.end(fate).await
  }
}

fn describe_write(write: &Write) -> String {
  match write {
    Write::Insert(row) => format!("insert {}", row.background_fetch.id),
    Write::Changes(changes) => {
      changes.iter().map(describe).collect::<Vec<_>>().join(", ")
    }
  }
}

fn describe(change: &Change) -> String {
  let key = change.key().0;
  match change {
    Change::Response { record, body, .. } => {
      format!("{key}.{record} response, body: {}", body.is_some())
    }
    Change::Stored {
      record, extents, ..
    } => {
      format!("{key}.{record} stored {}", extents.total())
    }
    Change::Sent { record, .. } => format!("{key}.{record} sent"),
    Change::RecordResult { record, result, .. } => {
      format!("{key}.{record} result {result:?}")
    }
    Change::Settled { result, .. } => format!("{key} settled {result:?}"),
    Change::Paused { paused, .. } => format!("{key} paused {paused}"),
    Change::Aborted { .. } => format!("{key} aborted"),
    Change::Forgotten { .. } => format!("{key} forgotten"),
    Change::Retained { .. } => format!("{key} retained"),
    Change::Redelivered { .. } => format!("{key} redelivered"),
    Change::Retried { .. } => format!("{key} retried"),
    _ => format!("{key} other"),
  }
}
