//! Who may use the wire next, and when what has failed is tried again, as a
//! value.
//!
//! [`Scheduler`] takes what wants the wire and what has left it, and returns
//! what to start. It never waits and never asks the time. What waits costs an
//! entry in an index.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use tokio::time::Instant;
use url::Origin;

use super::waiting::Host;
use super::waiting::Next;
use super::waiting::Turn;
use super::waiting::WaitingAttempts;
use crate::engine::policy::Concurrency;
use crate::ids::BackgroundFetchKey;

/// One attempt to fetch one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AttemptId {
  pub(crate) key: BackgroundFetchKey,
  pub(crate) record: usize,
  pub(crate) attempt: u32,
}

/// A place on the wire, from [`Start`] to [`Scheduler::finished`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PlaceId(Turn);

/// An attempt that has a place now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
  pub(crate) attempt: AttemptId,
  pub(crate) place: PlaceId,
}

/// What to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
  /// These go on the wire.
  pub(crate) start: Vec<Start>,
  /// What failed in these attempts is to be tried again.
  pub(crate) retry: Vec<AttemptId>,
  /// Helpers that have to leave the wire: attempts wait for their places.
  pub(crate) leave: Vec<PlaceId>,
  /// When to ask again, if nothing happens before.
  pub(crate) wake_at: Option<Instant>,
}

/// Where a record waits.
enum Waits {
  ForPlace { host: Host, turn: Turn },
  UntilTime(Instant, Turn),
}

#[derive(Default)]
struct OfHost {
  running: usize,
  waiting: usize,
  /// How many places are kept for background fetches that were called.
  called: usize,
  /// The background fetches that have found it full, longest first.
  blocked: BTreeMap<Turn, BackgroundFetchKey>,
  /// The helpers that have a place.
  helpers: BTreeSet<PlaceId>,
  /// How many others were asked to leave.
  leaving: usize,
}

impl OfHost {
  fn is_idle(&self) -> bool {
    self.running + self.waiting + self.helpers.len() + self.leaving == 0
  }
}

/// How many helpers there may be, over all hosts.
const MAX_HELPERS: usize = 128;

/// See the module.
pub(crate) struct Scheduler {
  limits: Concurrency,
  waiting: WaitingAttempts,
  /// Where each record waits that does.
  places: HashMap<(BackgroundFetchKey, usize), Waits>,
  retries: BTreeMap<(Instant, Turn), AttemptId>,
  running: HashMap<PlaceId, (BackgroundFetchKey, Host)>,
  helpers: HashMap<PlaceId, Host>,
  /// Helpers that have to leave and were not told so yet.
  leave: Vec<PlaceId>,
  hosts: HashMap<Host, OfHost>,
  /// The hosts that have a place, and an attempt that has found them full.
  vacant: BTreeSet<Host>,
}

impl Scheduler {
  /// No limit is less than one.
  pub(crate) fn new(limits: Concurrency) -> Self {
    Self {
      limits: Concurrency {
        total: limits.total.max(1),
        per_background_fetch: limits.per_background_fetch.max(1),
        per_host: limits.per_host.map(|limit| limit.max(1)),
      },
      waiting: WaitingAttempts::new(limits.per_background_fetch),
      places: HashMap::new(),
      retries: BTreeMap::new(),
      running: HashMap::new(),
      helpers: HashMap::new(),
      leave: Vec::new(),
      hosts: HashMap::new(),
      vacant: BTreeSet::new(),
    }
  }

  /// `attempt` wants to use the wire, for a background fetch of `origin` and a
  /// request to `host`. It takes the place of what its record waited for.
  pub(crate) fn enqueue(
    &mut self,
    attempt: AttemptId,
    origin: &Origin,
    host: &str,
  ) {
    self.remove(attempt.key, attempt.record);
    let host = self.waits_for(host);
    let turn = self.waiting.push(attempt, origin, &host);
    let waits = Waits::ForPlace { host, turn };
    self.places.insert((attempt.key, attempt.record), waits);
  }

  /// `attempt` has failed, and its record is tried again at `time`. Nothing
  /// else of the record waits any more.
  pub(crate) fn retry_at(&mut self, attempt: AttemptId, time: Instant) {
    self.remove(attempt.key, attempt.record);
    let turn = self.waiting.next_turn();
    self.retries.insert((time, turn), attempt);
    let waits = Waits::UntilTime(time, turn);
    self.places.insert((attempt.key, attempt.record), waits);
  }

  /// A record waits no more: its background fetch was paused or aborted, or it
  /// has its result. What runs of it continues until it is finished.
  pub(crate) fn remove(&mut self, key: BackgroundFetchKey, record: usize) {
    match self.places.remove(&(key, record)) {
      None => {}
      Some(Waits::UntilTime(time, turn)) => {
        self.retries.remove(&(time, turn));
      }
      Some(Waits::ForPlace { host, turn }) => {
        let since = self.waiting.remove(key, &host, turn);
        if let Some(of_host) = self.hosts.get_mut(&host) {
          of_host.waiting -= 1;
          if since.is_some_and(|at| of_host.blocked.remove(&at).is_none()) {
            of_host.called -= 1;
          }
        }
        self.tidy(&host);
      }
    }
  }

