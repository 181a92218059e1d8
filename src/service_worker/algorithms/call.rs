//! What scripts ask for, and what they are answered. The answers go through the
//! realm's inbox, between its other messages: so a script sees states change in
//! one order only.

use serde::Deserialize;
use url::Url;

use crate::dom_exception::DomException;
use crate::ids::RealmId;
use crate::ids::RegistrationId;
use crate::service_worker::model::message::Answer;
use crate::service_worker::model::message::Caller;
use crate::service_worker::model::message::JobCaller;
use crate::service_worker::model::navigation_preload::NavigationPreloadChange;
use crate::service_worker::model::script::UpdateViaCache;
use crate::service_worker::model::script::WorkerType;
use crate::service_worker::service_workers::AttachedRealm;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::service_workers::State;

/// What a script asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Call {
  /// [`register()`](https://w3c.github.io/ServiceWorker/#navigator-service-worker-register)
  #[serde(rename_all = "camelCase")]
  Register {
    /// Where the worker's script is.
    #[serde(rename = "scriptURL")]
    script_url: Url,
    /// What it is registered for; the script's directory when it is left out.
    scope: Option<Url>,
    /// How its script is evaluated.
    worker_type: WorkerType,
    /// Which of its scripts may come from the HTTP cache.
    update_via_cache: UpdateViaCache,
  },
  /// [`update()`](https://w3c.github.io/ServiceWorker/#service-worker-registration-update)
  Update {
    /// The registration.
    registration: RegistrationId,
  },
  /// [`unregister()`](https://w3c.github.io/ServiceWorker/#navigator-service-worker-unregister)
  Unregister {
    /// The registration.
    registration: RegistrationId,
  },
  /// `enable()`, `disable()` and `setHeaderValue()` of a
  /// [`NavigationPreloadManager`](https://w3c.github.io/ServiceWorker/#navigationpreloadmanager)
  ChangeNavigationPreload {
    /// The registration.
    registration: RegistrationId,
    /// What changes.
    change: NavigationPreloadChange,
  },
  /// [`getState()`](https://w3c.github.io/ServiceWorker/#navigation-preload-manager-getstate)
  GetNavigationPreload {
    /// The registration.
    registration: RegistrationId,
  },
  /// [`getRegistration()`](https://w3c.github.io/ServiceWorker/#navigator-service-worker-getRegistration)
  GetRegistration {
    /// The URL that it is looked up for.
    url: Url,
  },
  /// [`getRegistrations()`](https://w3c.github.io/ServiceWorker/#navigator-service-worker-getRegistrations)
  GetRegistrations,
  /// [`ready`](https://w3c.github.io/ServiceWorker/#navigator-service-worker-ready)
  Ready,
  /// [`skipWaiting()`](https://w3c.github.io/ServiceWorker/#service-worker-global-scope-skipwaiting)
  SkipWaiting,
  /// [`clients.claim()`](https://w3c.github.io/ServiceWorker/#clients-claim)
  Claim,
  /// [`clients.get()`](https://w3c.github.io/ServiceWorker/#clients-get)
  GetClient {
    /// Names it.
    id: String,
  },
  /// [`clients.matchAll()`](https://w3c.github.io/ServiceWorker/#clients-matchall)
  MatchAll(MatchAllOptions),
}

/// [`ClientQueryOptions`](https://w3c.github.io/ServiceWorker/#dictdef-clientqueryoptions)
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchAllOptions {
  /// Whether clients count that the worker does not control.
  pub include_uncontrolled: bool,
  /// `window`, `worker`, `sharedworker` or `all`.
  #[serde(rename = "type")]
  pub client_type: String,
}

impl ServiceWorkers {
  /// A script of `realm` asks for something; `call` is the number under which
  /// it waits for the answer.
  pub(crate) fn call(&self, realm: RealmId, call: u32, what: Call) {
    let caller = Caller { realm, call };
    if let Err(error) = self.answer(caller, what) {
      self.lock().reply(caller, Err(error));
    }
  }

  fn answer(&self, caller: Caller, call: Call) -> Result<(), DomException> {
    match call {
      Call::Register {
        script_url,
        scope,
        worker_type,
        update_via_cache,
      } => {
        let environment = self.lock().realm(caller.realm)?.environment.clone();
        self.start_register(
          JobCaller::Script(caller),
          environment,
          script_url,
          scope,
          worker_type,
          update_via_cache,
        )
      }
      Call::Update { registration }
      | Call::Unregister { registration }
      | Call::ChangeNavigationPreload { registration, .. }
      | Call::GetNavigationPreload { registration }
        if !self.lock().may_have(caller.realm, registration) =>
      {
        Err(no_registration())
      }
      Call::Update { registration } => self.call_update(caller, registration),
      Call::Unregister { registration } => {
        self.call_unregister(caller, registration)
      }
      Call::ChangeNavigationPreload {
        registration,
        change,
      } => self.change_navigation_preload(caller, registration, change),
      Call::GetNavigationPreload { registration } => {
        self.navigation_preload_state(caller, registration)
      }
      Call::SkipWaiting => {
        self.skip_waiting(caller);
        Ok(())
      }
      Call::Claim => self.claim(caller),
      Call::Ready => {
        let mut state = self.lock();
        let url = state.url_of(caller.realm)?;
        state.waiting_for_ready.push((caller, url));
        state.resolve_ready();
        Ok(())
      }
      Call::GetRegistration { url } => {
        let state = self.lock();
        // Step 4: a URL of another origin is refused.
        if url.origin() != state.url_of(caller.realm)?.origin() {
          return Err(DomException::Security(format!(
            "{url} has another origin"
          )));
        }
        let id = state.map.match_registration(&url);
        let snapshot = id.and_then(|id| state.map.snapshot(id));
        state.reply(caller, Ok(Answer::Registration(snapshot.map(Box::new))));
        Ok(())
      }
      Call::GetRegistrations => {
        let state = self.lock();
        let ids = state.map.of_origin(&state.url_of(caller.realm)?);
        let all = ids.into_iter().filter_map(|id| state.map.snapshot(id));
        let answer = Answer::Registrations(all.collect());
        state.reply(caller, Ok(answer));
        Ok(())
      }
      Call::GetClient { id } => {
        let state = self.lock();
        let url = state.url_of(caller.realm)?;
        let mut clients = state.map.clients();
        let client = clients.find(|(_, client)| {
          client.id == id && client.url.origin() == url.origin()
        });
        let client = client.map(|(_, client)| client.snapshot());
        state.reply(caller, Ok(Answer::Client(client)));
        Ok(())
      }
      Call::MatchAll(options) => {
        let state = self.lock();
        let answer = state.match_all(caller.realm, &options)?;
        state.reply(caller, Ok(answer));
        Ok(())
      }
    }
  }
}

impl State {
  /// The realm that calls.
  pub(crate) fn realm(
    &self,
    realm: RealmId,
  ) -> Result<&AttachedRealm, DomException> {
    let gone = || DomException::InvalidState("this realm is gone".into());
    self.realms.get(&realm).ok_or_else(gone)
  }

  pub(crate) fn url_of(&self, realm: RealmId) -> Result<Url, DomException> {
    Ok(self.realm(realm)?.url.clone())
  }
}

pub(crate) fn no_registration() -> DomException {
  DomException::InvalidState("the registration is gone".into())
}
