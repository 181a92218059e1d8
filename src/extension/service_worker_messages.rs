//! The shapes in which messages of service workers go to JavaScript.

use deno_core::OpState;
use serde::Serialize;

use super::browser::JsExtensionEvent;
use super::payload::JsPayload;
use crate::dom_exception::DomException;
use crate::ids::RegistrationId;
use crate::ids::WorkerId;
use crate::service_worker::Answer;
use crate::service_worker::Event;
use crate::service_worker::RegistrationSnapshot;
use crate::service_worker::ServiceWorkerMessage;
use crate::service_worker::ServiceWorkerState;
use crate::service_worker::Source;
use crate::service_worker::WorkerSnapshot;

/// A [`ServiceWorkerMessage`] for
/// `js/service_worker/service_worker_messages.js`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum JsContent {
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
    error: Option<JsException>,
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
    /// Of an event of another extension.
    extension: Option<Box<JsExtensionEvent>>,
  },
}

/// Why a call was refused.
#[derive(Serialize)]
pub(crate) struct JsException {
  name: &'static str,
  message: String,
}

impl From<DomException> for JsException {
  fn from(exception: DomException) -> Self {
    Self {
      name: exception.name(),
      message: exception.to_string(),
    }
  }
}

impl JsContent {
  /// With what was sent along, if anything was.
  pub(crate) fn new(
    state: &mut OpState,
    message: ServiceWorkerMessage,
  ) -> (Self, Option<JsPayload>) {
    let mut payload = None;
    let message = match message {
      ServiceWorkerMessage::Registration(registration) => {
        Self::Registration { registration }
      }
      ServiceWorkerMessage::WorkerState { worker, state } => {
        Self::WorkerState { worker, state }
      }
      ServiceWorkerMessage::UpdateFound(registration) => {
        Self::UpdateFound { registration }
      }
      ServiceWorkerMessage::ControllerChange(controller) => {
        Self::ControllerChange { controller }
      }
      ServiceWorkerMessage::Reply { call, result } => {
        let (answer, error) = match result {
          Ok(answer) => (Some(answer), None),
          Err(error) => (None, Some(error.into())),
        };
        Self::Reply {
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
        Self::Message { source, origin }
      }
      ServiceWorkerMessage::Event { id, event } => {
        let name = event.name();
        let mut extension = None;
        let (source, origin) = match event {
          Event::Extension { data, .. } => {
            extension = JsExtensionEvent::new(state, data);
            (None, None)
          }
          Event::Install | Event::Activate => (None, None),
          Event::Message {
            source,
            origin,
            data,
          } => {
            payload = Some(data);
            (Some(source), Some(origin))
          }
        };
        Self::Event {
          id,
          name,
          source,
          origin,
          extension: extension.map(Box::new),
        }
      }
    };
    let data = payload.and_then(|payload| JsPayload::new(state, payload));
    (message, data)
  }
}
