//! What realms are told, and what they are answered.

use std::any::Any;
use std::fmt;

use serde::Serialize;
use url::Url;

use super::navigation_preload::NavigationPreload;
use super::snapshot::ClientSnapshot;
use super::snapshot::RegistrationSnapshot;
use super::snapshot::ServiceWorkerState;
use super::snapshot::WorkerSnapshot;
use crate::ids::RealmId;
use crate::ids::RegistrationId;
use crate::ids::WorkerId;

/// Who waits for the answer to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
  pub(crate) realm: RealmId,
  pub(crate) call: u32,
}

/// A serialized value with what is transferred along; only the two realms know
/// what is inside.
pub struct Payload(pub Box<dyn Any + Send>);

impl fmt::Debug for Payload {
  fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("Payload")
  }
}

/// A message for a script. A realm gets all of it in the order in which it
/// happened, and does each in a task of its own.
#[derive(Debug)]
pub enum ServiceWorkerMessage {
  /// The registration's `installing`, `waiting` and `active` are these now.
  Registration(Box<RegistrationSnapshot>),
  /// The worker's state is this now: `statechange`.
  WorkerState {
    worker: WorkerId,
    state: ServiceWorkerState,
  },
  /// `updatefound`
  UpdateFound(RegistrationId),
  /// `controllerchange`
  ControllerChange(Option<WorkerSnapshot>),
  /// What came of a call.
  Reply {
    call: u32,
    result: Result<Answer, CallError>,
  },
  /// A worker's message to this client.
  Message {
    source: WorkerSnapshot,
    origin: String,
    data: Payload,
  },
  /// An event for this worker, which has to be said to be
  /// handled.
  Event { id: u64, event: Event },
}

/// An event for a service worker that is not a functional event of another
/// specification.
#[derive(Debug)]
pub enum Event {
  Install,
  Activate,
  /// An event whose kind only others know: `fetch`, `notificationclick`.
  Extension {
    name: &'static str,
    data: Payload,
  },
  Message {
    source: Source,
    origin: String,
    data: Payload,
  },
}

/// Who has sent a message.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
  Client(ClientSnapshot),
  Worker(WorkerSnapshot),
}

/// The result of a [`Call`](crate::service_worker::Call).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "value")]
pub enum Answer {
  Nothing,
  Boolean(bool),
  Registration(Option<Box<RegistrationSnapshot>>),
  Registrations(Vec<RegistrationSnapshot>),
  NavigationPreload(NavigationPreload),
  Client(Option<ClientSnapshot>),
  Clients(Vec<ClientSnapshot>),
}

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
  /// `TypeError`, or the name of a `DOMException`.
  pub name: &'static str,
  pub message: String,
}

impl CallError {
  pub(crate) fn new(name: &'static str, message: impl Into<String>) -> Self {
    let message = message.into();
    Self { name, message }
  }

  pub(crate) fn type_error(message: impl Into<String>) -> Self {
    Self::new("TypeError", message)
  }
}

/// The serialization of `url`'s origin.
pub(crate) fn origin(url: &Url) -> String {
  url.origin().ascii_serialization()
}
