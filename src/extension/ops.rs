//! The ops: they translate, and decide nothing.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use deno_core::OpState;
use deno_core::ResourceId;
use deno_core::ToJsBuffer;
use deno_core::error::ResourceError;
use deno_core::op2;
use serde::Serialize;

use super::error::OpError;
use super::handles::NewFetch;
use super::handles::Record;
use super::messages::JsBackgroundFetch;
use super::messages::JsCacheQueryOptions;
use super::messages::JsMessage;
use super::messages::JsOptions;
use super::messages::JsUiOptions;
use super::net_check::take_permissions;
use super::options::ReportError;
use crate::dom_exception::DomException;
use crate::engine::AbortOutcome;
use crate::engine::LeaseId;
use crate::engine::Realm;
use crate::engine::RecordHandle;
use crate::ids::BackgroundFetchKey;
use crate::ids::RegistrationId;
use crate::spec::Request;
use crate::spec::Response;

fn realm(state: &Rc<RefCell<OpState>>) -> Realm {
  state.borrow().borrow::<Realm>().clone()
}

fn new_fetch(
  state: &Rc<RefCell<OpState>>,
  rid: ResourceId,
) -> Result<Rc<NewFetch>, ResourceError> {
  state.borrow().resource_table.get::<NewFetch>(rid)
}

fn record(
  state: &Rc<RefCell<OpState>>,
  rid: ResourceId,
) -> Result<Rc<RecordHandle>, ResourceError> {
  Ok(state.borrow().resource_table.get::<Record>(rid)?.handle())
}

/// The realm for the background fetches of a registration that a script has.
fn with_registration(
  state: &OpState,
  registration: f64,
) -> Result<Realm, DomException> {
  let id = RegistrationId(registration as u64);
  state
    .borrow::<Realm>()
    .with_registration(id)
    .ok_or_else(|| {
      DomException::Type("the service worker registration is gone".to_string())
    })
}

fn key(number: f64) -> BackgroundFetchKey {
  BackgroundFetchKey(number as i64)
}

/// The background fetch to be, as a resource.
#[op2]
#[smi]
pub(crate) fn op_bgfetch_prepare_fetch(
  state: &mut OpState,
  registration: f64,
  #[string] id: String,
  #[serde] requests: Vec<Request>,
) -> Result<ResourceId, OpError> {
  take_permissions(state);
  let realm = with_registration(state, registration)?;
  let prepared = realm.prepare_fetch(id, requests)?;
  Ok(state.resource_table.add(NewFetch::new(prepared)))
}

