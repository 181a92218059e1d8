//! The events that this module fires itself, from their start to their end.

use tokio::sync::oneshot;
use tokio::time::Instant;
use url::Url;

use crate::ids::RealmId;
use crate::ids::WorkerId;
use crate::service_worker::model::message::Event;
use crate::service_worker::model::message::ServiceWorkerMessage;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::state::registrations::Slot;
use crate::service_worker::state::running::Phase;
use crate::service_worker::state::running::Waiting;
use crate::telemetry::WorkerEvent;

/// A worker that cannot be run, or that has ended before it was done.
#[derive(Debug)]
pub(crate) struct Terminated;

impl ServiceWorkers {
  /// Gives the worker an event, and waits until it is no longer active.
  /// Whether a promise that extends it was rejected.
  pub(crate) async fn fire(
    &self,
    worker: WorkerId,
    event: Event,
  ) -> Result<bool, Terminated> {
    let done = self.enqueue(worker, event).ok_or(Terminated)?;
    done.await.map_err(|_| Terminated)
  }

  /// Gives the worker an event; it is started if it is not running.
  pub(crate) fn enqueue(
    &self,
    worker: WorkerId,
    event: Event,
  ) -> Option<oneshot::Receiver<bool>> {
    let (done, receiver) = oneshot::channel();
    let mut state = self.lock();
    state.last_event += 1;
    let id = state.last_event;
    if state.map.worker(worker)?.embedder_owned {
      // It is in no hand but the embedder's.
      let mut realms = state.realms.values();
      let own = realms.find(|realm| realm.worker == Some(worker))?;
      (own.send)(ServiceWorkerMessage::Event { id, event });
      return Some(receiver);
    }
    let waiting = Waiting {
      id,
      observed: WorkerEvent::new(event.name(), worker.0),
      event,
      done,
    };
    if let Some(running) = state.running.get_mut(&worker) {
      running.restart |= running.phase == Phase::Stopping;
      running.waiting.push(waiting);
      state.flush_queue(worker);
      return Some(receiver);
    }
    let start = state.prepare_start(self, worker, vec![waiting]);
    drop(state);
    self.launch(start?);
    Some(receiver)
  }

  /// Gives the active worker of the registration in `scope` an event; false
  /// when there is none.
  pub(crate) fn fire_on_active(&self, scope: &Url, event: Event) -> bool {
    let active = {
      let state = self.lock();
      let id = state.map.get_registration(scope);
      id.and_then(|id| state.map.slot(id, Slot::Active))
    };
    // Nothing waits for its end.
    active.is_some_and(|worker| self.enqueue(worker, event).is_some())
  }

  /// The script is finished with an event, and with all that extends it.
  pub(crate) fn event_handled(&self, realm: RealmId, id: u64, rejected: bool) {
    let mut state = self.lock();
    let Some(worker) = state.realms.get(&realm).and_then(|r| r.worker) else {
      return;
    };
    let Some(running) = state.running.get_mut(&worker) else {
      return;
    };
    running.last_activity = Instant::now();
    if let Some(active) = running.active.remove(&id) {
      active.end(rejected);
    }
    let registration = state.map.worker(worker).map(|w| w.registration);
    drop(state);
    if let Some(registration) = registration {
      self.events_over(registration);
    }
  }

  /// A functional event of the worker's is over.
  pub(crate) fn functional_event_handled(&self, worker: WorkerId) {
    let mut state = self.lock();
    if let Some(running) = state.running.get_mut(&worker) {
      running.last_activity = Instant::now();
    }
    let registration = state.map.worker(worker).map(|w| w.registration);
    drop(state);
    if let Some(registration) = registration {
      self.events_over(registration);
      // https://w3c.github.io/ServiceWorker/#fire-functional-event-algorithm,
      // step 8: a stale registration is updated softly.
      self.soft_update_if_stale(registration);
    }
  }
}
