//! What waits for the wire, in the order in which it may have it.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;

use url::Origin;

use super::scheduler::AttemptId;
use crate::ids::BackgroundFetchKey;

/// A moment in the life of a scheduler, by a count. What came earlier has the
/// smaller one; no two are equal.
pub(super) type Turn = u64;

/// A host that requests name.
pub(super) type Host = Arc<str>;

/// Attempts of one background fetch that need one host.
#[derive(Default)]
struct Lane {
  /// In the order of their turns, which is that in which they come.
  attempts: VecDeque<(Turn, AttemptId)>,
  state: LaneState,
}

impl Lane {
  fn first(&self) -> Option<Turn> {
    self.attempts.front().map(|(turn, _)| *turn)
  }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum LaneState {
  /// Its host is not known to be full.
  #[default]
  Ready,
  /// Its host was full at that turn.
  Blocked(Turn),
  /// A place of its host is kept for it, and one of its background fetch.
  Called(Turn),
}

impl LaneState {
  fn blocked_since(self) -> Option<Turn> {
    match self {
      Self::Ready => None,
      Self::Blocked(since) | Self::Called(since) => Some(since),
    }
  }
}

/// One background fetch that waits or runs.
struct Fetch {
  origin: Arc<Origin>,
  /// When it was served last, or else came.
  turn: Turn,
  running: usize,
  served: u64,
  lanes: HashMap<Host, Lane>,
  /// The lanes that are ready, by their first attempt.
  ready: BTreeMap<Turn, Host>,
  /// The lanes that are called, by since when they were blocked.
  called: BTreeMap<Turn, Host>,
  /// The lanes that are blocked or called, longest first, with what `served`
  /// was when they were blocked.
  passed_over: BTreeMap<Turn, (u64, Host)>,
}

impl Fetch {
  fn new(origin: Arc<Origin>, turn: Turn) -> Self {
    Self {
      origin,
      turn,
      running: 0,
      served: 0,
      lanes: HashMap::new(),
      ready: BTreeMap::new(),
      called: BTreeMap::new(),
      passed_over: BTreeMap::new(),
    }
  }

  /// What is served next, where at most `limit` may run.
  fn next_lane(&self, limit: usize) -> Option<&Host> {
    if let Some(called) = self.called.values().next() {
      return Some(called);
    }
    let oldest = self.ready.values().next();
    match limit.saturating_sub(self.running) {
      0 => None,
      1 => oldest.filter(|_| self.overdue(limit).is_none()),
      _ => oldest,
    }
  }

  /// Whether a place can be kept for the blocked lane of `host`.
  fn may_call(&self, host: &Host, limit: usize) -> bool {
    match limit.saturating_sub(self.running + self.called.len()) {
      0 => false,
      1 => self.overdue(limit).is_none_or(|overdue| overdue == host),
      _ => true,
    }
  }

  /// The lane that was passed over more often than there are places: the last
  /// place is kept for it. Its host could be full else, whenever there is one.
  fn overdue(&self, limit: usize) -> Option<&Host> {
    let (served, host) = self.passed_over.values().next()?;
    let times = self.served - served;
    (times >= limit as u64).then_some(host)
  }

  fn is_idle(&self) -> bool {
    self.running == 0 && self.lanes.is_empty()
  }

  /// Changes a lane, and keeps what can be served in order.
  fn edit_lane<T>(
    &mut self,
    host: &Host,
    edit: impl FnOnce(&mut Lane) -> T,
  ) -> T {
    let lane = self.lanes.entry(host.clone()).or_default();
    if let Some(first) = lane.first() {
      self.ready.remove(&first);
    }
    let before = lane.state.blocked_since();
    let edited = edit(lane);
    let first = lane.first();
    let state = lane.state;
    let Some(first) = first else {
      self.lanes.remove(host);
      self.not_blocked(before);
      return edited;
    };
    match state {
      LaneState::Ready => {
        self.not_blocked(before);
        self.ready.insert(first, host.clone());
      }
      LaneState::Blocked(since) => {
        let passed_over = (self.served, host.clone());
        self.passed_over.entry(since).or_insert(passed_over);
      }
      LaneState::Called(since) => {
        self.called.insert(since, host.clone());
      }
    }
    edited
  }

  fn not_blocked(&mut self, since: Option<Turn>) {
    if let Some(since) = since {
      self.passed_over.remove(&since);
      self.called.remove(&since);
    }
  }
}

/// The background fetches of one origin.
struct OfOrigin {
  turn: Turn,
  fetches: usize,
  /// Those that can be served, by their turns.
  ready: BTreeMap<Turn, BackgroundFetchKey>,
}

/// Attempts that wait, and who was served when: the origin that has waited
/// longest is served next, of it the background fetch that has, and of that
/// its oldest attempt whose host is not known to be full. Who finds a host full
/// is called when it has a place, in the order in which they have.
pub(super) struct WaitingAttempts {
  per_background_fetch: usize,
  turns: Turn,
  fetches: HashMap<BackgroundFetchKey, Fetch>,
  origins: HashMap<Arc<Origin>, OfOrigin>,
  /// The origins that can be served, by their turns.
  ready: BTreeMap<Turn, Arc<Origin>>,
}

/// The attempt whose turn it is.
pub(super) struct Next {
  pub(super) key: BackgroundFetchKey,
  pub(super) host: Host,
  /// A place of the host is kept for it.
  pub(super) is_called: bool,
}

impl WaitingAttempts {
  pub(super) fn new(per_background_fetch: usize) -> Self {
    Self {
      per_background_fetch: per_background_fetch.max(1),
      turns: 0,
      fetches: HashMap::new(),
      origins: HashMap::new(),
      ready: BTreeMap::new(),
    }
  }

