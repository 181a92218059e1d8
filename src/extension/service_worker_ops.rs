//! The ops of service workers: they translate, and decide nothing.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::OpState;
use deno_core::ToJsBuffer;
use deno_core::op2;
use deno_web::JsMessageData;
use deno_web::Transferable;
use deno_web::deserialize_js_transferables;
use deno_web::serialize_transferables;
use serde::Serialize;
use url::Url;

use super::error::BackgroundFetchError;
use super::messages::kind_name;
use super::net_check::take_permissions;
use crate::engine::Realm;
use crate::service_worker::Answer;
use crate::service_worker::Call;
use crate::service_worker::CallError;
use crate::service_worker::Event;
use crate::service_worker::Payload;
use crate::service_worker::RegistrationId;
use crate::service_worker::RegistrationSnapshot;
use crate::service_worker::ServiceWorkerMessage;
use crate::service_worker::ServiceWorkerState;
use crate::service_worker::Source;
use crate::service_worker::WorkerId;
use crate::service_worker::WorkerSnapshot;
use crate::service_worker::WorkerType;

/// What `js/main.js` has to know of its realm.
#[derive(Serialize)]
pub(crate) struct JsRealm {
  kind: &'static str,
  /// Its own registration, or the one that the embedder vouches for.
  registration: Option<RegistrationSnapshot>,
  /// Its own worker.
  worker: Option<WorkerSnapshot>,
  controller: Option<WorkerSnapshot>,
}

#[op2]
#[serde]
pub(crate) fn op_service_worker_realm(state: &mut OpState) -> JsRealm {
  let realm = state.borrow::<Realm>();
  JsRealm {
    kind: kind_name(realm.facts().kind),
    registration: realm.own_registration().cloned(),
    worker: realm.own_worker().cloned(),
    controller: realm.controller().cloned(),
  }
}

#[op2]
pub(crate) fn op_service_worker_call(
  state: &mut OpState,
  #[smi] call: u32,
  #[serde] what: Call,
) {
  take_permissions(state);
  state.borrow::<Realm>().call(call, what);
}

#[op2(fast)]
pub(crate) fn op_service_worker_event_handled(
  state: &mut OpState,
  event: f64,
  rejected: bool,
) {
  let realm = state.borrow::<Realm>();
  realm.worker_event_handled(event as u64, rejected);
}

/// Whether the worker's script is a module: see [`WorkerType`].
#[op2(fast)]
pub(crate) fn op_service_worker_is_module(state: &mut OpState) -> bool {
  state.try_borrow::<WorkerType>() == Some(&WorkerType::Module)
}

/// The source of a script for `importScripts()`, which blocks.
#[op2]
#[string]
pub(crate) fn op_service_worker_import(
  state: &mut OpState,
  #[string] url: &str,
) -> Result<String, BackgroundFetchError> {
  let url = Url::parse(url)
    .map_err(|error| BackgroundFetchError::Network(error.to_string()))?;
  state
    .borrow::<Realm>()
    .import_blocking(url)
    .map_err(|error| BackgroundFetchError::Network(error.to_string()))
}

/// What a [`Payload`] is between two realms.
struct Serialized {
  data: Vec<u8>,
  transferables: Vec<Transferable>,
}

fn payload(
  state: &mut OpState,
  message: JsMessageData,
) -> Result<Payload, BackgroundFetchError> {
  let data = message.data.to_vec();
  let transferables =
    deserialize_js_transferables(state, message.transferables)
      .map_err(|error| BackgroundFetchError::Type(error.to_string()))?;
  Ok(Payload(Box::new(Serialized {
    data,
    transferables,
  })))
}

#[op2]
pub(crate) fn op_service_worker_post_to_worker(
  state: &mut OpState,
  worker: f64,
  #[serde] message: JsMessageData,
) -> Result<(), BackgroundFetchError> {
  let payload = payload(state, message)?;
  let worker = WorkerId(worker as u64);
  state.borrow::<Realm>().post_to_worker(worker, payload);
  Ok(())
}

