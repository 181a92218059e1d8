//! One background fetch in the engine: the state machine, and what carries
//! out its actions.

pub(crate) mod attempt;
pub(crate) mod edit_queue;
pub(crate) mod fetch_params;
pub(crate) mod integrity;
pub(crate) mod net_permission;
pub(crate) mod orphans;
pub(crate) mod place;
pub(crate) mod purge;
pub(crate) mod receiving;
pub(crate) mod record_index;
pub(crate) mod record_slot;
pub(crate) mod response_data;
pub(crate) mod restore;
pub(crate) mod restore_record;
pub(crate) mod retention;
pub(crate) mod retry;
pub(crate) mod row;
pub(crate) mod segments;
pub(crate) mod settle;
pub(crate) mod start;
pub(crate) mod table;
pub(crate) mod transfer;
pub(crate) mod update;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Weak;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use self::record_index::RecordIndex;
use self::record_slot::NewSlot;
use self::record_slot::RecordSlot;
use self::record_slot::RecordStatus;
use self::response_data::ResponseData;
use self::row::StoredEnvironment;
use self::table::Table;
use super::context::Context;
use super::net_permission::NetPermission;
use super::quota::Reservation;
use super::registration::Registration;
use crate::engine::mailbox::Observed;
use crate::engine::realm::inbox::RealmInbox;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::network::without_secrets;
use crate::snapshot::BackgroundFetchSnapshot;
use crate::snapshot::RequestSnapshot;
use crate::snapshot::Retained;
use crate::snapshot::Waiting;
use crate::snapshot::unless_empty;
use crate::spec::BackgroundFetchResult;
use crate::spec::FetchMachine;
use crate::telemetry;

pub(crate) struct Job {
  pub(super) key: BackgroundFetchKey,
  pub(super) id: String,
  pub(super) registration: Arc<Registration>,
  pub(super) context: Weak<Context>,
  jobs: Weak<Jobs>,
  /// One for all that a realm has started, where that is known.
  pub(super) stored: Arc<StoredEnvironment>,
  pub(super) net_permission: NetPermission,
  pub(super) records: Vec<RecordSlot>,
  pub(super) span: Span,
  pub(super) index: RecordIndex,
  /// All that changes. [`Job::update`] says what is done under it.
  state: Mutex<State>,
}

/// Every background fetch of an engine whose records are still there.
pub(crate) type Jobs = Table<Job>;

/// What changes of a job, all of it under its one lock.
struct State {
  machine: FetchMachine,
  /// What the job holds of its origin's quota.
  reservation: Reservation,
  /// In the order of the machine's.
  records: Vec<RecordStatus>,
  /// Why and since when it is kept, if it has settled and nothing happens with
  /// it any more.
  retained: Option<Retained>,
  /// Its registration is no more: it ends without an event.
  is_purged: bool,
  /// It is not begun, and its registration does not count it as unfinished.
  is_quarantined: bool,
  watchers: BTreeMap<u64, Weak<RealmInbox>>,
}

impl State {
  /// Its result is set, and is durable since before that.
  fn is_settled(&self) -> bool {
    self.machine.background_fetch().result != BackgroundFetchResult::None
  }

  /// Why it failed, human-readable: what its first failed record says.
  fn diagnostic(&self) -> Option<String> {
    let mut diagnostics = self.records.iter().map(|r| &r.diagnostic);
    diagnostics.find(|text| !text.is_empty()).cloned()
  }

  /// What its first record waits for that waits at all.
  fn waiting(&self) -> Option<Waiting> {
    self.records.iter().find_map(|r| r.waiting.clone())
  }
}

/// Everything that [`Job::new`] needs.
pub(crate) struct JobInit {
  pub(super) key: BackgroundFetchKey,
  pub(super) registration: Arc<Registration>,
  pub(super) stored: Arc<StoredEnvironment>,
  pub(super) retained: Option<Retained>,
  pub(super) net_permission: NetPermission,
  pub(super) slots: Vec<NewSlot>,
  pub(super) machine: FetchMachine,
}