  pub(super) fn next_turn(&mut self) -> Turn {
    self.turns += 1;
    self.turns
  }

  /// `attempt` waits from now on. Returns by which turn it is known.
  pub(super) fn push(
    &mut self,
    attempt: AttemptId,
    origin: &Origin,
    host: &Host,
  ) -> Turn {
    let turn = self.next_turn();
    if !self.fetches.contains_key(&attempt.key) {
      self.insert(attempt.key, origin, turn);
    }
    self.edit_lane(attempt.key, host, |lane| {
      lane.attempts.push_back((turn, attempt));
    });
    turn
  }

  fn insert(&mut self, key: BackgroundFetchKey, origin: &Origin, turn: Turn) {
    let origin = match self.origins.get_key_value(origin) {
      Some((known, _)) => known.clone(),
      None => Arc::new(origin.clone()),
    };
    let new = || OfOrigin {
      turn,
      fetches: 0,
      ready: BTreeMap::new(),
    };
    let of_origin = self.origins.entry(origin.clone()).or_insert_with(new);
    of_origin.fetches += 1;
    self.fetches.insert(key, Fetch::new(origin, turn));
  }

  /// Returns since when its lane was blocked, when it has gone with it.
  pub(super) fn remove(
    &mut self,
    key: BackgroundFetchKey,
    host: &Host,
    turn: Turn,
  ) -> Option<Turn> {
    let edited = self.edit_lane(key, host, |lane| {
      if let Ok(at) = lane.attempts.binary_search_by_key(&turn, |(t, _)| *t) {
        lane.attempts.remove(at);
      }
      let since = lane.state.blocked_since();
      since.filter(|_| lane.attempts.is_empty())
    });
    edited.flatten()
  }

  /// Whose turn it is.
  pub(super) fn next(&self) -> Option<Next> {
    let origin = self.ready.values().next()?;
    let key = *self.origins.get(origin)?.ready.values().next()?;
    let fetch = self.fetches.get(&key)?;
    let host = fetch.next_lane(self.per_background_fetch)?.clone();
    let is_called = !fetch.called.is_empty();
    Some(Next {
      key,
      host,
      is_called,
    })
  }

  /// Takes the first attempt of a lane out: it is served.
  pub(super) fn serve(&mut self, next: &Next) -> Option<(Turn, AttemptId)> {
    let turn = self.next_turn();
    let fetch = self.fetches.get(&next.key)?;
    let origin = fetch.origin.clone();
    self.edit(next.key, |fetch| {
      fetch.turn = turn;
      fetch.running += 1;
      fetch.served += 1;
    });
    if let Some(of_origin) = self.origins.get_mut(&origin) {
      self.ready.remove(&of_origin.turn);
      of_origin.turn = turn;
      if !of_origin.ready.is_empty() {
        self.ready.insert(turn, origin);
      }
    }
    self.edit_lane(next.key, &next.host, |lane| {
      lane.state = LaneState::Ready;
      lane.attempts.pop_front()
    })?
  }

  /// An attempt that was served has ended.
  pub(super) fn ended(&mut self, key: BackgroundFetchKey) {
    self.edit(key, |fetch| fetch.running -= 1);
  }

  /// The host of a lane is full. Returns the turn at which it has found it so.
  pub(super) fn block(&mut self, next: &Next) -> Turn {
    let turn = self.next_turn();
    self.edit_lane(next.key, &next.host, |lane| {
      lane.state = LaneState::Blocked(turn);
    });
    turn
  }

  pub(super) fn may_call(&self, key: BackgroundFetchKey, host: &Host) -> bool {
    let fetch = self.fetches.get(&key);
    fetch.is_some_and(|f| f.may_call(host, self.per_background_fetch))
  }

  /// The host of a blocked lane keeps a place for it.
  pub(super) fn call(&mut self, key: BackgroundFetchKey, host: &Host) {
    self.edit_lane(key, host, |lane| {
      if let LaneState::Blocked(since) = lane.state {
        lane.state = LaneState::Called(since);
      }
    });
  }

  fn edit_lane<T>(
    &mut self,
    key: BackgroundFetchKey,
    host: &Host,
    edit: impl FnOnce(&mut Lane) -> T,
  ) -> Option<T> {
    self.edit(key, |fetch| fetch.edit_lane(host, edit))
  }

  /// Changes a background fetch, and keeps what can be served in order.
  fn edit<T>(
    &mut self,
    key: BackgroundFetchKey,
    edit: impl FnOnce(&mut Fetch) -> T,
  ) -> Option<T> {
    let fetch = self.fetches.get_mut(&key)?;
    let of_origin = self.origins.get_mut(&fetch.origin)?;
    of_origin.ready.remove(&fetch.turn);
    let edited = edit(fetch);
    if fetch.next_lane(self.per_background_fetch).is_some() {
      of_origin.ready.insert(fetch.turn, key);
    }
    match of_origin.ready.is_empty() {
      true => self.ready.remove(&of_origin.turn),
      false => self.ready.insert(of_origin.turn, fetch.origin.clone()),
    };
    if fetch.is_idle() {
      of_origin.fetches -= 1;
      if of_origin.fetches == 0 {
        self.origins.remove(&fetch.origin);
      }
      self.fetches.remove(&key);
    }
    Some(edited)
  }

  #[cfg(test)]
  pub(super) fn is_empty(&self) -> bool {
    self.fetches.is_empty() && self.origins.is_empty() && self.ready.is_empty()
  }
}
