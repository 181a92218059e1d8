//! The rows.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;

use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::BackgroundFetchResult;
use crate::spec::Extents;
use crate::spec::RecordResult;
use crate::store::Change;
use crate::store::DamagedRow;
use crate::store::Group;
use crate::store::GroupOutcome;
use crate::store::MetadataStore;
use crate::store::Owner;
use crate::store::StoreError;
use crate::store::StoredBackgroundFetch;
use crate::store::StoredRegistration;
use crate::store::Write;
use crate::store::lock::lock;

#[derive(Default)]
pub(in crate::store) struct MemoryMetadata {
  rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
  owner: Owner,
  /// The last one that the owner has claimed, and the last one that was there
  /// before it.
  claimed: i64,
  last_before: i64,
  registrations: Vec<StoredRegistration>,
  last_key: i64,
  rows: BTreeMap<BackgroundFetchKey, StoredBackgroundFetch>,
  /// The bytes of bodies that rows have.
  bodies: HashMap<BodyId, Bytes>,
}

impl Rows {
  fn check(&self, owner: Owner) -> Result<(), StoreError> {
    match owner == self.owner {
      true => Ok(()),
      false => Err(StoreError::TakenOver {
        own: owner.epoch,
        current: self.owner.epoch,
      }),
    }
  }

  fn insert(
    &mut self,
    mut row: StoredBackgroundFetch,
  ) -> Result<BackgroundFetchKey, StoreError> {
    let taken = self.rows.values().any(|other| {
      other.active
        && other.background_fetch.id == row.background_fetch.id
        && other.scope == row.scope
    });
    if row.active && taken {
      return Err(StoreError::DuplicateId {
        scope: row.scope,
        id: row.background_fetch.id,
      });
    }
    self.last_key += 1;
    row.key = BackgroundFetchKey(self.last_key);
    row
      .bodies
      .resize_with(row.background_fetch.records.len(), Default::default);
    let key = row.key;
    self.rows.insert(key, row);
    Ok(key)
  }

  fn write(&mut self, group: Group) -> GroupOutcome {
    let mut outcome = GroupOutcome::default();
    for (index, write) in group.into_iter().enumerate() {
      match write {
        Write::Insert(row) => match self.insert(*row) {
          Ok(key) => outcome.key = Some(key),
          Err(error) => {
            outcome.refused = Some((index, error));
            return outcome;
          }
        },
        Write::Changes(changes) => {
          for change in changes {
            self.apply(change);
          }
        }
      }
    }
    outcome
  }
}

#[async_trait]
impl MetadataStore for MemoryMetadata {
  async fn take_over(&self) -> Result<Owner, StoreError> {
    let mut rows = lock(&self.rows);
    rows.owner = Owner {
      id: uuid::Uuid::new_v4(),
      epoch: rows.owner.epoch + 1,
    };
    rows.claimed = 0;
    rows.last_before = rows.last_key;
    Ok(rows.owner)
  }

  async fn claim(
    &self,
    owner: Owner,
    limit: usize,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
    let mut rows = lock(&self.rows);
    rows.check(owner)?;
    if rows.claimed >= rows.last_before {
      return Ok(Vec::new());
    }
    let unclaimed = (
      Bound::Excluded(BackgroundFetchKey(rows.claimed)),
      Bound::Included(BackgroundFetchKey(rows.last_before)),
    );
    let claimed = rows.rows.range(unclaimed).take(limit);
    let claimed: Vec<_> = claimed.map(|(_, row)| row.clone()).collect();
    if let Some(last) = claimed.last() {
      rows.claimed = last.key.0;
    }
    Ok(claimed.into_iter().map(Ok).collect())
  }

  async fn load(
    &self,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
    Ok(lock(&self.rows).rows.values().cloned().map(Ok).collect())
  }

  async fn write(
    &self,
    owner: Owner,
    groups: Vec<Group>,
  ) -> Result<Vec<GroupOutcome>, StoreError> {
    let mut rows = lock(&self.rows);
    rows.check(owner)?;
    Ok(groups.into_iter().map(|group| rows.write(group)).collect())
  }

  async fn body(&self, id: BodyId) -> Result<Option<Bytes>, StoreError> {
    Ok(lock(&self.rows).bodies.get(&id).cloned())
  }

  async fn registrations(&self) -> Result<Vec<StoredRegistration>, StoreError> {
    Ok(lock(&self.rows).registrations.clone())
  }

