//! What scripts ask for, and what they are answered. The answers go through the
//! realm's inbox, between whatever else it has to hear of: so a script sees
//! states change in one order only.

use serde::Deserialize;
use serde::Serialize;
use url::Url;

use super::RealmId;
use super::RegistrationId;
use super::WorkerId;
use super::inbox::Answer;
use super::inbox::Caller;
use super::inbox::Event;
use super::inbox::Payload;
use super::inbox::ServiceWorkerMessage;
use super::inbox::Source;
use super::inbox::origin;
use super::job::Job;
use super::job::JobType;
use super::registrations::Slot;
use super::script::UpdateViaCache;
use super::script::WorkerType;
use super::service_workers::ServiceWorkers;
use super::service_workers::State;
use super::snapshot::ServiceWorkerState;
use crate::engine::RealmKind;
use crate::spec::is_http_scheme;

/// What a script asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Call {
  /// [`register()`](https://w3c.github.io/ServiceWorker/#navigator-service-worker-register)
  #[serde(rename_all = "camelCase")]
  Register {
    #[serde(rename = "scriptURL")]
    script_url: Url,
    scope: Option<Url>,
    worker_type: WorkerType,
    update_via_cache: UpdateViaCache,
  },
  /// [`update()`](https://w3c.github.io/ServiceWorker/#service-worker-registration-update)
  Update { registration: RegistrationId },
  /// [`unregister()`](https://w3c.github.io/ServiceWorker/#navigator-service-worker-unregister)
  Unregister { registration: RegistrationId },
  /// [`getRegistration()`](https://w3c.github.io/ServiceWorker/#navigator-service-worker-getRegistration)
  GetRegistration { url: Url },
  /// [`getRegistrations()`](https://w3c.github.io/ServiceWorker/#navigator-service-worker-getRegistrations)
  GetRegistrations,
  /// [`ready`](https://w3c.github.io/ServiceWorker/#navigator-service-worker-ready)
  Ready,
  /// [`skipWaiting()`](https://w3c.github.io/ServiceWorker/#service-worker-global-scope-skipwaiting)
  SkipWaiting,
  /// [`clients.claim()`](https://w3c.github.io/ServiceWorker/#clients-claim)
  Claim,
  /// [`clients.get()`](https://w3c.github.io/ServiceWorker/#clients-get)
  GetClient { id: String },
  /// [`clients.matchAll()`](https://w3c.github.io/ServiceWorker/#clients-matchall)
  MatchAll(MatchAllOptions),
}

/// [`ClientQueryOptions`](https://w3c.github.io/ServiceWorker/#dictdef-clientqueryoptions)
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchAllOptions {
  pub include_uncontrolled: bool,
  /// `window`, `worker`, `sharedworker` or `all`.
  #[serde(rename = "type")]
  pub client_type: String,
}

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
  /// `TypeError`, or the name of a `DOMException`.
  pub name: &'static str,
  pub message: String,
}

impl CallError {
  pub(super) fn new(name: &'static str, message: impl Into<String>) -> Self {
    let message = message.into();
    Self { name, message }
  }

  pub(super) fn type_error(message: impl Into<String>) -> Self {
    Self::new("TypeError", message)
  }
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

