//! A JavaScript realm, seen from the engine.

pub(crate) mod broadcast;
pub(crate) mod caches;
pub(crate) mod event_lease;
pub(crate) mod fetch;
pub(crate) mod inbox;
pub(crate) mod indexed_db;
pub(crate) mod local_storage;
pub(crate) mod locks;
pub(crate) mod navigation;
pub(crate) mod net_permission;
pub(crate) mod notifications;
pub(crate) mod online;
pub(crate) mod options;
pub(crate) mod permissions;
pub(crate) mod prepared_fetch;
pub(crate) mod record_handle;
pub(crate) mod request_body;
pub(crate) mod script_fetch;
pub(crate) mod service_workers;
pub(crate) mod web_socket;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use self::event_lease::EventLease;
use self::event_lease::Lessee;
use self::inbox::LeasedEvent;
use self::inbox::Message;
use self::inbox::RealmInbox;
use self::inbox::RealmMessage;
use self::options::RealmOptions;
use self::record_handle::RecordHandle;
use self::script_fetch::Keepalive;
use super::Engine;
use super::events::LeaseId;
use super::events::WorkerEnd;
use super::job::Job;
use super::outcome::AbortOutcome;
use super::registration::Registration;
use crate::engine::broadcasts::Listener;
use crate::engine::job::settle;
use crate::engine::mailbox::Delivery;
use crate::engine::workers::delegate::WorkerEvents;
use crate::ids::BackgroundFetchKey;
use crate::ids::RegistrationId;
use crate::network::ClientEnvironment;
use crate::network::NetCheck;
use crate::service_worker::Attachment;
use crate::service_worker::NewRealm;
use crate::snapshot::BackgroundFetchSnapshot;
use crate::spec::CacheQueryOptions;
use crate::spec::FunctionalEvent;
use crate::spec::ImageResource;
use crate::spec::RealmKind;
use crate::spec::Request;
use crate::spec::request_matches_cached_item;
use crate::store::Change;
use crate::store::StoreError;

/// A realm that is attached to an engine. When the last copy is dropped the
/// realm is gone: what it has started continues, and events that it has not
/// finished go to another one.
///
/// What it says of background fetches is about one registration: the one in the
/// scope that its options name, unless it was got by
/// [`Realm::with_registration`].
#[derive(Clone)]
pub struct Realm {
  pub(super) attached: Arc<Attached>,
  pub(super) registration: Arc<Registration>,
  /// The registration, when a script has it.
  id: Option<RegistrationId>,
}

pub(crate) struct Attached {
  pub(super) engine: Engine,
  pub(super) options: RealmOptions,
  registration: Arc<Registration>,
  /// The other ones that it has started background fetches for.
  others: Mutex<Vec<Arc<Registration>>>,
  pub(super) id: u64,
  inbox: Arc<RealmInbox>,
  /// The one in the options, or what came later.
  net_check: Mutex<Option<Arc<dyn NetCheck>>>,
  /// In addition to those in the options.
  added_csp: Mutex<Vec<String>>,
  pub(super) service_workers: Attachment,
  pub(super) keepalive: Keepalive,
  /// Counts the WebSockets of its scripts.
  pub(super) web_sockets: Arc<()>,
  /// When one of its scripts has made a channel.
  pub(super) broadcasts: Mutex<Option<Arc<Listener>>>,
  /// When the user has last clicked something of it.
  pub(super) activated: Mutex<Option<tokio::time::Instant>>,
  /// It has started a background fetch, or has got an event of one.
  has_had_background_fetch: AtomicBool,
}

opaque_debug!(Realm);