  /// One more request for what an attempt fetches wants to use the wire. It
  /// never waits: it has a place when the host has one that nothing waits for,
  /// and gives it back when something does. The other two limits are for
  /// attempts.
  pub(crate) fn start_helper(&mut self, host: &str) -> Option<PlaceId> {
    let host = self.known(host);
    let of_host = self.hosts.get(&host);
    let is_wanted = of_host.is_some_and(|h| !h.blocked.is_empty());
    if is_wanted
      || self.helpers.len() >= MAX_HELPERS
      || self.free_places(&host) == 0
    {
      return None;
    }
    let place = PlaceId(self.waiting.next_turn());
    self
      .hosts
      .entry(host.clone())
      .or_default()
      .helpers
      .insert(place);
    self.helpers.insert(place, host);
    Some(place)
  }

  /// An attempt, or a helper, has left the wire, however it ended.
  pub(crate) fn finished(&mut self, place: PlaceId) {
    if let Some(host) = self.helpers.remove(&place) {
      if let Some(of_host) = self.hosts.get_mut(&host)
        && !of_host.helpers.remove(&place)
      {
        of_host.leaving -= 1;
      }
      return self.tidy(&host);
    }
    let Some((key, host)) = self.running.remove(&place) else {
      return;
    };
    self.waiting.ended(key);
    if let Some(of_host) = self.hosts.get_mut(&host) {
      of_host.running -= 1;
    }
    self.tidy(&host);
  }

  /// What to do now. To be asked after every change.
  pub(crate) fn tick(&mut self, now: Instant) -> Output {
    let mut output = Output::default();
    while let Some(entry) = self.retries.first_entry()
      && entry.key().0 <= now
    {
      let attempt = entry.remove();
      self.places.remove(&(attempt.key, attempt.record));
      output.retry.push(attempt);
    }
    output.wake_at = self.retries.keys().next().map(|(time, _)| *time);
    while self.call() | self.start(&mut output.start) {}
    output.leave = std::mem::take(&mut self.leave);
    output
  }

  /// Starts what has its turn, until nothing more can be.
  fn start(&mut self, starts: &mut Vec<Start>) -> bool {
    let before = starts.len();
    while self.running.len() < self.limits.total
      && let Some(next) = self.waiting.next()
    {
      if !next.is_called && self.free_places(&next.host) == 0 {
        self.block(next);
        continue;
      }
      let Some((turn, attempt)) = self.waiting.serve(&next) else {
        break;
      };
      self.places.remove(&(attempt.key, attempt.record));
      let place = PlaceId(turn);
      self.running.insert(place, (next.key, next.host.clone()));
      let of_host = self.hosts.entry(next.host).or_default();
      of_host.waiting -= 1;
      of_host.called -= usize::from(next.is_called);
      of_host.running += 1;
      starts.push(Start { attempt, place });
    }
    starts.len() > before
  }

  /// A host with places calls as many as there are of those that can come. Who
  /// has all the places already that a background fetch may have keeps none
  /// from the next one.
  fn call(&mut self) -> bool {
    let mut has_called = false;
    for host in std::mem::take(&mut self.vacant) {
      let free = self.free_places(&host);
      let Some(of_host) = self.hosts.get_mut(&host) else {
        continue;
      };
      let blocked = of_host.blocked.iter();
      let can_come = blocked.filter(|(_, k)| self.waiting.may_call(**k, &host));
      let called = can_come.take(free).map(|(since, key)| (*since, *key));
      for (since, key) in called.collect::<Vec<_>>() {
        of_host.blocked.remove(&since);
        of_host.called += 1;
        self.waiting.call(key, &host);
        has_called = true;
      }
      self.tidy(&host);
    }
    has_called && self.running.len() < self.limits.total
  }

  fn block(&mut self, next: Next) {
    let since = self.waiting.block(&next);
    let of_host = self.hosts.entry(next.host).or_default();
    of_host.blocked.insert(since, next.key);
    if let Some(helper) = of_host.helpers.pop_last() {
      of_host.leaving += 1;
      self.leave.push(helper);
    }
  }

  fn free_places(&self, host: &Host) -> usize {
    let Some(limit) = self.limits.per_host else {
      return usize::MAX;
    };
    let of_host = self.hosts.get(host);
    let taken = of_host.map_or(0, |of_host| {
      let helpers = of_host.helpers.len() + of_host.leaving;
      of_host.running + of_host.called + helpers
    });
    limit.saturating_sub(taken)
  }

  /// The name of `host` that is kept; without a limit of their own all are
  /// one.
  fn known(&self, host: &str) -> Host {
    let host = match self.limits.per_host {
      None => "",
      Some(_) => host,
    };
    match self.hosts.get_key_value(host) {
      Some((known, _)) => known.clone(),
      None => host.into(),
    }
  }

  /// One more waits for `host`.
  fn waits_for(&mut self, host: &str) -> Host {
    let host = self.known(host);
    self.hosts.entry(host.clone()).or_default().waiting += 1;
    host
  }

  /// A host has changed.
  fn tidy(&mut self, host: &Host) {
    let Some(of_host) = self.hosts.get(host) else {
      return;
    };
    if of_host.blocked.is_empty() {
      self.vacant.remove(host);
      if of_host.is_idle() {
        self.hosts.remove(host);
      }
    } else if self.free_places(host) > 0 {
      self.vacant.insert(host.clone());
    }
  }

  #[cfg(test)]
  pub(super) fn is_empty(&self) -> bool {
    self.waiting.is_empty()
      && self.places.is_empty()
      && self.retries.is_empty()
      && self.running.is_empty()
      && self.helpers.is_empty()
      && self.leave.is_empty()
      && self.hosts.is_empty()
      && self.vacant.is_empty()
  }
}