#[op2]
pub(crate) fn op_service_worker_post_to_client(
  state: &mut OpState,
  #[string] client: &str,
  #[serde] message: JsMessageData,
) -> Result<(), BackgroundFetchError> {
  let payload = payload(state, message)?;
  state.borrow::<Realm>().post_to_client(client, payload);
  Ok(())
}

/// A [`ServiceWorkerMessage`] for `js/service_worker_messages.js`.
#[derive(Serialize)]
pub(crate) struct JsServiceWorkerMessage {
  message: JsContent,
  data: Option<JsPayload>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum JsContent {
  Registration {
    registration: Box<RegistrationSnapshot>,
  },
  WorkerState {
    worker: WorkerId,
    state: ServiceWorkerState,
  },
  UpdateFound {
    registration: RegistrationId,
  },
  ControllerChange {
    controller: Option<WorkerSnapshot>,
  },
  Reply {
    call: u32,
    answer: Option<Answer>,
    error: Option<CallError>,
  },
  Message {
    source: WorkerSnapshot,
    origin: String,
  },
  Event {
    id: u64,
    name: &'static str,
    source: Option<Source>,
    origin: Option<String>,
  },
}

/// What `deserializeJsMessageData` of deno_web takes.
#[derive(Serialize)]
struct JsPayload {
  data: ToJsBuffer,
  /// In JSON: deno_web does not name their type.
  transferables: serde_json::Value,
}

impl JsServiceWorkerMessage {
  fn new(state: &mut OpState, message: ServiceWorkerMessage) -> Self {
    let mut payload = None;
    let message = match message {
      ServiceWorkerMessage::Registration(registration) => {
        JsContent::Registration { registration }
      }
      ServiceWorkerMessage::WorkerState { worker, state } => {
        JsContent::WorkerState { worker, state }
      }
      ServiceWorkerMessage::UpdateFound(registration) => {
        JsContent::UpdateFound { registration }
      }
      ServiceWorkerMessage::ControllerChange(controller) => {
        JsContent::ControllerChange { controller }
      }
      ServiceWorkerMessage::Reply { call, result } => {
        let (answer, error) = match result {
          Ok(answer) => (Some(answer), None),
          Err(error) => (None, Some(error)),
        };
        JsContent::Reply {
          call,
          answer,
          error,
        }
      }
      ServiceWorkerMessage::Message {
        source,
        origin,
        data,
      } => {
        payload = Some(data);
        JsContent::Message { source, origin }
      }
      ServiceWorkerMessage::Event { id, event } => {
        let (name, source, origin) = match event {
          Event::Install => ("install", None, None),
          Event::Activate => ("activate", None, None),
          Event::Message {
            source,
            origin,
            data,
          } => {
            payload = Some(data);
            ("message", Some(source), Some(origin))
          }
        };
        JsContent::Event {
          id,
          name,
          source,
          origin,
        }
      }
    };
    let data = payload.and_then(|data| data.0.downcast::<Serialized>().ok());
    let data = data.and_then(|serialized| {
      let transferables = serialized.transferables;
      let transferables = serialize_transferables(state, transferables);
      Some(JsPayload {
        data: serialized.data.into(),
        transferables: serde_json::to_value(transferables).ok()?,
      })
    });
    Self { message, data }
  }
}

#[op2]
#[serde]
pub(crate) async fn op_service_worker_next_message(
  state: Rc<RefCell<OpState>>,
) -> JsServiceWorkerMessage {
  let realm = state.borrow().borrow::<Realm>().clone();
  // Each message is a task of its own: what the scripts left behind after the
  // one before runs first.
  tokio::task::yield_now().await;
  let message = realm.next_service_worker_message().await;
  JsServiceWorkerMessage::new(&mut state.borrow_mut(), message)
}