impl Realm {
  pub(super) fn attach(engine: Engine, options: RealmOptions) -> Self {
    let context = engine.context();
    let registration = context.registrations.get(&options.scope);
    let id = context.next_realm();
    if let Some(check) = &options.net_check {
      registration.net_check.install(check.clone());
      if let Some(worker) = options.worker {
        let service_workers = &context.service_workers;
        service_workers.set_worker_net_check(worker, check.clone());
      }
    }
    let inbox = Arc::new(RealmInbox::default());
    let messages = inbox.clone();
    let service_workers = context.service_workers.attach(NewRealm {
      id,
      send: Box::new(move |message| {
        messages.push_message(Message::ServiceWorker(message));
      }),
      kind: options.kind,
      url: options.url.clone(),
      scope: options.scope.clone(),
      environment: options.worker_environment(),
      worker: options.worker,
      client_id: options.client_id.clone(),
    });
    if let Some(worker) = options.worker {
      let events = WorkerEvents::new(&registration, id, &inbox);
      context
        .service_workers
        .attach_worker(worker, id, Arc::new(events));
    }
    let attached = Attached {
      engine,
      net_check: Mutex::new(options.net_check.clone()),
      options,
      registration: registration.clone(),
      others: Mutex::default(),
      id,
      inbox,
      added_csp: Mutex::default(),
      service_workers,
      keepalive: Keepalive::default(),
      web_sockets: Arc::default(),
      broadcasts: Mutex::default(),
      activated: Mutex::default(),
      has_had_background_fetch: AtomicBool::new(false),
    };
    Self {
      attached: Arc::new(attached),
      registration,
      id: None,
    }
  }

  /// The same realm, for the background fetches of a registration that one of
  /// its scripts has. `None` when the registration is gone, or is of another
  /// origin.
  pub fn with_registration(&self, id: RegistrationId) -> Option<Self> {
    let context = self.engine().context();
    let scope = context.service_workers.scope(self.attached.id, id)?;
    let registration = context.registrations.get(&scope);
    if let Some(check) = self.net_check() {
      registration.net_check.install(check);
    }
    Some(Self {
      attached: self.attached.clone(),
      registration,
      id: Some(id),
    })
  }

  /// Whether the registration has an active worker.
  pub(super) fn has_active_worker(&self) -> bool {
    let service_workers = &self.engine().context().service_workers;
    match self.id {
      Some(id) => service_workers.has_active_worker(id),
      None => service_workers.has_active_worker_in(&self.registration.scope),
    }
  }

  /// What the embedder has said of it.
  pub fn options(&self) -> &RealmOptions {
    &self.attached.options
  }

  /// The engine that it is attached to.
  pub fn engine(&self) -> &Engine {
    &self.attached.engine
  }

  pub(super) fn environment(&self) -> ClientEnvironment {
    let mut client = self.options().client();
    let added = self.attached.added_csp.lock();
    client.csp.extend(added.iter().cloned());
    client
  }

  /// What is asked before every hop of what the realm starts.
  pub(super) fn net_check(&self) -> Option<Arc<dyn NetCheck>> {
    self.attached.net_check.lock().clone()
  }

  /// What is asked from now on, if the options name nothing else.
  pub(crate) fn net_check_or(&self, check: impl FnOnce() -> Arc<dyn NetCheck>) {
    let mut own = self.attached.net_check.lock();
    if own.is_none() {
      let check = own.insert(check()).clone();
      let service_workers = &self.engine().context().service_workers;
      service_workers.set_net_check(self.attached.id, check.clone());
      if let Some(worker) = self.options().worker {
        service_workers.set_worker_net_check(worker, check.clone());
      }
      self.registration.net_check.install(check);
    }
  }

  /// A policy that came after the realm was made, for instance in a
  /// [`<meta>`](https://html.spec.whatwg.org/multipage/semantics.html#attr-meta-http-equiv-content-security-policy);
  /// it governs what is fetched from now on.
  pub fn add_csp(&self, policy: String) {
    let service_workers = &self.engine().context().service_workers;
    service_workers.add_csp(self.attached.id, policy.clone());
    self.attached.added_csp.lock().push(policy);
  }

  /// [`get()`](https://wicg.github.io/background-fetch/#background-fetch-manager-get)
  pub fn get(&self, id: &str) -> Option<BackgroundFetchSnapshot> {
    // get.1, get.2: registration's active background fetches[id]
    let key = self.registration.active(id)?;
    let job = self.engine().jobs().get(key)?;
    // get.4, get.4.2: watching before the copy is made misses no progress.
    self.watch(job.key);
    Some(job.snapshot())
  }

