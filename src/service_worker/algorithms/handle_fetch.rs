//! [Handle Fetch](https://w3c.github.io/ServiceWorker/#handle-fetch)

use crate::ids::RealmId;
use crate::service_worker::model::message::Event;
use crate::service_worker::model::message::Payload;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::service_workers::ServiceWorkers;

/// Who has a client's request now.
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
  /// request that is not a navigation. `request` is handed to the service
  /// worker that controls the client; when it is dropped there, it is not
  /// handled.
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
      data: request(client),
    };
    match self.enqueue(worker, event) {
      // Who answers is the script; nothing waits for the event's end.
      Some(_) => Handled::Fired,
      None => Handled::Failed,
    }
  }
}