impl Job {
  pub(super) fn new(
    context: &Arc<Context>,
    jobs: &Arc<Jobs>,
    mut new: JobInit,
  ) -> Arc<Self> {
    new.machine.set_resume_policy(context.policies.resume);
    let weak = Arc::downgrade(context);
    let mut reservation =
      Reservation::empty(context.origin_quota(&new.registration.origin));
    reservation.set(new.machine.bytes_held());
    let id = new.machine.background_fetch().id.clone();
    let mut records = Vec::with_capacity(new.slots.len());
    let mut statuses = Vec::with_capacity(new.slots.len());
    for slot in new.slots {
      let data = ResponseData::new(slot.response);
      records.push(RecordSlot::new(slot.request, slot.request_body));
      statuses.push(RecordStatus::new(data, slot.diagnostic));
    }
    Arc::new(Self {
      key: new.key,
      span: telemetry::background_fetch(new.key.0, &id, || {
        without_secrets(&new.registration.scope)
      }),
      id,
      registration: new.registration,
      stored: new.stored,
      net_permission: new.net_permission,
      records,
      index: RecordIndex::default(),
      state: Mutex::new(State {
        machine: new.machine,
        reservation,
        records: statuses,
        retained: new.retained,
        is_purged: false,
        is_quarantined: false,
        watchers: Default::default(),
      }),
      context: weak,
      jobs: Arc::downgrade(jobs),
    })
  }

  /// [Update background fetch instances](https://wicg.github.io/background-fetch/#update-background-fetch-instance-algorithm):
  /// notifies every realm that has an instance, and everyone who observes the
  /// engine: update.6. What update.1 to update.5 read is in the snapshot; the
  /// realm does the steps that need the instance.
  pub(super) fn update_instances(self: &Arc<Self>, context: &Context) {
    let mut inboxes = Vec::new();
    self.state.lock().watchers.retain(|_, inbox| {
      let inbox = inbox.upgrade();
      let is_there = inbox.is_some();
      inboxes.extend(inbox);
      is_there
    });
    for inbox in inboxes {
      inbox.push_update(self.clone());
    }
    context.notify_observers(self);
  }

  /// From now on `inbox`, the one of realm `realm`, is notified of changes,
  /// also of one that has just happened.
  pub(super) fn watch(self: &Arc<Self>, realm: u64, inbox: &Arc<RealmInbox>) {
    let watcher = Arc::downgrade(inbox);
    self.state.lock().watchers.insert(realm, watcher);
    inbox.push_update(self.clone());
  }

  pub(super) fn unwatch(&self, realm: u64) {
    self.state.lock().watchers.remove(&realm);
  }

  pub(super) fn response_data(&self, record: usize) -> Arc<ResponseData> {
    self.state.lock().records[record].response_data.clone()
  }

  /// What terminates `attempt`, which begins. `None` when there is a later one.
  fn begin_attempt(
    &self,
    context: &Context,
    record: usize,
    attempt: u32,
  ) -> Option<CancellationToken> {
    let status = &mut self.state.lock().records[record];
    status.begin(attempt, &context.stopping)
  }

  /// What `record` waits for from now on, if it waits.
  fn set_waiting(&self, record: usize, waiting: Option<Waiting>) {
    self.state.lock().records[record].waiting = waiting;
  }

  /// Looks at the state machine without notifying it of anything.
  pub(super) fn inspect<T>(&self, at: impl FnOnce(&FetchMachine) -> T) -> T {
    at(&self.state.lock().machine)
  }

  /// Whether it has a result, which is durable then.
  pub(super) fn is_settled(&self) -> bool {
    self.state.lock().is_settled()
  }