  /// [`getIds()`](https://wicg.github.io/background-fetch/#background-fetch-manager-get-ids)
  pub fn get_ids(&self) -> Vec<String> {
    // ids.1, ids.2: the ids of those that are active, in order.
    self.registration.active_ids()
  }

  /// [`abort()`](https://wicg.github.io/background-fetch/#background-fetch-registration-abort).
  /// After it has answered [`AbortOutcome::Aborted`] no success or fail event is fired, also
  /// after a restart.
  ///
  /// # Errors
  ///
  /// The store cannot remember it; then nothing has changed.
  pub async fn abort(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<AbortOutcome, StoreError> {
    match self.own(key) {
      Some(_) => self.engine().abort(key).await,
      None => Ok(AbortOutcome::NotActive),
    }
  }

  /// A background fetch that the realm's scripts may have: one of their origin,
  /// or of the registration that the embedder names. The key comes from a
  /// script.
  fn own(&self, key: BackgroundFetchKey) -> Option<Arc<Job>> {
    let job = self.engine().jobs().get(key)?;
    let scope = &job.registration.scope;
    let is_own = Arc::ptr_eq(&job.registration, &self.attached.registration)
      || scope.origin() == self.options().url.origin();
    is_own.then_some(job)
  }

  /// [`matchAll()`](https://wicg.github.io/background-fetch/#background-fetch-registration-match-all):
  /// the records that match `request`, or all; none when they are not
  /// available any more.
  pub fn match_all(
    &self,
    key: BackgroundFetchKey,
    request: Option<&Request>,
    options: CacheQueryOptions,
  ) -> Vec<RecordHandle> {
    let context = self.engine().context();
    let Some(job) = self.own(key) else {
      return Vec::new();
    };
    // matchAll.3, matchAll.3.1, matchAll.3.2: For each record of the background
    // fetch's records:
    let handle = |record| RecordHandle::new(context, &job, record);
    let Some(request) = request else {
      return (0..job.records.len()).map(handle).collect();
    };
    let candidates = job.index.candidates(&job.records, request, options);
    let matching = candidates.iter().copied().filter(|&record| {
      let cached = &job.records[record].request;
      let response = job.response_data(record).response();
      // matchAll.3.2.1: If request matches cached item …
      request_matches_cached_item(request, cached, response.as_deref(), options)
    });
    matching.map(handle).collect()
  }

  /// The realm has an instance of this background fetch: from now on its
  /// updates come through [`Realm::next_message`].
  pub fn watch(&self, key: BackgroundFetchKey) {
    if let Some(job) = self.own(key) {
      job.watch(self.attached.id, &self.attached.inbox);
    }
  }

  /// The instance is gone.
  pub fn unwatch(&self, key: BackgroundFetchKey) {
    if let Some(job) = self.own(key) {
      job.unwatch(self.attached.id);
    }
  }

  /// The realm, which has to be a service worker's, can take events from now
  /// on: its script has run.
  pub fn start_worker(&self) {
    // One that was started for its registration takes them when it is active.
    let options = self.options();
    if options.kind == RealmKind::ServiceWorker && options.worker.is_none() {
      let Attached {
        registration,
        id,
        inbox,
        ..
      } = &*self.attached;
      registration.worker_started(*id, inbox.clone());
    }
  }

  /// Waits for a message for the script: each comes after all that happened
  /// before it. For one reader. Safe to cancel.
  pub async fn next_message(&self) -> RealmMessage {
    let Attached {
      registration,
      id,
      inbox,
      ..
    } = &*self.attached;
    loop {
      let LeasedEvent { lease, event, key } = match inbox.next().await {
        Delivery::Update(snapshot) => {
          let mut updates = vec![*snapshot];
          updates.extend(inbox.more_updates());
          return RealmMessage::Updates(updates);
        }
        Delivery::Message(Message::ServiceWorker(message)) => {
          return RealmMessage::ServiceWorker(message);
        }
        Delivery::Message(Message::Event(event)) => event,
      };
      // Nothing is left to be said of one that is no more.
      let Some(job) = self.engine().jobs().get(key) else {
        continue;
      };
      // It is for another worker: this one was asked to stop.
      if !registration.dispatched(*id, lease) {
        continue;
      }
      self.has_background_fetch();
      if event == FunctionalEvent::Click {
        self.activated_by_user();
      }
      let attached = Arc::downgrade(&self.attached);
      return RealmMessage::Event {
        lease: EventLease::new(attached, lease),
        name: event.name(),
        background_fetch: Box::new(job.snapshot()),
      };
    }
  }

  /// The event of a lease is no longer active.
  pub(crate) fn acknowledge(&self, lease: LeaseId) {
    self.attached.acknowledge(lease);
  }

  /// [`updateUI()`](https://wicg.github.io/background-fetch/#background-fetch-update-ui-event-update-ui),
  /// from step 4; the steps before are the event's.
  pub async fn update_ui(
    &self,
    key: BackgroundFetchKey,
    title: Option<String>,
    icons: Option<Vec<ImageResource>>,
  ) {
    let context = self.engine().context();
    // updateUI.4: Let bgFetch be the event's background fetch.
    let Some(job) = self.own(key) else { return };
    context.journal.enqueue(Change::Ui {
      key,
      title: title.clone(),
      icons: icons.clone(),
    });
    // updateUI.5, updateUI.6: the title and the icons that are given.
    job.update(|p, _| p.update_ui(title, icons));
    context.notify_observers(&job);
  }

  /// Whether every background fetch of the realm's registration, and of those
  /// that it has started some for, has settled, and every event was handled.
  pub fn is_idle(&self) -> bool {
    let others = self.attached.others.lock();
    self.attached.registration.is_idle()
      && others.iter().all(|registration| registration.is_idle())
  }

  fn has_background_fetch(&self) {
    let had = &self.attached.has_had_background_fetch;
    had.store(true, Ordering::Relaxed);
  }

  /// Whether the realm has ever started a background fetch, or got an event of
  /// one.
  pub(crate) fn has_had_background_fetch(&self) -> bool {
    let had = &self.attached.has_had_background_fetch;
    had.load(Ordering::Relaxed)
  }

  /// The realm starts a background fetch.
  pub(super) fn starts(&self) {
    self.has_background_fetch();
    let is_own = |other| Arc::ptr_eq(&self.registration, other);
    let mut others = self.attached.others.lock();
    if !is_own(&self.attached.registration) && !others.iter().any(is_own) {
      others.push(self.registration.clone());
    }
  }

  /// Waits until [`Realm::is_idle`].
  pub async fn idle(&self) {
    for registration in self.registrations() {
      registration.idle().await;
    }
  }

  /// Its own, and those that it has started background fetches for.
  pub(super) fn registrations(&self) -> Vec<Arc<Registration>> {
    let mut all = vec![self.attached.registration.clone()];
    all.extend(self.attached.others.lock().iter().cloned());
    all
  }
}

impl Lessee for Attached {
  fn acknowledge(&self, lease: LeaseId) {
    let Self {
      engine,
      registration,
      ..
    } = self;
    if let Some((event, key)) = registration.acknowledge(self.id, lease) {
      match engine.jobs().get(key) {
        Some(job) => {
          settle::event_handled(engine.context().clone(), event, job);
        }
        None if event == FunctionalEvent::Click => {}
        None => registration.unfinished(-1),
      }
    }
    self.event_over();
  }

  fn give_back(&self, lease: LeaseId) {
    self.registration.given_back(self.id, lease);
    self.event_over();
  }
}

impl Attached {
  fn event_over(&self) {
    if let Some(worker) = self.options.worker {
      let service_workers = &self.engine.context().service_workers;
      service_workers.functional_event_handled(worker);
    }
  }
}

impl Drop for Attached {
  fn drop(&mut self) {
    self.engine.context().service_workers.detach(self.id);
    // A realm of the embedder's ends when that wants it to.
    let end = match self.options.worker {
      Some(_) => WorkerEnd::Crashed,
      None => WorkerEnd::Stopped,
    };
    self.registration.worker_ended(self.id, end);
  }
}
