//! One background fetch in the engine: the state machine, and what carries
//! out its actions.

pub(crate) mod apply_action;
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

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Weak;

use parking_lot::Mutex;
use tracing::Span;

use self::record_index::RecordIndex;
use self::record_slot::NewSlot;
use self::record_slot::RecordSlot;
use self::response_data::ResponseData;
use self::table::Table;
use super::context::Context;
use super::net_permission::NetPermission;
use super::quota::Reservation;
use super::registration::Registration;
use crate::engine::mailbox::Observed;
use crate::engine::realm::inbox::RealmInbox;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::network::ClientEnvironment;
use crate::network::without_secrets;
use crate::snapshot::BackgroundFetchSnapshot;
use crate::snapshot::Retained;
use crate::snapshot::Waiting;
use crate::snapshot::unless_empty;
use crate::spec::Action;
use crate::spec::BackgroundFetchResult;
use crate::spec::FetchMachine;
use crate::telemetry;

pub(crate) struct Job {
  pub(super) key: BackgroundFetchKey,
  pub(super) id: String,
  pub(super) registration: Arc<Registration>,
  pub(super) context: Weak<Context>,
  jobs: Weak<Jobs>,
  pub(super) environment: ClientEnvironment,
  pub(super) embedder_data: String,
  /// See [`RealmOptions::keep_failed`](super::RealmOptions::keep_failed).
  pub(super) keep_failed: bool,
  pub(super) net_permission: NetPermission,
  pub(super) records: Vec<RecordSlot>,
  pub(super) span: Span,
  pub(super) index: RecordIndex,
  state: Mutex<State>,
  /// Taken under the lock of the state machine, too, and so never held while
  /// anything else is called.
  standing: Mutex<Standing>,
}

/// Every background fetch of an engine whose records are still there.
pub(crate) type Jobs = Table<Job>;

/// The state machine, and what it holds of its origin's quota.
struct State {
  machine: FetchMachine,
  reservation: Reservation,
}

/// What the job is to others, beside what its state machine says.
#[derive(Default)]
struct Standing {
  /// Durable, unlike the machine's.
  result: BackgroundFetchResult,
  retained: Option<Retained>,
  /// Its registration is no more: it ends without an event.
  is_purged: bool,
  /// It is not begun, and its registration does not count it as unfinished.
  is_quarantined: bool,
  watchers: BTreeMap<u64, Weak<RealmInbox>>,
}

