//! What waits for one realm's event loop.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::engine::events::EventLease;
use crate::engine::events::update_queue::UpdateQueue;
use crate::engine::registration_events::LeasedEvent;
use crate::snapshot::BackgroundFetchSnapshot;

/// A message for a script.
#[derive(Debug)]
pub enum RealmMessage {
  /// *Update background fetch instances*, for a background fetch that the
  /// realm [watches](crate::engine::Realm::watch).
  Update(BackgroundFetchSnapshot),
  /// *Fire a functional event*; only for realms of service workers. The realm
  /// says [`Realm::event_handled`](crate::engine::Realm::event_handled) when the event
  /// is no longer active.
  Event {
    lease: EventLease,
    /// The event's type.
    name: &'static str,
    background_fetch: BackgroundFetchSnapshot,
  },
}

#[derive(Default)]
pub(crate) struct Inbox {
  pub(crate) updates: Arc<UpdateQueue>,
  events: Mutex<VecDeque<LeasedEvent>>,
  has_event: Notify,
}

impl Inbox {
  pub(crate) fn push_event(&self, event: LeasedEvent) {
    self.events.lock().push_back(event);
    self.has_event.notify_one();
  }

  /// Waits for a message. Safe to cancel.
  pub(crate) async fn next(&self) -> RealmMessage {
    loop {
      if let Some(message) = self.next_event() {
        return message;
      }
      tokio::select! {
        biased;
        _ = self.has_event.notified() => {}
        snapshot = self.updates.next() => {
          return RealmMessage::Update(snapshot);
        }
      }
    }
  }

  fn next_event(&self) -> Option<RealmMessage> {
    let mut events = self.events.lock();
    let job = events.front()?.job.clone();
    // The instance shows how it has settled before the event says so.
    if let Some(snapshot) = self.updates.take(job.key) {
      return Some(RealmMessage::Update(snapshot));
    }
    let LeasedEvent { lease, event, job } = events.pop_front()?;
    Some(RealmMessage::Event {
      lease,
      name: event.name(),
      background_fetch: job.snapshot(),
    })
  }
}
