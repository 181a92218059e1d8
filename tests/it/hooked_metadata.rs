//! Rows that behave as those of another store, but where a test has something
//! else in mind.

use std::sync::Arc;

use async_trait::async_trait;
use background_fetch::store::BodyId;
use background_fetch::store::DamagedRow;
use background_fetch::store::Group;
use background_fetch::store::GroupOutcome;
use background_fetch::store::MetadataStore;
use background_fetch::store::Owner;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use background_fetch::store::StoredBackgroundFetch;
use background_fetch::store::StoredRegistration;
use bytes::Bytes;

type Rows = Vec<Result<StoredBackgroundFetch, DamagedRow>>;

/// What a test has in mind.
#[async_trait]
pub trait Hooks: Send + Sync + 'static {
  async fn claim(
    &self,
    rows: &dyn MetadataStore,
    owner: Owner,
    limit: usize,
  ) -> Result<Rows, StoreError> {
    rows.claim(owner, limit).await
  }

  async fn write(
    &self,
    rows: &dyn MetadataStore,
    owner: Owner,
    groups: Vec<Group>,
  ) -> Result<Vec<GroupOutcome>, StoreError> {
    rows.write(owner, groups).await
  }
}

struct Hooked<H> {
  rows: Arc<dyn MetadataStore>,
  hooks: Arc<H>,
}

/// `store`, with `hooks` before its rows.
pub fn hooked<H: Hooks>(store: Store, hooks: Arc<H>) -> Store {
  let rows = store.metadata;
  Store::new(Arc::new(Hooked { rows, hooks }), store.bodies, store.caches)
}

#[async_trait]
impl<H: Hooks> MetadataStore for Hooked<H> {
  async fn take_over(&self) -> Result<Owner, StoreError> {
    self.rows.take_over().await
  }

  async fn claim(
    &self,
    owner: Owner,
    limit: usize,
  ) -> Result<Rows, StoreError> {
    self.hooks.claim(&*self.rows, owner, limit).await
  }

  async fn load(&self) -> Result<Rows, StoreError> {
    self.rows.load().await
  }

  async fn write(
    &self,
    owner: Owner,
    groups: Vec<Group>,
  ) -> Result<Vec<GroupOutcome>, StoreError> {
    self.hooks.write(&*self.rows, owner, groups).await
  }

  async fn body(&self, id: BodyId) -> Result<Option<Bytes>, StoreError> {
    self.rows.body(id).await
  }

  async fn registrations(&self) -> Result<Vec<StoredRegistration>, StoreError> {
    self.rows.registrations().await
  }

  async fn put_registration(
    &self,
    owner: Owner,
    registration: StoredRegistration,
  ) -> Result<(), StoreError> {
    self.rows.put_registration(owner, registration).await
  }

  async fn remove_registration(
    &self,
    owner: Owner,
    scope: &url::Url,
  ) -> Result<(), StoreError> {
    self.rows.remove_registration(owner, scope).await
  }
}
