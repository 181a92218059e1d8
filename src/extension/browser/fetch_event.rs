//! The ops of a service worker's `fetch` events.

use std::borrow::Cow;
use std::cell::Cell;
use std::cell::RefCell;
use std::rc::Rc;

use deno_core::OpState;
use deno_core::Resource;
use deno_core::ResourceId;
use deno_core::op2;
use futures::StreamExt;
use serde::Serialize;
use tokio::sync::oneshot;

use super::Installed;
use super::body;
use super::body::ReadableBody;
use crate::dom_exception::DomException;
use crate::engine::FetchEventAnswer;
use crate::engine::FetchEventRequest;
use crate::extension::error::OpError;
use crate::network::FetchResponse;
use crate::network::NetworkError;
use crate::spec::Request;
use crate::spec::Response;

/// The way back for the response of a `fetch` event. When it is dropped
/// unused, the answer is a network error.
struct Responder(Cell<Option<FetchEventRequest>>);

impl Resource for Responder {
  fn name(&self) -> Cow<'_, str> {
    "fetchEvent".into()
  }
}

/// Says when a client has terminated its fetch.
struct Abandoned(Cell<Option<oneshot::Receiver<()>>>);

impl Resource for Abandoned {
  fn name(&self) -> Cow<'_, str> {
    "fetchEventAbandoned".into()
  }
}

/// What `js/browser/fetch_event.js` makes a `FetchEvent` of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsFetchEvent {
  rid: ResourceId,
  /// The resource for [`op_fetch_event_abandoned`].
  abandoned: ResourceId,
  request: Request,
  /// The resource of the request's body; `None` for a null body.
  body: Option<ResourceId>,
  client_id: String,
  resulting_client_id: String,
}

impl JsFetchEvent {
  /// `None` where no script could answer it.
  pub(super) fn new(
    state: &mut OpState,
    mut event: FetchEventRequest,
  ) -> Option<Self> {
    if !state.has::<Installed>() {
      event.respond(FetchEventAnswer::NotHandled);
      return None;
    }
    let request = event.request.clone();
    let client_id = event.client_id.clone();
    let resulting_client_id = event.resulting_client_id.clone();
    let body = event.body.as_ref().map(|body| {
      let body = (body.open)();
      let body = body.map(|chunk| chunk.map_err(|error| error.to_string()));
      state.resource_table.add(ReadableBody::new(body.boxed()))
    });
    // What stays behind is resolved already, which is no news.
    let (_, resolved) = oneshot::channel();
    let abandoned = std::mem::replace(&mut event.abandoned, resolved);
    let responder = Responder(Cell::new(Some(event)));
    let abandoned = Abandoned(Cell::new(Some(abandoned)));
    Some(Self {
      abandoned: state.resource_table.add(abandoned),
      rid: state.resource_table.add(responder),
      request,
      body,
      client_id,
      resulting_client_id,
    })
  }
}

/// Waits until the client has its answer, or, which is true, has terminated
/// the fetch before. Once only.
#[op2]
pub(super) async fn op_fetch_event_abandoned(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<bool, OpError> {
  let resource = state.borrow_mut().resource_table.take::<Abandoned>(rid)?;
  Ok(match resource.0.take() {
    Some(abandoned) => abandoned.await.is_err(),
    None => false,
  })
}

/// Answers with a response; resolves when all of its body was taken.
#[op2]
pub(super) async fn op_fetch_event_respond(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  #[serde] response: Response,
  body: Option<u32>,
) -> Result<(), OpError> {
  let event = take(&mut state.borrow_mut(), rid)?;
  let body = body.map(|body| body::take(&state, body)).transpose()?;
  let Some(body) = body else {
    let body = futures::stream::empty().boxed();
    respond(event, response, body);
    return Ok(());
  };
  let (reader, stream) = body::channel();
  let stream = stream.map(|chunk| {
    chunk.map_err(|error| NetworkError::not_allowed(error.to_string()))
  });
  respond(event, response, stream.boxed());
  body::pump(body, reader).await;
  Ok(())
}

fn respond(
  event: FetchEventRequest,
  response: Response,
  body: futures::stream::BoxStream<'static, Result<bytes::Bytes, NetworkError>>,
) {
  let response = FetchResponse { response, body };
  event.respond(FetchEventAnswer::Response(Box::new(response)));
}

/// Answers without a response: with a network error for `reason`, or, when
/// that is `None`, by leaving the request to the network.
#[op2]
pub(super) fn op_fetch_event_no_response(
  state: &mut OpState,
  #[smi] rid: ResourceId,
  #[string] reason: Option<String>,
) -> Result<(), OpError> {
  let event = take(state, rid)?;
  event.respond(match reason {
    Some(reason) => FetchEventAnswer::NetworkError(reason),
    None => FetchEventAnswer::NotHandled,
  });
  Ok(())
}

fn take(
  state: &mut OpState,
  rid: ResourceId,
) -> Result<FetchEventRequest, OpError> {
  let responder = state.resource_table.take::<Responder>(rid)?;
  let answered =
    || DomException::Type("the event was answered already".to_string());
  Ok(responder.0.take().ok_or_else(answered)?)
}