  fn answer(&self, caller: Caller, call: Call) -> Result<(), CallError> {
    match call {
      Call::Register {
        script_url,
        scope,
        worker_type,
        update_via_cache,
      } => self.start_register(
        caller,
        script_url,
        scope,
        worker_type,
        update_via_cache,
      ),
      Call::Update { registration } => self.call_update(caller, registration),
      Call::Unregister { registration } => {
        self.call_unregister(caller, registration)
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
        // Step 4.
        if url.origin() != state.url_of(caller.realm)?.origin() {
          return Err(CallError::new(
            "SecurityError",
            format!("{url} has another origin"),
          ));
        }
        let id = state.map.match_registration(&url);
        let snapshot = id.and_then(|id| state.map.snapshot(id));
        state.reply(caller, Ok(Answer::Registration(snapshot)));
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

  /// [Start Register](https://w3c.github.io/ServiceWorker/#start-register-algorithm)
  fn start_register(
    &self,
    caller: Caller,
    mut script_url: Url,
    scope: Option<Url>,
    worker_type: WorkerType,
    update_via_cache: UpdateViaCache,
  ) -> Result<(), CallError> {
    if !self.surroundings.has_host() {
      return Err(CallError::new(
        "NotSupportedError",
        "this engine has nobody who could start a service worker",
      ));
    }
    // Step 2.
    script_url.set_fragment(None);
    // Steps 3 and 4.
    check_url(&script_url, "script")?;
    // Step 5.
    let mut scope = match scope {
      Some(scope) => scope,
      None => script_url.join("./").map_err(|error| {
        CallError::type_error(format!("the scope is no URL: {error}"))
      })?,
    };
    // Step 6.
    scope.set_fragment(None);
    // Steps 7 and 8.
    check_url(&scope, "scope")?;
    // Steps 9 and 10.
    let environment = {
      let state = self.lock();
      let realm = state.realms.get(&caller.realm).ok_or_else(no_realm)?;
      realm.environment.clone()
    };
    self.schedule(Job {
      job_type: JobType::Register {
        script_url,
        worker_type,
        update_via_cache,
      },
      scope,
      environment,
      callers: vec![caller],
    });
    Ok(())
  }

  fn call_update(
    &self,
    caller: Caller,
    registration: RegistrationId,
  ) -> Result<(), CallError> {
    let job = {
      let state = self.lock();
      // Steps 2 and 3.
      let newest = state.map.newest_worker(registration);
      let newest = newest.and_then(|worker| state.map.worker(worker));
      let Some(newest) = newest.filter(|worker| !worker.embedded) else {
        return Err(CallError::new(
          "InvalidStateError",
          "the registration has no worker that could be updated",
        ));
      };
      let realm = state.realms.get(&caller.realm).ok_or_else(no_realm)?;
      // Step 4.
      let own = realm.worker.and_then(|worker| state.map.worker(worker));
      if own.is_some_and(|w| w.state == ServiceWorkerState::Installing) {
        return Err(CallError::new(
          "InvalidStateError",
          "a worker that is being installed cannot update its registration",
        ));
      }
      let registration = state.map.registration(registration);
      Job {
        job_type: JobType::Update {
          script_url: newest.script_url.clone(),
          worker_type: newest.worker_type,
        },
        scope: registration.ok_or_else(no_registration)?.scope.clone(),
        environment: realm.environment.clone(),
        callers: vec![caller],
      }
    };
    // Steps 6 to 8.
    self.schedule(job);
    Ok(())
  }

  fn call_unregister(
    &self,
    caller: Caller,
    registration: RegistrationId,
  ) -> Result<(), CallError> {
    let job = {
      let state = self.lock();
      let realm = state.realms.get(&caller.realm).ok_or_else(no_realm)?;
      if !state.map.is_registered(registration) {
        state.reply(caller, Ok(Answer::Boolean(false)));
        return Ok(());
      }
      let registration = state.map.registration(registration);
      Job {
        job_type: JobType::Unregister,
        scope: registration.ok_or_else(no_registration)?.scope.clone(),
        environment: realm.environment.clone(),
        callers: vec![caller],
      }
    };
    self.schedule(job);
    Ok(())
  }

  fn skip_waiting(&self, caller: Caller) {
    let registration = {
      let mut state = self.lock();
      let worker = state.realms.get(&caller.realm).and_then(|r| r.worker);
      let worker = worker.and_then(|worker| state.map.worker_mut(worker));
      // Step 2.1.
      worker.map(|worker| {
        worker.skip_waiting = true;
        worker.registration
      })
    };
    // Step 2.2.
    if let Some(registration) = registration {
      self.try_activate(registration);
    }
    // Step 2.3.
    self.lock().reply(caller, Ok(Answer::Nothing));
  }

  fn claim(&self, caller: Caller) -> Result<(), CallError> {
    let mut state = self.lock();
    let url = state.url_of(caller.realm)?;
    let worker = state.realms.get(&caller.realm).and_then(|r| r.worker);
    let registration =
      worker.and_then(|w| Some(state.map.worker(w)?.registration));
    // Step 1.
    let active = registration.and_then(|id| state.map.slot(id, Slot::Active));
    let (Some(worker), true) = (worker, worker == active) else {
      return Err(CallError::new(
        "InvalidStateError",
        "only an active worker can claim clients",
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
      // Steps 3.1.7 and 3.1.8.
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
      (source, origin(&attached.url))
    };
    let event = Event::Message {
      source,
      origin,
      data,
    };
    // Nobody waits for its end.
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
    if let Some((realm, _)) = clients.find(|(_, c)| c.id == client) {
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
  fn url_of(&self, realm: RealmId) -> Result<Url, CallError> {
    let realm = self.realms.get(&realm).ok_or_else(no_realm)?;
    Ok(realm.url.clone())
  }

  /// [`clients.matchAll()`](https://w3c.github.io/ServiceWorker/#clients-matchall)
  fn match_all(
    &self,
    realm: RealmId,
    options: &MatchAllOptions,
  ) -> Result<Answer, CallError> {
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
        _ => false,
      };
      // Steps 2.1.1 to 2.1.4.
      client.url.origin() == url.origin()
        && (options.include_uncontrolled || controlled)
        && of_type
    });
    // Step 2.5: the focused ones would come first; then, as they were created.
    let matching = matching.map(|(_, client)| client.snapshot());
    Ok(Answer::Clients(matching.collect()))
  }
}

/// The checks of
/// [Start Register](https://w3c.github.io/ServiceWorker/#start-register-algorithm)
/// that are the same for the script's URL and the scope.
fn check_url(url: &Url, what: &str) -> Result<(), CallError> {
  if !is_http_scheme(url) {
    return Err(CallError::type_error(format!(
      "the {what} {url} is not http or https"
    )));
  }
  let path = url.path().to_ascii_lowercase();
  if path.contains("%2f") || path.contains("%5c") {
    return Err(CallError::type_error(format!(
      "the path of the {what} {url} has an escaped slash"
    )));
  }
  Ok(())
}

fn no_realm() -> CallError {
  CallError::new("InvalidStateError", "this realm is gone")
}

fn no_registration() -> CallError {
  CallError::new("InvalidStateError", "the registration is gone")
}
