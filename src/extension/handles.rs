//! What JavaScript holds of the engine, in the resource table: a realm that
//! ends lets go of all of it.
//!
//! Objects of `cppgc` would be the shorter way, but with QuickJS they are
//! never collected, not even when the runtime is dropped.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use deno_core::Resource;

use super::error::OpError;
use crate::dom_exception::DomException;
use crate::engine::PreparedFetch;
use crate::engine::RecordHandle;
use crate::engine::RequestBodyHandle;
use crate::engine::RequestBodyWriter;

/// A background fetch that passed the first checks of `fetch()` and whose
/// request bodies are being stored. Dropping it deletes those bodies.
pub(crate) struct NewFetch {
  prepared: RefCell<Option<Rc<PreparedFetch>>>,
  bodies: RefCell<Vec<UploadBody>>,
}

enum UploadBody {
  None,
  /// Lent to an op that is under way.
  Busy,
  Open(RequestBodyWriter),
  Stored(RequestBodyHandle),
}

impl Resource for NewFetch {
  fn name(&self) -> Cow<'_, str> {
    "newBackgroundFetch".into()
  }
}

impl NewFetch {
  pub(crate) fn new(prepared: PreparedFetch) -> Self {
    let bodies = prepared.requests().iter().map(|_| UploadBody::None);
    Self {
      bodies: RefCell::new(bodies.collect()),
      prepared: RefCell::new(Some(Rc::new(prepared))),
    }
  }

  /// A share of what was prepared, for an op that waits.
  pub(crate) fn prepared(&self) -> Result<Rc<PreparedFetch>, OpError> {
    self.prepared.borrow().clone().ok_or_else(not_open)
  }

  /// A writer is put in the place of the body of the request at `index`.
  pub(crate) fn open(
    &self,
    index: usize,
    writer: RequestBodyWriter,
  ) -> Result<(), OpError> {
    self.replace(index, UploadBody::Open(writer)).map(drop)
  }

  /// Takes the writer out while a chunk is written: nothing is borrowed
  /// across an await.
  pub(crate) fn take_writer(
    &self,
    index: usize,
  ) -> Result<RequestBodyWriter, OpError> {
    match self.replace(index, UploadBody::Busy)? {
      UploadBody::Open(writer) => Ok(writer),
      _ => Err(not_open()),
    }
  }

  pub(crate) fn stored(
    &self,
    index: usize,
    body: RequestBodyHandle,
  ) -> Result<(), OpError> {
    self.replace(index, UploadBody::Stored(body)).map(drop)
  }

  /// Takes what is to be registered, and the body of each request.
  pub(crate) fn take(
    &self,
  ) -> Result<(PreparedFetch, Vec<Option<RequestBodyHandle>>), OpError> {
    let prepared = self.prepared.take().ok_or_else(not_open)?;
    let prepared = Rc::into_inner(prepared).ok_or_else(not_open)?;
    let bodies = self.bodies.take().into_iter().map(|body| match body {
      UploadBody::None => Ok(None),
      UploadBody::Stored(body) => Ok(Some(body)),
      UploadBody::Open(_) | UploadBody::Busy => Err(not_open()),
    });
    Ok((prepared, bodies.collect::<Result<_, _>>()?))
  }

  fn replace(
    &self,
    index: usize,
    body: UploadBody,
  ) -> Result<UploadBody, OpError> {
    match self.bodies.borrow_mut().get_mut(index) {
      Some(upload) => Ok(std::mem::replace(upload, body)),
      None => Err(not_open()),
    }
  }
}

fn not_open() -> OpError {
  DomException::Type("the body is not being stored".into()).into()
}

/// A record that was matched.
pub(crate) struct Record(Rc<RecordHandle>);

impl Resource for Record {
  fn name(&self) -> Cow<'_, str> {
    "backgroundFetchRecord".into()
  }
}

impl Record {
  pub(crate) fn new(handle: RecordHandle) -> Self {
    Self(Rc::new(handle))
  }

  /// A share of it, for an op that waits.
  pub(crate) fn handle(&self) -> Rc<RecordHandle> {
    self.0.clone()
  }
}
