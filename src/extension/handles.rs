//! What JavaScript holds of the engine: objects that its garbage collector
//! owns, so that a script that forgets one, or a realm that ends, lets go.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use deno_core::GarbageCollected;
use deno_core::ToV8;
use deno_core::cppgc::make_cppgc_object;
use deno_core::v8;

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
  records: Rc<RefCell<Vec<Upload>>>,
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

// SAFETY: it holds nothing that the garbage collector manages.
unsafe impl GarbageCollected for NewFetch {
  fn trace(&self, _visitor: &mut v8::cppgc::Visitor) {}

  fn get_name(&self) -> &'static std::ffi::CStr {
    c"NewBackgroundFetch"
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
      records: Rc::new(RefCell::new(records)),
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

// SAFETY: it holds nothing that the garbage collector manages.
unsafe impl GarbageCollected for Record {
  fn trace(&self, _visitor: &mut v8::cppgc::Visitor) {}

  fn get_name(&self) -> &'static std::ffi::CStr {
    c"BackgroundFetchRecord"
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

impl<'a> ToV8<'a> for Record {
  type Error = Infallible;

  fn to_v8<'i>(
    self,
    scope: &mut v8::PinScope<'a, 'i>,
  ) -> Result<v8::Local<'a, v8::Value>, Self::Error> {
    Ok(make_cppgc_object(scope, self).into())
  }
}
