//! What an embedder does with background fetches that are retained.

use super::DeleteOutcome;
use super::Engine;
use super::RedeliverOutcome;
use super::RetryOutcome;
use crate::engine::job::retention;
use crate::engine::job::retention::Moved;
use crate::ids::BackgroundFetchKey;
use crate::store::StoreError;

impl Engine {
  /// Continues a failed background fetch that is
  /// [retained](crate::snapshot::BackgroundFetchSnapshot::retained): it is
  /// active again, and its records that have failed are fetched, from where
  /// their stored bytes end. A request that is not a `GET` is sent again.
  ///
  /// # Errors
  ///
  /// The store cannot remember it; then it stays as it was.
  pub async fn retry(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<RetryOutcome, StoreError> {
    let (context, jobs) = (self.context().clone(), self.jobs().clone());
    let retry =
      async move { retention::retry(&context, &jobs, key, None).await };
    self.context().run_to_completion(retry).await?
  }

  /// The same with another URL for its one request, where what is stored is
  /// to be had now: it is continued if the server shows that it has the same
  /// there.
  ///
  /// # Errors
  ///
  /// The store cannot remember it; then it stays as it was.
  pub async fn retry_at(
    &self,
    key: BackgroundFetchKey,
    moved: Moved,
  ) -> Result<RetryOutcome, StoreError> {
    let (context, jobs) = (self.context().clone(), self.jobs().clone());
    let retry =
      async move { retention::retry(&context, &jobs, key, Some(moved)).await };
    self.context().run_to_completion(retry).await?
  }

  /// Fires an event again that could not be delivered: see
  /// [`Retained::undelivered`](crate::store::Retained::undelivered). It has as
  /// many tries as before.
  ///
  /// # Errors
  ///
  /// The store cannot remember it; then it stays as it was.
  pub async fn redeliver(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<RedeliverOutcome, StoreError> {
    let (context, jobs) = (self.context().clone(), self.jobs().clone());
    let redeliver =
      async move { retention::redeliver(&context, &jobs, key).await };
    self.context().run_to_completion(redeliver).await?
  }

  /// Deletes a background fetch that is
  /// [retained](crate::snapshot::BackgroundFetchSnapshot::retained), with its
  /// bytes.
  ///
  /// # Errors
  ///
  /// The store cannot forget it; then it stays.
  pub async fn delete(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<DeleteOutcome, StoreError> {
    let (context, jobs) = (self.context().clone(), self.jobs().clone());
    let delete = async move { retention::delete(&context, &jobs, key).await };
    self.context().run_to_completion(delete).await?
  }
}