/// Everything that [`Job::new`] needs.
pub(crate) struct JobInit {
  pub(super) key: BackgroundFetchKey,
  pub(super) registration: Arc<Registration>,
  pub(super) environment: ClientEnvironment,
  pub(super) embedder_data: String,
  pub(super) keep_failed: bool,
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
      Reservation::empty(context.quota(&new.registration.scope));
    reservation.set(new.machine.bytes_held());
    let id = new.machine.background_fetch().id.clone();
    let scope = without_secrets(&new.registration.scope);
    Arc::new(Self {
      key: new.key,
      span: telemetry::background_fetch(new.key.0, &id, &scope),
      id,
      registration: new.registration,
      environment: new.environment,
      embedder_data: new.embedder_data,
      keep_failed: new.keep_failed,
      net_permission: new.net_permission,
      records: new.slots.into_iter().map(RecordSlot::new).collect(),
      index: RecordIndex::default(),
      standing: Mutex::new(Standing {
        result: new.machine.background_fetch().result,
        retained: new.retained,
        ..Standing::default()
      }),
      state: Mutex::new(State {
        machine: new.machine,
        reservation,
      }),
      context: weak,
      jobs: Arc::downgrade(jobs),
    })
  }

  /// Tells the state machine something and does what it answers.
  ///
  /// The actions are carried out under the machine's lock, so that they keep
  /// their order; none of them waits.
  pub(super) fn update<T>(
    self: &Arc<Self>,
    what: impl FnOnce(&mut FetchMachine, &mut Vec<Action>) -> T,
  ) -> T {
    self.update_within_quota(what).0
  }

  /// The same for something that makes the background fetch hold more; also
  /// says whether it is within its origin's quota with that.
  pub(super) fn update_within_quota<T>(
    self: &Arc<Self>,
    what: impl FnOnce(&mut FetchMachine, &mut Vec<Action>) -> T,
  ) -> (T, bool) {
    let mut actions = Vec::new();
    let mut state = self.state.lock();
    let answer = what(&mut state.machine, &mut actions);
    let held = state.machine.bytes_held();
    let within = state.reservation.set(held);
    if let Some(context) = self.context.upgrade() {
      for action in actions {
        self.apply_action(&context, &state.machine, action);
      }
    }
    (answer, within)
  }

  /// [Update background fetch instances](https://wicg.github.io/background-fetch/#update-background-fetch-instance-algorithm):
  /// notifies every realm that has an instance, and everyone who observes the
  /// engine: update.6. What update.1 to update.5 read is in the snapshot; the
  /// realm does the steps that need the instance.
  pub(super) fn update_instances(self: &Arc<Self>, context: &Context) {
    let mut inboxes = Vec::new();
    self.standing.lock().watchers.retain(|_, inbox| {
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
    self.standing.lock().watchers.insert(realm, watcher);
    inbox.push_update(self.clone());
  }

  pub(super) fn unwatch(&self, realm: u64) {
    self.standing.lock().watchers.remove(&realm);
  }

  pub(super) fn response_data(&self, record: usize) -> Arc<ResponseData> {
    self.records[record].response_data.lock().clone()
  }

  /// Looks at the state machine without telling it anything.
  pub(super) fn inspect<T>(&self, at: impl FnOnce(&FetchMachine) -> T) -> T {
    at(&self.state.lock().machine)
  }

  /// The copies that others see are made of this; no lock of the state
  /// machine is taken, since it may be held by the caller.
  pub(super) fn is_settled(&self) -> bool {
    self.standing.lock().result != BackgroundFetchResult::None
  }

  pub(super) fn set_settled(&self, result: BackgroundFetchResult) {
    self.standing.lock().result = result;
  }

  /// Why and since when it is kept, if it has settled and nothing happens with
  /// it any more.
  pub(super) fn retained(&self) -> Option<Retained> {
    self.standing.lock().retained.clone()
  }

  pub(super) fn set_retained(&self, retained: Option<Retained>) {
    self.standing.lock().retained = retained;
  }

  /// Its records are not there any more.
  pub(super) fn leave(&self) {
    if let Some(jobs) = self.jobs.upgrade() {
      jobs.remove(self.key);
    }
  }

  /// Another value takes the place of this one: its quota and its watchers.
  pub(super) fn give_place_to(&self, other: &Self) {
    self.state.lock().reservation.set(0);
    let watchers = std::mem::take(&mut self.standing.lock().watchers);
    other.standing.lock().watchers.extend(watchers);
  }

  pub(super) fn purge(&self) {
    self.standing.lock().is_purged = true;
  }

  pub(super) fn is_purged(&self) -> bool {
    self.standing.lock().is_purged
  }

  /// It was under way when process after process died.
  pub(super) fn quarantine(&self) {
    telemetry::quarantined(&self.span);
    self.standing.lock().is_quarantined = true;
  }

  pub(super) fn is_quarantined(&self) -> bool {
    self.standing.lock().is_quarantined
  }

  /// It leaves quarantine, to be begun or to end. Returns false when it was not
  /// in it.
  pub(super) fn release(&self) -> bool {
    let was_quarantined =
      std::mem::take(&mut self.standing.lock().is_quarantined);
    if was_quarantined {
      self.registration.unfinished(1);
    }
    was_quarantined
  }

  /// Why it failed, human-readable: what its first failed record says.
  pub(super) fn diagnostic(&self) -> Option<String> {
    let diagnostics = self.records.iter().map(|r| r.diagnostic.lock().clone());
    diagnostics.into_iter().find_map(unless_empty)
  }

  /// What its first record waits for that waits at all.
  fn waiting(&self) -> Option<Waiting> {
    self.records.iter().find_map(|r| r.waiting.lock().clone())
  }

  pub(super) fn snapshot(&self) -> BackgroundFetchSnapshot {
    let mut snapshot = self.inspect(|machine| {
      BackgroundFetchSnapshot::new(
        self.key,
        self.registration.scope.clone(),
        machine,
      )
    });
    snapshot.diagnostic = self.diagnostic();
    if !snapshot.paused && !snapshot.is_settled() {
      snapshot.waiting = self.waiting();
    }
    snapshot.quarantined = self.is_quarantined();
    snapshot.retained = self.retained();
    snapshot.embedder_data = unless_empty(self.embedder_data.clone());
    snapshot
  }

  /// The bodies of responses that failed and are never exposed.
  pub(super) fn discard_unexposed(&self) -> Vec<BodyId> {
    let responses = (0..self.records.len()).map(|r| self.response_data(r));
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
    let responses = (0..self.records.len())
      .filter_map(|record| self.response_data(record).discard());
    requests.chain(responses).collect()
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
