//! [Handle Fetch](https://w3c.github.io/ServiceWorker/#handle-fetch)

use url::Url;

use crate::ids::RealmId;
use crate::ids::WorkerId;
use crate::service_worker::model::message::Event;
use crate::service_worker::model::message::Payload;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::state::registrations::Slot;

/// Who has a request now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handled {
  /// A service worker: the response, or why there is none, comes from it.
  Fired,
  /// No service worker: it is for the network.
  NoController,
  /// The service worker cannot be run: a network error.
  Failed,
}

impl ServiceWorkers {
  /// [Handle Fetch](https://w3c.github.io/ServiceWorker/#handle-fetch), for a
  /// subresource. `request` is handed to the service worker that controls the
  /// client; when it is dropped there, it is not handled.
  pub(crate) async fn handle_fetch(
    &self,
    realm: RealmId,
    request: impl FnOnce(String) -> Payload,
  ) -> Handled {
    let controller = {
      let state = self.lock();
      let client = state.map.client(realm);
      client.and_then(|c| Some((c.id.clone(), c.controller?)))
    };
    // Steps 11 and 13: "If registration or activeWorker is null, return null"
    let Some((client, worker)) = controller else {
      return Handled::NoController;
    };
    self.dispatch_fetch(worker, request(client)).await
  }

  /// The same for the request for a document at `url`, which is a
  /// non-subresource request.
  pub(crate) async fn handle_navigation(
    &self,
    url: &Url,
    request: impl FnOnce() -> Payload,
  ) -> Handled {
    // Step 10: the registration that the URL matches.
    let matching = {
      let state = self.lock();
      let registration = state.map.match_registration(url);
      registration.and_then(|id| Some((id, state.map.slot(id, Slot::Active)?)))
    };
    // Steps 11 and 13: "If registration or activeWorker is null, return null"
    let Some((registration, worker)) = matching else {
      return Handled::NoController;
    };
    let handled = self.dispatch_fetch(worker, request()).await;
    // Step 20: shouldSoftUpdate is true for what is not a subresource.
    self.soft_update(registration);
    handled
  }

  async fn dispatch_fetch(
    &self,
    worker: WorkerId,
    request: Payload,
  ) -> Handled {
    // Step 16: "If activeWorker's state is "activating", wait for it to become
    // "activated"."
    self
      .wait_until(|state| {
        let worker = state.map.worker(worker);
        worker.is_none_or(|w| w.state != ServiceWorkerState::Activating)
      })
      .await;
    // Steps 17 and 18: "If the result of running the Run Service Worker
    // algorithm with activeWorker is failure, set handleFetchFailed to true."
    let event = Event::Extension {
      name: "fetch",
      data: request,
    };
    match self.enqueue(worker, event) {
      // Who answers is the script; nothing waits for the event's end.
      Some(_) => Handled::Fired,
      None => Handled::Failed,
    }
  }
}
