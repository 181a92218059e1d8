//! Clients of the registrations, and who controls them.

use url::Url;

use super::Notice;
use super::Registrations;
use crate::ids::RealmId;
use crate::ids::RegistrationId;
use crate::ids::WorkerId;
use crate::spec::RealmKind;

/// [A service worker client](https://w3c.github.io/ServiceWorker/#dfn-service-worker-client)
pub(crate) struct Client {
  pub(crate) id: String,
  pub(crate) url: Url,
  pub(crate) kind: RealmKind,
  /// Its [active service worker](https://w3c.github.io/ServiceWorker/#dfn-active-service-worker).
  pub(crate) controller: Option<WorkerId>,
}

impl Registrations {
  pub(crate) fn client(&self, realm: RealmId) -> Option<&Client> {
    self.clients.get(&realm)
  }

  pub(crate) fn clients(&self) -> impl Iterator<Item = (RealmId, &Client)> {
    self.clients.iter().map(|(realm, client)| (*realm, client))
  }

  pub(crate) fn add_client(&mut self, realm: RealmId, client: Client) {
    self.clients.insert(realm, client);
  }

  /// [Handle Service Worker Client Unload](https://w3c.github.io/ServiceWorker/#on-client-unload-algorithm):
  /// the registration that it has used.
  pub(crate) fn remove_client(
    &mut self,
    realm: RealmId,
  ) -> Option<RegistrationId> {
    let controller = self.clients.shift_remove(&realm)?.controller?;
    Some(self.workers.get(&controller)?.registration)
  }

  /// Whether a client
  /// [uses](https://w3c.github.io/ServiceWorker/#dfn-use) the registration.
  pub(crate) fn is_used(&self, id: RegistrationId) -> bool {
    let of_this = |worker: WorkerId| {
      self.workers.get(&worker).map(|w| w.registration) == Some(id)
    };
    let mut controllers = self.clients.values().filter_map(|c| c.controller);
    controllers.any(of_this)
  }

  /// Sets the client's active service worker, and
  /// [notifies](https://w3c.github.io/ServiceWorker/#notify-controller-change-algorithm)
  /// it.
  pub(crate) fn control(&mut self, realm: RealmId, worker: WorkerId) {
    if let Some(client) = self.clients.get_mut(&realm)
      && client.controller != Some(worker)
    {
      client.controller = Some(worker);
      self.notices.push(Notice::ControllerChange(realm));
    }
  }
}