/// Whatever can be refused before a body is read.
#[op2]
pub(crate) async fn op_bgfetch_request_permission(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<(), OpError> {
  let prepared = new_fetch(&state, rid)?.prepared()?;
  Ok(prepared.request_permission().await?)
}

#[op2]
pub(crate) async fn op_bgfetch_open_request_body(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  #[smi] index: u32,
) -> Result<(), OpError> {
  let writer = realm(&state).create_request_body().await?;
  new_fetch(&state, rid)?.open(index as usize, writer)
}

#[op2]
pub(crate) async fn op_bgfetch_write_request_body(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  #[smi] index: u32,
  #[buffer(copy)] chunk: Bytes,
) -> Result<(), OpError> {
  let new_fetch = new_fetch(&state, rid)?;
  let mut writer = new_fetch.take_writer(index as usize)?;
  writer.write(chunk).await?;
  new_fetch.open(index as usize, writer)
}

#[op2]
pub(crate) async fn op_bgfetch_finish_request_body(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  #[smi] index: u32,
) -> Result<(), OpError> {
  let new_fetch = new_fetch(&state, rid)?;
  let writer = new_fetch.take_writer(index as usize)?;
  new_fetch.stored(index as usize, writer.finish())
}

#[op2]
#[serde]
pub(crate) async fn op_bgfetch_fetch(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  #[serde] options: JsOptions,
) -> Result<JsBackgroundFetch, OpError> {
  let (prepared, bodies) = new_fetch(&state, rid)?.take()?;
  let register = prepared.register_in_turn(bodies, options.into());
  let snapshot = in_turn(realm(&state), register).await?;
  Ok(snapshot.into())
}

/// Does what a script has called in its turn. An op is polled when the script
/// calls it, and not again before its turn has ended.
async fn in_turn<T>(realm: Realm, called: impl Future<Output = T>) -> T {
  let turn = Turn::new(realm);
  // Without tokio's limit to what a task does at a time, which many calls of
  // one turn would reach: what is behind it would begin only after the turn.
  let mut called = pin!(tokio::task::unconstrained(called));
  let first = futures::poll!(called.as_mut());
  tokio::task::yield_now().await;
  drop(turn);
  match first {
    Poll::Ready(returned) => returned,
    Poll::Pending => called.await,
  }
}

/// Ends when it is dropped, also with its realm.
struct Turn(Realm);

impl Turn {
  fn new(realm: Realm) -> Self {
    realm.begin_turn();
    Self(realm)
  }
}

impl Drop for Turn {
  fn drop(&mut self) {
    self.0.end_turn();
  }
}

#[op2]
#[serde]
pub(crate) fn op_bgfetch_get(
  state: &mut OpState,
  registration: f64,
  #[string] id: &str,
) -> Option<JsBackgroundFetch> {
  let id_of = RegistrationId(registration as u64);
  let realm = state.borrow::<Realm>().with_registration(id_of)?;
  realm.get(id).map(Into::into)
}

#[op2]
#[serde]
pub(crate) fn op_bgfetch_get_ids(
  state: &mut OpState,
  registration: f64,
) -> Vec<String> {
  let id = RegistrationId(registration as u64);
  let realm = state.borrow::<Realm>().with_registration(id);
  realm.map(|realm| realm.get_ids()).unwrap_or_default()
}

#[op2]
pub(crate) async fn op_bgfetch_abort(
  state: Rc<RefCell<OpState>>,
  bg_fetch: f64,
) -> Result<bool, OpError> {
  let outcome = realm(&state).abort(key(bg_fetch)).await?;
  Ok(outcome == AbortOutcome::Aborted)
}

/// The matching records, as resources.
#[op2]
#[serde]
pub(crate) fn op_bgfetch_match_all(
  state: &mut OpState,
  bg_fetch: f64,
  #[serde] request: Option<Request>,
  #[serde] options: JsCacheQueryOptions,
) -> Vec<ResourceId> {
  let records = state.borrow::<Realm>().match_all(
    key(bg_fetch),
    request.as_ref(),
    options.into(),
  );
  let table = &mut state.resource_table;
  records
    .into_iter()
    .map(|record| table.add(Record::new(record)))
    .collect()
}

#[op2(fast)]
pub(crate) fn op_bgfetch_watch(state: &mut OpState, bg_fetch: f64) {
  state.borrow::<Realm>().watch(key(bg_fetch));
}

#[op2(fast)]
pub(crate) fn op_bgfetch_unwatch(state: &mut OpState, bg_fetch: f64) {
  state.borrow::<Realm>().unwatch(key(bg_fetch));
}

/// Waits for the next message of the realm.
#[op2]
#[serde]
pub(crate) async fn op_bgfetch_next_message(
  state: Rc<RefCell<OpState>>,
) -> JsMessage {
  take_permissions(&state.borrow());
  let realm = realm(&state);
  // Each message is a task of its own: what the scripts left behind after the
  // one before runs first.
  tokio::task::yield_now().await;
  let message = realm.next_message().await;
  JsMessage::new(&mut state.borrow_mut(), message)
}

#[op2(fast)]
pub(crate) fn op_bgfetch_event_handled(state: &mut OpState, lease: f64) {
  state.borrow::<Realm>().acknowledge(LeaseId(lease as u64));
}

#[op2(fast)]
pub(crate) fn op_bgfetch_report_error(
  state: &mut OpState,
  #[string] text: &str,
) {
  let report = state.borrow::<Rc<dyn ReportError>>().clone();
  report.report(text);
}

#[op2]
pub(crate) async fn op_bgfetch_update_ui(
  state: Rc<RefCell<OpState>>,
  bg_fetch: f64,
  #[serde] options: JsUiOptions,
) {
  realm(&state)
    .update_ui(key(bg_fetch), options.title, options.icons)
    .await;
}

#[op2]
#[serde]
pub(crate) fn op_bgfetch_record_request(
  state: &mut OpState,
  #[smi] rid: ResourceId,
) -> Result<Request, ResourceError> {
  let record = state.resource_table.get::<Record>(rid)?;
  Ok(record.handle().request().clone())
}

#[op2]
#[serde]
pub(crate) async fn op_bgfetch_record_response(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<Response, OpError> {
  Ok(record(&state, rid)?.response().await?)
}

/// Bytes of a body. A promise that resolves with an object asks it for `then`,
/// which a script may have put on a prototype: this object has none.
#[derive(Serialize)]
pub(crate) struct JsChunk {
  bytes: ToJsBuffer,
}

impl From<Bytes> for JsChunk {
  fn from(bytes: Bytes) -> Self {
    Self {
      bytes: Vec::from(bytes).into(),
    }
  }
}

/// Up to `max` bytes of the stored request body; none at its end.
#[op2]
#[serde]
pub(crate) async fn op_bgfetch_read_request_body(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  offset: f64,
  #[smi] max: u32,
) -> Result<JsChunk, OpError> {
  let bytes = record(&state, rid)?
    .read_request_body(offset as u64, max as usize)
    .await?;
  Ok(bytes.into())
}

/// Up to `max` bytes of the response's body; none at its end.
#[op2]
#[serde]
pub(crate) async fn op_bgfetch_read_response_body(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  offset: f64,
  #[smi] max: u32,
) -> Result<JsChunk, OpError> {
  let bytes = record(&state, rid)?
    .read(offset as u64, max as usize)
    .await?;
  Ok(bytes.unwrap_or_default().into())
}
