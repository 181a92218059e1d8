//! A store that is given back while others still hold it.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use parking_lot::RwLock;
use url::Url;

use super::BodyReader;
use super::BodyStore;
use super::BodyWriter;
use super::Change;
use super::DamagedRow;
use super::ExportMode;
use super::MetadataStore;
use super::Store;
use super::StoreError;
use super::StoredBackgroundFetch;
use super::StoredRegistration;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::spec::Extents;

/// Stands before both halves of a store. Who holds only the gate does not keep
/// the store when it is closed.
pub(crate) struct Gate(RwLock<Option<Store>>);

impl Gate {
  /// `store` behind a gate, and the gate.
  pub(crate) fn before(store: Store) -> (Store, Arc<Self>) {
    let caches = store.caches.clone();
    let gate = Arc::new(Self(RwLock::new(Some(store))));
    let store = Store {
      metadata: gate.clone(),
      bodies: gate.clone(),
      caches,
    };
    (store, gate)
  }

  /// Everything fails with [`StoreError::Closed`] from now on. The store is
  /// returned, since dropping it may block; what is being asked of it at this
  /// moment keeps it until it is answered.
  pub(crate) fn close(&self) -> Option<Store> {
    let store = self.0.write().take();
    if let Some(store) = &store {
      store.caches.close();
    }
    store
  }

  fn store(&self) -> Result<Store, StoreError> {
    self.0.read().clone().ok_or(StoreError::Closed)
  }
}

#[async_trait]
impl MetadataStore for Gate {
  async fn load(
    &self,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
    self.store()?.metadata.load().await
  }

  async fn insert(
    &self,
    row: StoredBackgroundFetch,
  ) -> Result<BackgroundFetchKey, StoreError> {
    self.store()?.metadata.insert(row).await
  }

  async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
    self.store()?.metadata.commit(changes).await
  }

  async fn registrations(&self) -> Result<Vec<StoredRegistration>, StoreError> {
    self.store()?.metadata.registrations().await
  }

  async fn put_registration(
    &self,
    registration: StoredRegistration,
  ) -> Result<(), StoreError> {
    self.store()?.metadata.put_registration(registration).await
  }

  async fn remove_registration(&self, scope: &Url) -> Result<(), StoreError> {
    self.store()?.metadata.remove_registration(scope).await
  }
}

#[async_trait]
impl BodyStore for Gate {
  async fn create(&self) -> Result<Box<dyn BodyWriter>, StoreError> {
    self.store()?.bodies.create().await
  }

  async fn reopen(
    &self,
    id: BodyId,
    durable: &Extents,
  ) -> Result<Box<dyn BodyWriter>, StoreError> {
    self.store()?.bodies.reopen(id, durable).await
  }

  async fn open(&self, id: BodyId) -> Result<Box<dyn BodyReader>, StoreError> {
    self.store()?.bodies.open(id).await
  }

  async fn sync(&self, ids: &[BodyId]) -> Result<(), StoreError> {
    self.store()?.bodies.sync(ids).await
  }

  async fn delete(&self, id: BodyId) -> Result<(), StoreError> {
    self.store()?.bodies.delete(id).await
  }

  async fn ids(&self) -> Result<Vec<BodyId>, StoreError> {
    self.store()?.bodies.ids().await
  }

  async fn modified(&self, id: BodyId) -> Result<SystemTime, StoreError> {
    self.store()?.bodies.modified(id).await
  }

  async fn available(&self) -> Result<Option<u64>, StoreError> {
    self.store()?.bodies.available().await
  }

  async fn export(
    &self,
    id: BodyId,
    destination: &Path,
    mode: ExportMode,
  ) -> Result<(), StoreError> {
    self.store()?.bodies.export(id, destination, mode).await
  }
}
