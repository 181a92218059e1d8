//! What `js/common/structured_clone.js` cannot carry by itself.

use std::any::Any;
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use ::deno_web::BlobPart;
use ::deno_web::BlobStoreTrait;
use ::deno_web::InMemoryBlobPart;
use deno_core::OpState;
use deno_core::Resource;
use deno_core::ResourceId;
use deno_core::TransferredResource;
use deno_core::op2;
use deno_error::JsErrorBox;
use uuid::Uuid;

use super::error::OpError;
use crate::dom_exception::DomException;

/// A part of a `Blob` on its way to another realm, which has a store of its
/// own: no byte is copied, and a message that is not read lets go of it.
struct SentBlobPart(Arc<dyn BlobPart + Send + Sync>);

impl Resource for SentBlobPart {
  fn name(&self) -> Cow<'_, str> {
    "sentBlobPart".into()
  }

  fn transfer(
    self: Rc<Self>,
  ) -> Result<Box<dyn TransferredResource>, JsErrorBox> {
    Ok(Box::new(SentBlobPart(self.0.clone())))
  }
}

impl TransferredResource for SentBlobPart {
  fn receive(self: Box<Self>) -> Rc<dyn Resource> {
    Rc::new(*self)
  }
}

fn gone() -> OpError {
  DomException::Type("a part of a blob is gone".to_string()).into()
}

/// Takes a part of a blob out of the realm's store.
#[op2(fast)]
#[smi]
pub(crate) fn op_bgfetch_send_blob_part(
  state: &mut OpState,
  #[string] id: &str,
) -> Result<ResourceId, OpError> {
  let id = Uuid::parse_str(id).map_err(|_| gone())?;
  let store = state.borrow::<Arc<dyn BlobStoreTrait>>();
  let part = store.remove_part(&id).ok_or_else(gone)?;
  Ok(state.resource_table.add(SentBlobPart(part)))
}

/// Puts a part that has come into the realm's store; returns its id there.
#[op2]
#[string]
pub(crate) fn op_bgfetch_receive_blob_part(
  state: &mut OpState,
  #[smi] rid: ResourceId,
) -> Result<String, OpError> {
  let part = state.resource_table.take::<SentBlobPart>(rid)?;
  let store = state.borrow::<Arc<dyn BlobStoreTrait>>();
  Ok(store.insert_part(part.0.clone()).to_string())
}

/// Takes a part that [`op_bgfetch_send_blob_part`] has made, for a message that
/// many may read.
pub(super) fn take_blob_part(
  state: &mut OpState,
  rid: ResourceId,
) -> Result<Arc<dyn Any + Send + Sync>, OpError> {
  let part = state.resource_table.take::<SentBlobPart>(rid)?;
  Ok(Arc::new(part.0.clone()))
}

/// The same part, for [`op_bgfetch_receive_blob_part`].
pub(super) fn add_blob_part(
  state: &mut OpState,
  part: &Arc<dyn Any + Send + Sync>,
) -> Option<ResourceId> {
  let part: &Arc<dyn BlobPart + Send + Sync> = part.downcast_ref()?;
  Some(state.resource_table.add(SentBlobPart(part.clone())))
}

/// Takes a part that [`op_bgfetch_send_blob_part`] has made, for its bytes.
pub(super) fn blob_part(
  state: &mut OpState,
  rid: ResourceId,
) -> Result<Arc<dyn BlobPart + Send + Sync>, OpError> {
  Ok(state.resource_table.take::<SentBlobPart>(rid)?.0.clone())
}

/// A part that was made of bytes, for [`op_bgfetch_receive_blob_part`].
pub(super) fn new_blob_part(state: &mut OpState, bytes: Vec<u8>) -> ResourceId {
  let part = SentBlobPart(Arc::new(InMemoryBlobPart::from(bytes)));
  state.resource_table.add(part)
}
