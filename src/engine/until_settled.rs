//! Waiting until there is nothing left to do.

use std::sync::Arc;

use url::Url;

use super::Engine;
use super::context::Context;
use super::realm::Realm;
use super::registration::Registration;

/// Events wait for a service worker that cannot be started any more. They are
/// kept, and come with the next start of the engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
  "the events in {scope} wait for a service worker that cannot be started; \
   they are kept for the next time"
)]
pub struct NoWorkerForEvents {
  /// The scope of their service worker registration.
  pub scope: Url,
}

impl Engine {
  /// Waits until every background fetch in `scope` has settled and its event
  /// was handled.
  ///
  /// # Errors
  ///
  /// Only events are left, and no worker that could take them: see
  /// [`NoWorkerForEvents`].
  pub async fn until_settled(
    &self,
    scope: &Url,
  ) -> Result<(), NoWorkerForEvents> {
    let registration = self.context().registrations.get(scope);
    until_settled(self.context(), || vec![registration.clone()]).await
  }
}

impl Engine {
  /// Whether a service worker is being registered, updated, installed or
  /// activated, or is working on a message; an idle one may run. Events of
  /// background fetches do not count here.
  pub(crate) fn has_service_worker_events(&self) -> bool {
    self.context().service_workers.is_running()
  }
}

impl Realm {
  /// Waits until every background fetch of the realm's registration, and of
  /// those that it has started some for, has settled and its event was handled.
  ///
  /// # Errors
  ///
  /// As for [`Engine::until_settled`].
  pub async fn until_settled(&self) -> Result<(), NoWorkerForEvents> {
    until_settled(self.engine().context(), || self.registrations()).await
  }

  /// Whether nothing is left, or only events for which no worker runs and none
  /// can be started.
  pub(crate) fn is_at_rest(&self) -> bool {
    let context = self.engine().context();
    let all = self.registrations();
    all.iter().all(|r| r.is_idle() || is_left_alone(context, r))
  }

  /// Waits until [`Realm::is_at_rest`].
  pub(crate) async fn rest(&self) {
    let context = self.engine().context();
    while !self.is_at_rest() {
      for registration in self.registrations() {
        wait_idle(context, &registration, is_left_alone).await;
      }
    }
  }

  /// What a rest has come to.
  pub(crate) fn outcome(&self) -> Result<(), NoWorkerForEvents> {
    let all = self.registrations();
    outcome(all.iter().find(|registration| !registration.is_idle()))
  }

  /// Waits until the engine is shut down.
  pub(crate) async fn stopped(&self) {
    self.engine().context().stopping.cancelled().await;
  }
}

fn outcome(stuck: Option<&Arc<Registration>>) -> Result<(), NoWorkerForEvents> {
  match stuck {
    None => Ok(()),
    Some(stuck) => Err(NoWorkerForEvents {
      scope: stuck.scope.clone(),
    }),
  }
}

async fn until_settled(
  context: &Context,
  registrations: impl Fn() -> Vec<Arc<Registration>>,
) -> Result<(), NoWorkerForEvents> {
  loop {
    let all = registrations();
    for registration in &all {
      wait_idle(context, registration, is_stuck).await;
    }
    // Meanwhile another one may have got something to do.
    let is_done = |r: &Arc<Registration>| r.is_idle() || is_stuck(context, r);
    if registrations().iter().all(is_done) {
      return outcome(all.iter().find(|registration| !registration.is_idle()));
    }
  }
}

/// Waits until the registration has nothing to do, or cannot do it.
async fn wait_idle(
  context: &Context,
  registration: &Registration,
  is_stuck: fn(&Context, &Registration) -> bool,
) {
  let is_done = || registration.is_idle() || is_stuck(context, registration);
  while !is_done() {
    let mut changed = std::pin::pin!(registration.changed.notified());
    changed.as_mut().enable();
    tokio::select! {
      biased;
      () = context.service_workers.changed_unless(is_done) => {}
      () = changed => {}
    }
  }
}

fn is_stuck(context: &Context, registration: &Registration) -> bool {
  registration.has_only_events_without_worker()
    && context.service_workers.cannot_start(&registration.scope)
}

fn is_left_alone(context: &Context, registration: &Registration) -> bool {
  registration.has_only_events_without_worker()
    && context
      .service_workers
      .starts_no_worker(&registration.scope)
}
