//! What waits for one realm's event loop.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::engine::events::EventLease;
use crate::engine::events::update_queue::UpdateQueue;
use crate::engine::registration_events::LeasedEvent;
use crate::ids::BackgroundFetchKey;
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

  /// Waits for a message. Safe to cancel. `snapshot` is asked for the background
  /// fetch of an event.
  pub(crate) async fn next(
    &self,
    snapshot: impl Fn(BackgroundFetchKey) -> Option<BackgroundFetchSnapshot>,
  ) -> RealmMessage {
    loop {
      if let Some(message) = self.next_event(&snapshot) {
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

  /// Leaves out those of background fetches that are no more.
  fn next_event(
    &self,
    snapshot: impl Fn(BackgroundFetchKey) -> Option<BackgroundFetchSnapshot>,
  ) -> Option<RealmMessage> {
    let mut events = self.events.lock();
    loop {
      let key = events.front()?.key;
      // The instance shows how it has settled before the event says so.
      if let Some(snapshot) = self.updates.take(key) {
        return Some(RealmMessage::Update(snapshot));
      }
      let LeasedEvent { lease, event, key } = events.pop_front()?;
      if let Some(background_fetch) = snapshot(key) {
        return Some(RealmMessage::Event {
          lease,
          name: event.name(),
          background_fetch,
        });
      }
    }
  }
}
