//! Holds functional events back until the script is there to handle them.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::VecDeque;

use tokio::sync::Notify;

use crate::engine::Realm;
use crate::engine::RealmMessage;

/// What the engine told a realm and its script has not seen yet.
///
/// A service worker's events are fired after its script was evaluated; an
/// event that finds no listeners yet would count as handled.
#[derive(Default)]
pub(crate) struct Inbox {
  open: Cell<bool>,
  opened: Notify,
  held: RefCell<VecDeque<RealmMessage>>,
}

impl Inbox {
  /// From now on events are delivered.
  pub fn open(&self) {
    self.open.set(true);
    self.opened.notify_one();
  }

  /// The next message that the script may see.
  pub async fn next(&self, realm: &Realm) -> RealmMessage {
    loop {
      if self.open.get()
        && let Some(event) = self.held.borrow_mut().pop_front()
      {
        return event;
      }
      tokio::select! {
        message = realm.next_message() => {
          let is_event = matches!(message, RealmMessage::Event { .. });
          if self.open.get() || !is_event {
            return message;
          }
          self.held.borrow_mut().push_back(message);
        }
        () = self.opened.notified() => {}
      }
    }
  }
}
