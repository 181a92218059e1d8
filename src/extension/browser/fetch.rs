//! The ops of the global `fetch()`: they translate, and decide nothing.

use std::borrow::Cow;
use std::cell::Cell;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use deno_core::OpState;
use deno_core::Resource;
use deno_core::ResourceId;
use deno_core::op2;
use futures::StreamExt;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::body;
use super::body::ReadableBody;
use crate::dom_exception::DomException;
use crate::engine::OngoingFetch;
use crate::engine::Realm;
use crate::extension::error::OpError;
use crate::extension::net_check::take_permissions;
use crate::network::FetchResponse;
use crate::network::NetworkPolicy;
use crate::network::RequestBody;
use crate::spec::HeaderList;
use crate::spec::Request;
use crate::spec::Response;
use crate::spec::ResponseType;
use crate::spec::is_forbidden_request_header;
use crate::spec::no_cors_safelisted_headers;

/// A fetch under way.
pub(super) struct ScriptFetch {
  is_head: bool,
  fetch: Mutex<OngoingFetch>,
  terminate: CancellationToken,
  /// Anyone who wants the request's body, each time that it is to be sent.
  wanted: Mutex<mpsc::UnboundedReceiver<body::Reader>>,
  reader: Cell<Option<body::Reader>>,
}

impl Resource for ScriptFetch {
  fn name(&self) -> Cow<'_, str> {
    "fetch".into()
  }

  fn close(self: Rc<Self>) {
    self.terminate.cancel();
  }
}

/// A response, and the resource of its body; `None` for a null body.
#[derive(Serialize)]
pub(super) struct JsResponse {
  pub response: Response,
  pub body: Option<ResourceId>,
}

impl JsResponse {
  pub(super) fn new(
    state: &mut OpState,
    fetched: FetchResponse,
    is_head: bool,
  ) -> Self {
    let FetchResponse { response, body } = fetched;
    let is_null = is_head
      || matches!(response.status, 101 | 103 | 204 | 205 | 304)
      || response.response_type == ResponseType::OpaqueRedirect;
    let body = (!is_null).then(|| {
      let body = body.map(|chunk| chunk.map_err(|error| error.to_string()));
      state.resource_table.add(ReadableBody::new(body.boxed()))
    });
    Self { response, body }
  }
}

/// Starts a fetch. Its request's body is `bytes`, or, with `stream`, what
/// [`op_fetch_send_body`] sends: `length` bytes, or, when that is negative, an
/// unknown number that can be sent once.
#[op2]
#[smi]
pub(super) fn op_fetch_start(
  state: &mut OpState,
  #[serde] request: Request,
  #[buffer(copy)] bytes: Option<Bytes>,
  stream: bool,
  length: f64,
) -> ResourceId {
  take_permissions(state);
  let realm = state.borrow::<Realm>().clone();
  let (want, wanted) = mpsc::unbounded_channel();
  let body = match (bytes, stream) {
    (Some(bytes), _) => Some(RequestBody {
      length: Some(bytes.len() as u64),
      open: Arc::new(move || {
        futures::stream::iter([Ok(bytes.clone())]).boxed()
      }),
    }),
    (None, true) => Some(RequestBody {
      length: (length >= 0.0).then_some(length as u64),
      open: Arc::new(move || {
        let (reader, stream) = body::channel();
        // A realm that is gone leaves an empty stream, which is too short or
        // of a fetch that is being terminated.
        let _ = want.send(reader);
        stream
      }),
    }),
    (None, false) => None,
  };
  let is_head = request.method == "HEAD";
  let fetch = realm.start_fetch(request, body);
  state.resource_table.add(ScriptFetch {
    is_head,
    terminate: fetch.terminator(),
    fetch: Mutex::new(fetch),
    wanted: Mutex::new(wanted),
    reader: Cell::new(None),
  })
}

/// Waits until the request's body is to be sent; false when it never is again.
#[op2]
pub(super) async fn op_fetch_body_wanted(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<bool, OpError> {
  let fetch = state.borrow().resource_table.get::<ScriptFetch>(rid)?;
  let mut wanted = fetch.wanted.lock().await;
  let reader = tokio::select! {
    biased;
    () = fetch.terminate.cancelled() => None,
    reader = wanted.recv() => reader,
  };
  let is_wanted = reader.is_some();
  fetch.reader.set(reader);
  Ok(is_wanted)
}

/// Sends the body `body` to where it is wanted; resolves when all of it was
/// taken, or no more of it is needed.
#[op2]
pub(super) async fn op_fetch_send_body(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  #[smi] body: ResourceId,
) -> Result<(), OpError> {
  let body = body::take(&state, body)?;
  let fetch = state.borrow().resource_table.get::<ScriptFetch>(rid)?;
  if let Some(reader) = fetch.reader.take() {
    body::pump(body, reader).await;
  }
  Ok(())
}

/// Waits for the response.
#[op2]
#[serde]
pub(super) async fn op_fetch_response(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<JsResponse, OpError> {
  let fetch = state.borrow().resource_table.get::<ScriptFetch>(rid)?;
  let fetched = fetch.fetch.lock().await.response().await?;
  Ok(JsResponse::new(
    &mut state.borrow_mut(),
    fetched,
    fetch.is_head,
  ))
}

/// Whether the Content Security Policy lets a script connect to `url`; a
/// `TypeError` if not.
#[op2(fast)]
pub(super) fn op_fetch_may_connect(
  state: &mut OpState,
  #[string] url: &str,
) -> Result<(), DomException> {
  let url =
    Url::parse(url).map_err(|error| DomException::Type(error.to_string()))?;
  let realm = state.borrow::<Realm>();
  realm.may_connect(&url).map_err(DomException::Type)
}

/// Whether a request in the mode `no-cors` may have a header, see
/// [`no_cors_safelisted_headers`].
#[op2(fast)]
pub(super) fn op_fetch_is_no_cors_safelisted(
  #[string] name: &str,
  #[string] value: &str,
) -> bool {
  let mut headers = HeaderList::new();
  headers.append(name, value.to_string());
  no_cors_safelisted_headers(&headers).iter().next().is_some()
}

/// Whether the script of a browser's realm may not set a header: it is a
/// [forbidden request-header](https://fetch.spec.whatwg.org/#forbidden-request-header).
#[op2(fast)]
pub(super) fn op_fetch_is_forbidden_header(
  state: &mut OpState,
  #[string] name: &str,
  #[string] value: &str,
) -> bool {
  let policy = state.borrow::<Realm>().options().policy;
  policy == NetworkPolicy::Browser && is_forbidden_request_header(name, value)
}
