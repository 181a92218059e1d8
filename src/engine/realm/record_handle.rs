//! Reading a record: what [create record objects](https://wicg.github.io/background-fetch/#create-record-objects)
//! needs from the engine.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::dom_exception::DomException;
use crate::engine::context::Context;
use crate::engine::job::Job;
use crate::engine::job::response_data::Reader;
use crate::engine::job::response_data::ResponseState;
use crate::ids::BodyId;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::RecordResult;
use crate::spec::Request;
use crate::spec::Response;
use crate::store::BodyReader;
use crate::store::OpenStore;
use crate::store::StoreError;

/// A background fetch record, for a record object. While it lives, the bytes
/// of its response stay readable.
pub struct RecordHandle {
  request: Arc<Request>,
  request_body: LazyReader,
  response: Reader,
  response_body: OnceCell<Box<dyn BodyReader>>,
  store: Arc<OpenStore>,
}

/// Why a record has no response, or no more of its body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
  /// A [`DomException::Abort`].
  #[error("the background fetch was aborted")]
  Aborted,
  /// A [`DomException::Type`].
  #[error("{0}")]
  NotExposed(String),
}

impl From<RecordError> for DomException {
  fn from(error: RecordError) -> Self {
    let message = error.to_string();
    match error {
      RecordError::Aborted => Self::Abort(message),
      RecordError::NotExposed(_) => Self::Type(message),
    }
  }
}

struct LazyReader {
  body: Option<BodyId>,
  reader: OnceCell<Box<dyn BodyReader>>,
}

opaque_debug!(RecordHandle);

impl RecordHandle {
  pub(crate) fn new(context: &Arc<Context>, job: &Job, record: usize) -> Self {
    // records.2.1: responseData is the record's of now, even if another one
    // takes its place.
    let slot = &job.records[record];
    Self {
      request: slot.request.clone(),
      request_body: LazyReader {
        body: slot.request_body,
        reader: OnceCell::new(),
      },
      response: Reader::new(job.response_data(record), context.deleter()),
      response_body: OnceCell::new(),
      store: context.store.clone(),
    }
  }

  /// The request, as it was registered.
  pub fn request(&self) -> &Request {
    &self.request
  }

  /// Up to `max` bytes of the request's body from `offset`; empty at its end.
  pub async fn read_request_body(
    &self,
    offset: u64,
    max: usize,
  ) -> Result<Bytes, RecordError> {
    let Some(body) = self.request_body.body else {
      return Ok(Bytes::new());
    };
    let open = async { self.store.get()?.bodies.open(body).await };
    read_at(&self.request_body.reader, open, offset, max).await
  }

  /// Waits for the response, without `Content-Range` and `Content-Length`, and
  /// without the headers that no script may see.
  pub async fn response(&self) -> Result<Response, RecordError> {
    // records.2.9.1: Wait for the response (deviation E6: or for a result).
    let state = self
      .response
      .wait_for(|s| s.response.is_some() || s.result.is_some())
      .await;
    // records.2.9.2: If responseData may be exposed, then:
    let exposed = state.may_be_exposed();
    match state.response {
      Some(response) if exposed => {
        let mut response = Arc::unwrap_or_clone(response);
        // records.2.9.2.1: a copy; records.2.9.2.2, records.2.9.2.3: without
        // the headers that describe one part only.
        response.headers.delete("content-range");
        response.headers.delete("content-length");
        // What the filter has removed is not a script's.
        response.internal_headers = None;
        Ok(response)
      }
      // records.2.9.3, records.2.9.4: reject with the exception for the result.
      _ => Err(not_exposed(state.result)),
    }
  }

  /// The pull action of the response's stream: waits for bytes behind
  /// `offset` and returns up to `max` of them; `None` closes the stream.
  pub async fn read(
    &self,
    offset: u64,
    max: usize,
  ) -> Result<Option<Bytes>, RecordError> {
    // records.2.8.1: Wait for more bytes, or for a result.
    let state = self
      .response
      .wait_for(|s| s.stored > offset || s.result.is_some())
      .await;
    // records.2.8.2, records.2.8.3: If there are more bytes, and they may be
    // exposed:
    if state.stored > offset && state.may_be_exposed() {
      return self.read_stored(&state, offset, max).await.map(Some);
    }
    // records.2.8.4.2: exposed, with a result, and all is transmitted: close.
    if state.may_be_exposed() {
      return Ok(None);
    }
    // records.2.8.4.3, records.2.8.4.4: error the stream by the result.
    Err(not_exposed(state.result))
  }

  async fn read_stored(
    &self,
    state: &ResponseState,
    offset: u64,
    max: usize,
  ) -> Result<Bytes, RecordError> {
    let Some(body) = state.body else {
      return Err(RecordError::NotExposed(
        "the stored response is gone".to_string(),
      ));
    };
    // records.2.8.3.1: a slice. There may be more in the file than that.
    let told = usize::try_from(state.stored - offset).unwrap_or(usize::MAX);
    let max = max.min(told);
    let open = async {
      let store = self.store.get()?;
      match state.result {
        Some(_) => store.open_complete(body, state.stored).await,
        None => store.open_incomplete(body, state.stored).await,
      }
    };
    let bytes = read_at(&self.response_body, open, offset, max).await?;
    if bytes.is_empty() {
      return Err(RecordError::NotExposed(
        "the stored response is shorter than it was".to_string(),
      ));
    }
    Ok(bytes)
  }
}

async fn read_at(
  reader: &OnceCell<Box<dyn BodyReader>>,
  open: impl Future<Output = Result<Box<dyn BodyReader>, StoreError>>,
  offset: u64,
  max: usize,
) -> Result<Bytes, RecordError> {
  let read = async {
    let reader = reader.get_or_try_init(|| open).await?;
    reader.read_at(offset, max).await
  };
  read
    .await
    .map_err(|error| RecordError::NotExposed(error.to_string()))
}

fn not_exposed(result: Option<RecordResult>) -> RecordError {
  match result {
    Some(RecordResult::Failure(BackgroundFetchFailureReason::Aborted)) => {
      RecordError::Aborted
    }
    Some(RecordResult::Redundant) => RecordError::NotExposed(
      "the response was replaced by another one".to_string(),
    ),
    Some(RecordResult::Failure(reason)) => {
      RecordError::NotExposed(format!("the fetch failed ({})", reason.as_str()))
    }
    Some(RecordResult::Success) | None => {
      RecordError::NotExposed("there is no response".to_string())
    }
  }
}