  /// Why and since when it is kept, if it has settled and nothing happens with
  /// it any more.
  pub(super) fn retained(&self) -> Option<Retained> {
    self.state.lock().retained.clone()
  }

  pub(super) fn set_retained(&self, retained: Option<Retained>) {
    self.state.lock().retained = retained;
  }

  /// Its records are not there any more.
  pub(super) fn leave(&self) {
    if let Some(jobs) = self.jobs.upgrade() {
      jobs.remove(self.key);
    }
  }

  /// Another value takes the place of this one: its quota and its watchers.
  pub(super) fn give_place_to(&self, other: &Self) {
    let watchers = {
      let mut state = self.state.lock();
      state.reservation.set(0);
      std::mem::take(&mut state.watchers)
    };
    other.state.lock().watchers.extend(watchers);
  }

  pub(super) fn purge(&self) {
    self.state.lock().is_purged = true;
  }

  pub(super) fn is_purged(&self) -> bool {
    self.state.lock().is_purged
  }

  /// It was under way when process after process died.
  pub(super) fn quarantine(&self) {
    telemetry::quarantined(&self.span);
    self.state.lock().is_quarantined = true;
  }

  pub(super) fn is_quarantined(&self) -> bool {
    self.state.lock().is_quarantined
  }

  /// It leaves quarantine, to be begun or to end. Returns false when it was not
  /// in it.
  pub(super) fn release(&self) -> bool {
    let was_quarantined = std::mem::take(&mut self.state.lock().is_quarantined);
    if was_quarantined {
      self.registration.unfinished(1);
    }
    was_quarantined
  }

  pub(super) fn snapshot(&self) -> BackgroundFetchSnapshot {
    let state = self.state.lock();
    let scope = self.registration.scope.clone();
    let mut snapshot =
      BackgroundFetchSnapshot::new(self.key, scope, &state.machine);
    snapshot.diagnostic = state.diagnostic();
    if !snapshot.paused && !snapshot.is_settled() {
      snapshot.waiting = state.waiting();
    }
    snapshot.quarantined = state.is_quarantined;
    snapshot.retained = state.retained.clone();
    snapshot.embedder_data = unless_empty(self.stored.embedder_data.clone());
    snapshot
  }

  /// The first `limit` requests, in order.
  pub(super) fn requests(&self, limit: usize) -> Vec<RequestSnapshot> {
    let state = self.state.lock();
    let records = state.machine.background_fetch().records.iter();
    let both = records.zip(&state.records).take(limit);
    let request = |(record, status): (_, &RecordStatus)| {
      RequestSnapshot::new(record, unless_empty(status.diagnostic.clone()))
    };
    both.map(request).collect()
  }

  /// The bodies of responses that failed and are never exposed.
  pub(super) fn discard_unexposed(&self) -> Vec<BodyId> {
    let responses = self.all_response_data().into_iter();
    responses
      .filter(|data| !data.state().may_be_exposed())
      .filter_map(|data| data.discard())
      .collect()
  }

  /// Its records are not needed any more: the bodies that can be deleted now.
  /// The others are deleted when their last reader is gone.
  pub(super) fn discard_bodies(&self) -> Vec<BodyId> {
    self.state.lock().reservation.set(0);
    let requests = self.records.iter().filter_map(|r| r.request_body);
    let responses = self.all_response_data().into_iter();
    let responses = responses.filter_map(|data| data.discard());
    requests.chain(responses).collect()
  }

  fn all_response_data(&self) -> Vec<Arc<ResponseData>> {
    let state = self.state.lock();
    state
      .records
      .iter()
      .map(|r| r.response_data.clone())
      .collect()
  }
}

impl Observed for Job {
  fn key(&self) -> BackgroundFetchKey {
    self.key
  }

  fn is_settled(&self) -> bool {
    Self::is_settled(self)
  }

  fn snapshot(&self) -> BackgroundFetchSnapshot {
    Self::snapshot(self)
  }
}