  async fn put_registration(
    &self,
    owner: Owner,
    registration: StoredRegistration,
  ) -> Result<(), StoreError> {
    let mut rows = lock(&self.rows);
    rows.check(owner)?;
    let mut others = rows.registrations.iter_mut();
    match others.find(|other| other.scope == registration.scope) {
      Some(other) => *other = registration,
      None => rows.registrations.push(registration),
    }
    Ok(())
  }

  async fn remove_registration(
    &self,
    owner: Owner,
    scope: &url::Url,
  ) -> Result<(), StoreError> {
    let mut rows = lock(&self.rows);
    rows.check(owner)?;
    rows.registrations.retain(|other| other.scope != *scope);
    Ok(())
  }
}

impl Rows {
  fn apply(&mut self, change: Change) {
    let Some(row) = self.rows.get_mut(&change.key()) else {
      return;
    };
    let fetch = &mut row.background_fetch;
    match change {
      Change::Response {
        record,
        response,
        body,
        ..
      } => {
        if let (Some(of), Some(bodies)) =
          (fetch.records.get_mut(record), row.bodies.get_mut(record))
        {
          if body.is_none() || bodies.response != body {
            of.response_data.extents = Extents::default();
            if let Some(body) = bodies.response {
              self.bodies.remove(&body);
            }
          }
          of.response_data.response = response;
          bodies.response = body;
        }
      }
      Change::Stored {
        record,
        body,
        extents,
        bytes,
        ..
      } => {
        if let (Some(of), Some(bodies)) =
          (fetch.records.get_mut(record), row.bodies.get_mut(record))
          && bodies.response == Some(body)
        {
          bodies.most = bodies.most.max(extents.total());
          of.response_data.extents = extents;
          match bytes {
            Some(bytes) => self.bodies.insert(body, bytes),
            None => self.bodies.remove(&body),
          };
        }
      }
      Change::Sent { record, .. } => {
        if let Some(bodies) = row.bodies.get_mut(record) {
          bodies.sent = true;
        }
      }
      Change::RecordResult {
        record,
        result,
        diagnostic,
        ..
      } => {
        if let (Some(of), Some(bodies)) =
          (fetch.records.get_mut(record), row.bodies.get_mut(record))
        {
          of.response_data.result = Some(result);
          bodies.diagnostic = diagnostic;
        }
      }
      Change::Uploaded { bytes, .. } => fetch.uploaded = bytes,
      Change::Released { .. } => row.abnormal_ends = 0,
      Change::Paused { paused, .. } => fetch.paused = paused,
      Change::Aborted { .. } => {
        row.active = false;
        fetch.abort_all = true;
      }
      Change::Settled {
        result,
        failure_reason,
        ..
      } => {
        row.active = false;
        row.event_owed = true;
        fetch.result = result;
        fetch.failure_reason = failure_reason;
      }
      Change::Retained { retained, .. } => {
        row.event_owed = retained.undelivered.is_some();
        row.retained = Some(retained);
      }
      Change::Redelivered { .. } => row.retained = None,
      Change::Retried { .. } => row.retried(),
      Change::Moved {
        record,
        request,
        environment,
        ..
      } => {
        row.environment = environment;
        if let Some(of) = fetch.records.get_mut(record) {
          of.request = Arc::from(request);
        }
      }
      Change::Ui { title, icons, .. } => {
        if let Some(title) = title {
          fetch.title = title;
        }
        if let Some(icons) = icons {
          fetch.icons = icons;
        }
      }
      Change::Forgotten { key } => {
        let forgotten = self.rows.remove(&key);
        let bodies = forgotten.into_iter().flat_map(|row| row.bodies);
        for body in bodies.filter_map(|bodies| bodies.response) {
          self.bodies.remove(&body);
        }
      }
    }
  }
}

impl StoredBackgroundFetch {
  fn retried(&mut self) {
    self.active = true;
    self.event_owed = false;
    self.retained = None;
    self.abnormal_ends = 0;
    let fetch = &mut self.background_fetch;
    fetch.result = BackgroundFetchResult::None;
    fetch.failure_reason = BackgroundFetchFailureReason::None;
    fetch.abort_all = false;
    fetch.paused = false;
    for (record, bodies) in fetch.records.iter_mut().zip(&mut self.bodies) {
      let result = &mut record.response_data.result;
      if matches!(result, Some(r) if *r != RecordResult::Success) {
        *result = None;
        bodies.diagnostic.clear();
        bodies.sent = false;
      }
    }
  }
}
