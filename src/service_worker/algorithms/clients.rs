//! Clients: who they are, who controls them, and messages to and from them.

use super::call::MatchAllOptions;
use crate::dom_exception::DomException;
use crate::ids::RealmId;
use crate::ids::WorkerId;
use crate::service_worker::model::message::Answer;
use crate::service_worker::model::message::Caller;
use crate::service_worker::model::message::Event;
use crate::service_worker::model::message::Payload;
use crate::service_worker::model::message::ServiceWorkerMessage;
use crate::service_worker::model::message::Source;
use crate::service_worker::model::message::origin;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::service_workers::State;
use crate::service_worker::state::registrations::Slot;
use crate::spec::RealmKind;

impl ServiceWorkers {
  /// [`skipWaiting()`](https://w3c.github.io/ServiceWorker/#service-worker-global-scope-skipwaiting)
  pub(crate) fn skip_waiting(&self, caller: Caller) {
    let registration = {
      let mut state = self.lock();
      let worker = state.realms.get(&caller.realm).and_then(|r| r.worker);
      let worker = worker.and_then(|worker| state.map.worker_mut(worker));
      // Step 2.1: set the skip waiting flag.
      worker.map(|worker| {
        worker.skip_waiting = true;
        worker.registration
      })
    };
    // Step 2.2: it may be that nothing else holds the worker back.
    if let Some(registration) = registration {
      self.try_activate(registration);
    }
    // Step 2.3: the promise resolves with nothing.
    self.lock().reply(caller, Ok(Answer::Nothing));
  }

  /// [`clients.claim()`](https://w3c.github.io/ServiceWorker/#clients-claim)
  pub(crate) fn claim(&self, caller: Caller) -> Result<(), DomException> {
    let mut state = self.lock();
    let url = state.url_of(caller.realm)?;
    let worker = state.realms.get(&caller.realm).and_then(|r| r.worker);
    let registration =
      worker.and_then(|w| Some(state.map.worker(w)?.registration));
    // Step 1: only an active worker may claim.
    let active = registration.and_then(|id| state.map.slot(id, Slot::Active));
    let (Some(worker), true) = (worker, worker == active) else {
      return Err(DomException::InvalidState(
        "only an active worker can claim clients".into(),
      ));
    };
    // Step 3.1: those whose registration would be this one.
    let claimed = state.map.clients().filter(|(_, client)| {
      client.url.origin() == url.origin()
        && state.map.match_registration(&client.url) == registration
    });
    let claimed: Vec<_> = claimed.map(|(realm, _)| realm).collect();
    let mut left = Vec::new();
    for realm in claimed {
      let before = state.map.client(realm).and_then(|c| c.controller);
      let before = before.and_then(|b| Some(state.map.worker(b)?.registration));
      left.extend(before.filter(|before| Some(*before) != registration));
      // Steps 3.1.7 and 3.1.8: the worker controls the client from now on.
      state.map.control(realm, worker);
    }
    state.reply(caller, Ok(Answer::Nothing));
    drop(state);
    // Step 3.1.6: as if the client had gone.
    for registration in left {
      self.client_unloaded(registration);
    }
    Ok(())
  }

  /// [`ServiceWorker.postMessage()`](https://w3c.github.io/ServiceWorker/#service-worker-postmessage)
  pub(crate) fn post_to_worker(
    &self,
    realm: RealmId,
    worker: WorkerId,
    data: Payload,
  ) {
    let (source, origin) = {
      let state = self.lock();
      let Some(attached) = state.realms.get(&realm) else {
        return;
      };
      let source = match attached.worker {
        Some(worker) => state.map.worker_snapshot(worker).map(Source::Worker),
        None => state
          .map
          .client(realm)
          .map(|c| Source::Client(c.snapshot())),
      };
      let Some(source) = source else { return };
      let registration = state.map.worker(worker).map(|w| w.registration);
      if !registration.is_some_and(|id| state.may_have(realm, id)) {
        return;
      }
      (source, origin(&attached.url))
    };
    let event = Event::Message {
      source,
      origin,
      data,
    };
    // No caller waits for its end.
    drop(self.enqueue(worker, event));
  }

  /// [`Client.postMessage()`](https://w3c.github.io/ServiceWorker/#client-postmessage)
  pub(crate) fn post_to_client(
    &self,
    realm: RealmId,
    client: &str,
    data: Payload,
  ) {
    let state = self.lock();
    let Some(attached) = state.realms.get(&realm) else {
      return;
    };
    let source = attached.worker.and_then(|w| state.map.worker_snapshot(w));
    let Some(source) = source else { return };
    let origin = origin(&attached.url);
    let mut clients = state.map.clients();
    if let Some((realm, _)) = clients
      .find(|(_, c)| c.id == client && c.url.origin() == attached.url.origin())
    {
      let message = ServiceWorkerMessage::Message {
        source,
        origin,
        data,
      };
      state.push(realm, message);
    }
  }
}

impl State {
  /// [`clients.matchAll()`](https://w3c.github.io/ServiceWorker/#clients-matchall)
  pub(crate) fn match_all(
    &self,
    realm: RealmId,
    options: &MatchAllOptions,
  ) -> Result<Answer, DomException> {
    let url = self.url_of(realm)?;
    let worker = self.realms.get(&realm).and_then(|r| r.worker);
    let registration =
      worker.and_then(|w| Some(self.map.worker(w)?.registration));
    let matching = self.map.clients().filter(|(_, client)| {
      let controller = client.controller.and_then(|c| self.map.worker(c));
      let controlled = controller.is_some()
        && controller.map(|c| c.registration) == registration;
      let of_type = match options.client_type.as_str() {
        "all" => true,
        "window" => client.kind == RealmKind::Window,
        "worker" => client.kind == RealmKind::DedicatedWorker,
        "sharedworker" => client.kind == RealmKind::SharedWorker,
        _ => false,
      };
      // Steps 2.1.1 to 2.1.4: of the same origin, controlled if so asked, and
      // of the type.
      client.url.origin() == url.origin()
        && (options.include_uncontrolled || controlled)
        && of_type
    });
    // Step 2.5: the focused ones would come first; then, as they were created.
    let matching = matching.map(|(_, client)| client.snapshot());
    Ok(Answer::Clients(matching.collect()))
  }
}
