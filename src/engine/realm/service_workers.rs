//! A realm's interface to service workers: what its scripts say, and hear.

use url::Url;

use super::Realm;
use crate::dom_exception::DomException;
use crate::ids::WorkerId;
use crate::service_worker::Call;
use crate::service_worker::Payload;
use crate::service_worker::RegistrationSnapshot;
use crate::service_worker::WorkerSnapshot;

impl Realm {
  /// The registration of a service worker's realm; of another one, that which
  /// the embedder vouches for, where workers cannot be started.
  pub fn own_registration(&self) -> Option<&RegistrationSnapshot> {
    self.attached.service_workers.registration.as_ref()
  }

  /// The worker that controls the realm from its start.
  pub fn controller(&self) -> Option<&WorkerSnapshot> {
    self.attached.service_workers.controller.as_ref()
  }

  /// The realm's own worker, if it is a service worker's.
  pub fn own_worker(&self) -> Option<&WorkerSnapshot> {
    self.attached.service_workers.worker.as_ref()
  }

  /// A script asks for something. It is answered by a message, under the
  /// number `call`.
  pub fn call(&self, call: u32, what: Call) {
    let service_workers = &self.engine().context().service_workers;
    service_workers.call(self.attached.id, call, what);
  }

  /// [`ServiceWorker.postMessage()`](https://w3c.github.io/ServiceWorker/#service-worker-postmessage)
  pub fn post_to_worker(&self, worker: WorkerId, data: Payload) {
    let service_workers = &self.engine().context().service_workers;
    service_workers.post_to_worker(self.attached.id, worker, data);
  }

  /// [`Client.postMessage()`](https://w3c.github.io/ServiceWorker/#client-postmessage)
  pub fn post_to_client(&self, client: &str, data: Payload) {
    let service_workers = &self.engine().context().service_workers;
    service_workers.post_to_client(self.attached.id, client, data);
  }

  /// An event that came by [`Realm::next_message`] is no longer
  /// active; whether a promise that extended it was rejected.
  pub fn worker_event_handled(&self, event: u64, rejected: bool) {
    let service_workers = &self.engine().context().service_workers;
    service_workers.event_handled(self.attached.id, event, rejected);
  }

  /// The source of a script that the service worker imports, for a thread that
  /// may be blocked.
  ///
  /// # Errors
  ///
  /// A [`DomException::Network`].
  pub fn import_blocking(&self, url: Url) -> Result<String, DomException> {
    let context = self.engine().context();
    let service_workers = context.service_workers.clone();
    let id = self.attached.id;
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    context.spawn(async move {
      let _ = sender.send(service_workers.import(id, url).await);
    });
    let ended =
      |_| Err(DomException::Network("the engine has ended".to_string()));
    receiver.recv().unwrap_or_else(ended)
  }

  /// The same, without blocking.
  ///
  /// # Errors
  ///
  /// As above.
  pub async fn import(&self, url: Url) -> Result<String, DomException> {
    let service_workers = self.engine().context().service_workers.clone();
    service_workers.import(self.attached.id, url).await
  }
}
