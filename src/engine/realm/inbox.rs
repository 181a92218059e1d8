//! What waits for one realm's event loop: updates, events and messages for its
//! scripts, in one order.

use super::event_lease::EventLease;
use crate::engine::events::LeaseId;
use crate::engine::mailbox::Mailbox;
use crate::ids::BackgroundFetchKey;
use crate::service_worker::ServiceWorkerMessage;
use crate::snapshot::BackgroundFetchSnapshot;
use crate::spec::FunctionalEvent;

/// A message for a script.
#[derive(Debug)]
#[non_exhaustive]
pub enum RealmMessage {
  /// *Update background fetch instances*, for background fetches that the realm
  /// [watches](crate::engine::Realm::watch); at least one.
  Updates(Vec<BackgroundFetchSnapshot>),
  /// *Fire a functional event*; only for realms of service workers.
  Event {
    /// To be acknowledged when the event was handled.
    lease: EventLease,
    /// The event's type.
    name: &'static str,
    /// What the event is about, as it stands now.
    background_fetch: Box<BackgroundFetchSnapshot>,
  },
  /// What has become of service workers, and what they and their clients have
  /// sent.
  ServiceWorker(ServiceWorkerMessage),
}

/// An event as a service worker's realm gets it.
pub(crate) struct LeasedEvent {
  pub(in crate::engine) lease: LeaseId,
  pub(in crate::engine) event: FunctionalEvent,
  pub(in crate::engine) key: BackgroundFetchKey,
}

/// What is delivered once.
pub(crate) enum Message {
  Event(LeasedEvent),
  ServiceWorker(ServiceWorkerMessage),
}

pub(crate) type RealmInbox = Mailbox<Message>;
