//! Waiting for the end of a download, in the place of a service worker.

use background_fetch::display::text;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmMessage;
use background_fetch::engine::RealmOptions;
use background_fetch::store::BackgroundFetchKey;
use url::Url;

use crate::commands::stored;
use crate::download::Downloads;
use crate::download::Ended;

/// Continues a download that has failed.
///
/// # Errors
///
/// It is quarantined, or the store cannot remember it.
pub async fn retry(
  engine: &Engine,
  stored: &BackgroundFetchSnapshot,
) -> Result<(), String> {
  if stored.quarantined {
    return Err(stored::quarantined(&text::printable(&stored.id)));
  }
  match stored.retained {
    Some(_) => engine.retry(stored.key).await.map(drop),
    None => Ok(()),
  }
  .map_err(|error| error.to_string())
}

/// The realm that takes the event of a download in `scope`.
pub fn worker_in(scope: &Url) -> RealmOptions {
  RealmOptions {
    scope: scope.clone(),
    keep_failed: true,
    ..RealmOptions::new(RealmKind::ServiceWorker, scope.clone())
  }
}

/// Waits until a download is saved, has failed, or cannot be saved.
pub async fn attend_download(
  downloads: &Downloads,
  realm: &Realm,
  key: BackgroundFetchKey,
) -> Ended {
  tokio::select! {
    () = attend(realm) => {}
    () = downloads.unsaved(key) => {}
  }
  match downloads.ended(key) {
    Some(Ended::Unsaved(why)) => Ended::Unsaved(format!(
      "it cannot be saved as {why}; the store keeps it: make room, then run \
       the same command, or `bgfetch resume` with a usable --out"
    )),
    Some(ended) => ended,
    None => Ended::Failed("it was aborted".to_string()),
  }
}

/// Takes the events of a realm that has no script, until its scope has
/// nothing unfinished.
pub async fn attend(realm: &Realm) {
  tokio::select! {
    () = take_events(realm) => {}
    () = realm.idle() => {}
  }
}

/// Takes the events of a realm that has no script, forever.
pub async fn take_events(realm: &Realm) {
  realm.start_worker();
  loop {
    // The files are saved already, so there is nothing left to do.
    if let RealmMessage::Event { lease, .. } = realm.next_message().await {
      lease.acknowledge();
    }
  }
}

/// Why a download has failed, with its URL as the user has typed it.
pub fn sentence(typed: &str, why: &str) -> String {
  let typed = text::printable(typed);
  // The network names it without its query, which may be a secret.
  let place = typed.split(['?', '#']).next().unwrap_or_default();
  match why.strip_prefix(place) {
    Some(rest) if rest.starts_with(' ') => format!("{typed}{rest}"),
    _ => format!("{typed}: {why}"),
  }
}
