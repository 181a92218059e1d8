//! What JavaScript holds of the engine, in the resource table: a realm that
//! ends lets go of all of it.
//!
//! Objects of `cppgc` would be the shorter way, but with QuickJS they are
//! never collected, not even when the runtime is dropped.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use deno_core::Resource;

use super::error::BackgroundFetchError;
use crate::engine::NewRecord;
use crate::engine::RecordHandle;
use crate::engine::RequestBodyHandle;
use crate::engine::RequestBodyWriter;
use crate::spec::Request;

/// A background fetch that passed the first checks of `fetch()` and whose
/// request bodies are being stored. Dropping it deletes those bodies.
pub(crate) struct NewFetch {
  pub id: String,
  records: RefCell<Vec<Upload>>,
}

struct Upload {
  request: Request,
  body: UploadBody,
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
  pub fn new(id: String, requests: Vec<Request>) -> Self {
    let records = requests
      .into_iter()
      .map(|request| Upload {
        request,
        body: UploadBody::None,
      })
      .collect();
    Self {
      id,
      records: RefCell::new(records),
    }
  }

  /// A writer is put in the place of the body of the request at `index`.
  pub fn open(
    &self,
    index: usize,
    writer: RequestBodyWriter,
  ) -> Result<(), BackgroundFetchError> {
    self.replace(index, UploadBody::Open(writer)).map(drop)
  }

  /// Takes the writer out while a chunk is written: nothing is borrowed
  /// across an await.
  pub fn take_writer(
    &self,
    index: usize,
  ) -> Result<RequestBodyWriter, BackgroundFetchError> {
    match self.replace(index, UploadBody::Busy)? {
      UploadBody::Open(writer) => Ok(writer),
      _ => Err(not_open()),
    }
  }

  pub fn stored(
    &self,
    index: usize,
    body: RequestBodyHandle,
  ) -> Result<(), BackgroundFetchError> {
    if let Some(upload) = self.records.borrow_mut().get_mut(index) {
      upload.request.body_length = Some(body.length());
    }
    self.replace(index, UploadBody::Stored(body)).map(drop)
  }

  /// The records of the background fetch to be.
  pub fn take_records(&self) -> Result<Vec<NewRecord>, BackgroundFetchError> {
    self
      .records
      .take()
      .into_iter()
      .map(|Upload { request, body }| match body {
        UploadBody::None => Ok(NewRecord {
          request,
          body: None,
        }),
        UploadBody::Stored(body) => Ok(NewRecord {
          request,
          body: Some(body),
        }),
        UploadBody::Open(_) | UploadBody::Busy => Err(not_open()),
      })
      .collect()
  }

  fn replace(
    &self,
    index: usize,
    body: UploadBody,
  ) -> Result<UploadBody, BackgroundFetchError> {
    match self.records.borrow_mut().get_mut(index) {
      Some(upload) => Ok(std::mem::replace(&mut upload.body, body)),
      None => Err(not_open()),
    }
  }
}

fn not_open() -> BackgroundFetchError {
  BackgroundFetchError::Type("the body is not being stored".into())
}

/// A record that was matched.
pub(crate) struct Record(Rc<RecordHandle>);

impl Resource for Record {
  fn name(&self) -> Cow<'_, str> {
    "backgroundFetchRecord".into()
  }
}

impl Record {
  pub fn new(handle: RecordHandle) -> Self {
    Self(Rc::new(handle))
  }

  /// A share of it, for an op that waits.
  pub fn handle(&self) -> Rc<RecordHandle> {
    self.0.clone()
  }
}
