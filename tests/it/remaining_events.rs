//! The events of a realm, to the last one.

use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::EventLease;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmMessage;

/// The next event of the realm's, progress left aside; `None` once every
/// background fetch has settled and its event was handled.
pub async fn next_event_or_end(
  realm: &Realm,
) -> Option<(EventLease, &'static str, BackgroundFetchSnapshot)> {
  while !realm.is_idle() {
    let message = tokio::select! {
      message = realm.next_message() => message,
      () = realm.idle() => break,
    };
    if let RealmMessage::Event {
      lease,
      name,
      background_fetch,
    } = message
    {
      return Some((lease, name, *background_fetch));
    }
  }
  None
}
