//! Request bodies, which are stored before their background fetch is.

use std::sync::Arc;

use bytes::Bytes;

use super::Realm;
use crate::engine::context::Context;
use crate::engine::error::FetchError;
use crate::engine::quota::Reservation;
use crate::ids::BodyId;
use crate::store::BodyWriter;
use crate::store::StoreError;

/// A request body that is being stored.
pub struct RequestBodyWriter {
  writer: Box<dyn BodyWriter>,
  handle: RequestBodyHandle,
}

opaque_debug!(RequestBodyWriter, RequestBodyHandle);

impl RequestBodyWriter {
  /// Appends `chunk`.
  ///
  /// # Errors
  ///
  /// No space is left, or the store failed; then the body is deleted.
  pub async fn write(&mut self, chunk: Bytes) -> Result<(), FetchError> {
    let length = self.handle.length + chunk.len() as u64;
    self.handle.reservation.grow_to(length)?;
    if let Err(error) = self.writer.append(vec![chunk]).await {
      return Err(self.handle.not_stored(length, error).await);
    }
    self.handle.length = length;
    Ok(())
  }

  /// The body is whole.
  pub fn finish(self) -> RequestBodyHandle {
    self.handle
  }
}

/// A whole request body in the store. It is deleted when it is dropped before
/// a background fetch has taken it.
pub struct RequestBodyHandle {
  context: Arc<Context>,
  body: Option<BodyId>,
  length: u64,
  reservation: Reservation,
}

impl RequestBodyHandle {
  /// In bytes.
  pub fn length(&self) -> u64 {
    self.length
  }

  pub(crate) fn id(&self) -> Option<BodyId> {
    self.body
  }

  /// Deletes the body now.
  pub(super) async fn delete(mut self) {
    self.discard().await;
  }

  async fn discard(&mut self) {
    if let Some(body) = self.body.take() {
      self.context.delete_bodies(vec![body]).await;
    }
    self.reservation.set(0);
  }

  /// Deletes the body, which could not be stored with its `length`.
  async fn not_stored(&mut self, length: u64, error: StoreError) -> FetchError {
    self.discard().await;
    let quota = self.reservation.quota();
    self.context.not_stored(quota, length, error).await
  }

  /// A background fetch has the body now.
  pub(crate) fn release(&mut self) {
    self.body = None;
  }
}

impl Drop for RequestBodyHandle {
  fn drop(&mut self) {
    if let Some(body) = self.body.take() {
      let context = self.context.clone();
      self
        .context
        .spawn(async move { context.delete_bodies(vec![body]).await });
    }
  }
}

impl Realm {
  /// Begins to store a request body. fetch.8.8 with a deviation, E13: bodies
  /// are stored before the edit queue is entered, so that a slow stream holds
  /// up nothing else of the registration.
  ///
  /// # Errors
  ///
  /// No space is left, or the store failed.
  pub async fn create_request_body(
    &self,
  ) -> Result<RequestBodyWriter, FetchError> {
    let context = self.engine().context();
    let quota = context.quota(&self.options().scope);
    let created = match context.store.get() {
      Ok(store) => store.bodies.create().await,
      Err(error) => Err(error),
    };
    let writer = match created {
      Ok(writer) => writer,
      Err(error) => return Err(context.not_stored(&quota, 0, error).await),
    };
    let handle = RequestBodyHandle {
      context: context.clone(),
      body: Some(writer.id()),
      length: 0,
      reservation: Reservation::empty(quota),
    };
    Ok(RequestBodyWriter { writer, handle })
  }
}
