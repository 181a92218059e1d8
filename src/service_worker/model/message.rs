//! Messages to realms, and the answers to their calls.

use std::any::Any;
use std::fmt;

use serde::Serialize;
use url::Url;

use super::navigation_preload::NavigationPreload;
use super::snapshot::ClientSnapshot;
use super::snapshot::RegistrationSnapshot;
use super::snapshot::ServiceWorkerState;
use super::snapshot::WorkerSnapshot;
use crate::dom_exception::DomException;
use crate::ids::RealmId;
use crate::ids::RegistrationId;
use crate::ids::WorkerId;

/// The caller that waits for the answer to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
  pub(crate) realm: RealmId,
  pub(crate) call: u32,
}

/// A caller that waits for the result of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobCaller {
  Script(Caller),
  /// The embedder, under this number.
  Embedder(u64),
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
#[non_exhaustive]
pub enum ServiceWorkerMessage {
  /// The registration's `installing`, `waiting` and `active` are these now.
  Registration(Box<RegistrationSnapshot>),
  /// The worker's state is this now: `statechange`.
  WorkerState {
    /// The worker that has changed.
    worker: WorkerId,
    /// Its state now.
    state: ServiceWorkerState,
  },
  /// `updatefound`
  UpdateFound(RegistrationId),
  /// `controllerchange`
  ControllerChange(Option<WorkerSnapshot>),
  /// What came of a call.
  Reply {
    /// The number that the call had.
    call: u32,
    /// What has come of it.
    result: Result<Answer, DomException>,
  },
  /// A worker's message to this client.
  Message {
    /// The worker that has sent it.
    source: WorkerSnapshot,
    /// The origin of its sender.
    origin: String,
    /// What was sent.
    data: Payload,
  },
  /// An event for this worker, which has to be said to be
  /// handled.
  Event {
    /// Names it.
    id: u64,
    /// The event.
    event: Event,
  },
}

/// An event for a service worker that is not a functional event of another
/// specification.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
  /// `install`
  Install,
  /// `activate`
  Activate,
  /// An event whose kind only others know: `fetch`, `notificationclick`.
  Extension {
    /// The event's type.
    name: &'static str,
    /// What it carries.
    data: Payload,
  },
  /// `message`
  Message {
    /// Who has sent it.
    source: Source,
    /// The origin of its sender.
    origin: String,
    /// What it carries.
    data: Payload,
  },
}

impl Event {
  /// The event's type.
  pub fn name(&self) -> &'static str {
    match self {
      Self::Install => "install",
      Self::Activate => "activate",
      Self::Extension { name, .. } => name,
      Self::Message { .. } => "message",
    }
  }
}

/// Who has sent a message.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Source {
  /// A client.
  Client(ClientSnapshot),
  /// A service worker.
  Worker(WorkerSnapshot),
}

/// The result of a [`Call`](crate::service_worker::Call).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "value")]
pub enum Answer {
  /// It is done.
  Nothing,
  /// Yes, or no.
  Boolean(bool),
  /// A registration, if there is one.
  Registration(Option<Box<RegistrationSnapshot>>),
  /// Registrations.
  Registrations(Vec<RegistrationSnapshot>),
  /// What is preloaded for navigations.
  NavigationPreload(NavigationPreload),
  /// A client, if there is one.
  Client(Option<ClientSnapshot>),
  /// Clients.
  Clients(Vec<ClientSnapshot>),
}

/// A [`DomException::Security`]: the service worker is refused, for this reason.
pub(crate) fn refused(reason: &str) -> DomException {
  let message = format!("the service worker is refused: {reason}");
  DomException::Security(message)
}

/// The serialization of `url`'s origin.
pub(crate) fn origin(url: &Url) -> String {
  url.origin().ascii_serialization()
}
