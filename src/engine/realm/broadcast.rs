//! Messages of [`BroadcastChannel`](https://html.spec.whatwg.org/multipage/web-messaging.html#broadcasting-to-other-browsing-contexts)s,
//! between all realms of one origin.

use std::sync::Arc;

use bytes::Bytes;

use super::Realm;
use crate::engine::broadcasts::BroadcastMessage;
use crate::engine::broadcasts::BroadcastPart;
use crate::engine::object_urls::ObjectUrls;

impl Realm {
  /// A name for the realm that no other one of the engine has.
  pub fn number(&self) -> u64 {
    self.attached.id
  }

  /// What scripts have named, in the whole engine.
  pub fn object_urls(&self) -> Arc<ObjectUrls> {
    self.engine().context().object_urls.clone()
  }

  /// From now on, [`Realm::next_broadcast`] gets what is sent.
  pub fn listen_to_broadcasts(&self) {
    let mut listener = self.attached.broadcasts.lock();
    if listener.is_some() {
      return;
    }
    let new = listener.insert(Arc::default());
    let mut all = self.engine().context().broadcasts.0.lock();
    let origin = self.options().url.origin();
    all.entry(origin).or_default().push(Arc::downgrade(new));
  }

  /// Sends `data` to every channel `name` of the origin.
  pub fn broadcast(
    &self,
    name: String,
    channel: u32,
    data: Bytes,
    parts: Vec<BroadcastPart>,
  ) {
    let message = BroadcastMessage {
      name,
      data,
      parts,
      realm: self.attached.id,
      channel,
    };
    let mut all = self.engine().context().broadcasts.0.lock();
    let origin = self.options().url.origin();
    let Some(listeners) = all.get_mut(&origin) else {
      return;
    };
    listeners.retain(|listener| match listener.upgrade() {
      Some(listener) => {
        listener.messages.lock().push_back(message.clone());
        listener.notify.notify_one();
        true
      }
      None => false,
    });
  }

  /// Waits for a message. Safe to cancel.
  pub async fn next_broadcast(&self) -> BroadcastMessage {
    let listener = self.attached.broadcasts.lock().clone();
    let Some(listener) = listener else {
      return std::future::pending().await;
    };
    loop {
      if let Some(message) = listener.messages.lock().pop_front() {
        return message;
      }
      listener.notify.notified().await;
    }
  }
}
