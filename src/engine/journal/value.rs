//! Which facts wait for which bytes, and which callers wait for them, as a
//! value: it takes what has happened and returns what to do. It never waits,
//! takes no lock and does no I/O; the time is an argument. `laws.rs` holds the
//! laws.
//!
//! What is to be written goes out in rounds, one at a time. A round makes the
//! bodies durable that its facts need, or takes the bytes of small ones along
//! ([`Next::Sync`]), then writes its groups in one transaction
//! ([`Journal::synced`]), and then answers every ticket that it took along
//! ([`Journal::written`]). The facts of one background fetch are one queue, and
//! stay in their order.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::pace::Pace;
use super::queue::Entry;
use super::queue::Progress;
use super::queue::Queue;
use super::turns::TurnId;
use super::turns::Turns;
use crate::engine::policy::CheckpointPolicy;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::store::Change;
use crate::store::Group;
use crate::store::GroupOutcome;
use crate::store::StoreError;
use crate::store::StoredBackgroundFetch;
use crate::store::Write;

/// What could not be written is tried again after this, and then after twice
/// as long each time, up to the longest wait.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
pub(in crate::engine) const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// What costs no flush of a body is written after this part of the interval.
const SOON: u32 = 20;

/// How many bytes of bodies a round takes along, at most; the other bodies are
/// flushed.
const MAX_READ: u64 = 4 * 1024 * 1024;

/// A caller that waits for its facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(u64);

/// What a caller waits for.
#[derive(Debug)]
pub(crate) enum Wanted {
  /// A new background fetch, with its request bodies. If a script registers
  /// it, with the turn in which it does.
  Insert(Box<StoredBackgroundFetch>, Option<TurnId>),
  /// `changes`, behind everything that is known of `key`. If they are kept,
  /// they are true whether they can be written now or not; else nothing of
  /// them may become true once the caller has heard that they did not.
  Changes {
    key: BackgroundFetchKey,
    changes: Vec<Change>,
    is_kept: bool,
  },
  /// Everything that was enqueued, except for what the database refuses.
  Flush,
  /// The same, and once more what was refused before.
  FlushRefused,
}

/// What a caller is answered. Only an insertion has a key.
pub(crate) type Answer = Result<Option<BackgroundFetchKey>, StoreError>;

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
  /// A round has begun: these bodies are to be made durable, or read, then
  /// [`Journal::synced`] is to be called.
  Sync(Bodies),
  /// Nothing before this time, unless something happens.
  Wait(Option<Instant>),
}

/// The bodies of a round.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bodies {
  /// These are to be flushed.
  pub(crate) flush: Vec<BodyId>,
  /// Of these so many bytes are written into their rows.
  pub(crate) read: Vec<(BodyId, u64)>,
}

impl Bodies {
  pub(crate) fn is_empty(&self) -> bool {
    self.flush.is_empty() && self.read.is_empty()
  }
}

/// What comes of the bodies of a round.
#[derive(Debug)]
pub(crate) enum Synced {
  /// These are to be written in one transaction, then [`Journal::written`] is
  /// to be called.
  Write(Vec<Group>),
  /// The disk has lost bytes. What comes of that is to be enqueued; the round
  /// begins again with it.
  Lost {
    records: Vec<(BackgroundFetchKey, usize)>,
    answers: Vec<(Ticket, Answer)>,
  },
  /// The round has failed.
  Failed(Vec<(Ticket, Answer)>),
}

/// See the module.
pub(crate) struct Journal {
  policy: CheckpointPolicy,
  queues: BTreeMap<BackgroundFetchKey, Queue>,
  /// Those that no round has taken along yet, in the order in which they came.
  tickets: BTreeMap<Ticket, Wanted>,
  last_ticket: u64,
  round: Option<Round>,
  /// Bytes that came since the last checkpoint.
  unsynced: u64,
  /// When everything is written, if something waits.
  checkpoint_at: Option<Instant>,
  /// When that is written which costs no flush of a body.
  soon_at: Option<Instant>,
  /// When that is written which is in a hurry, and can share a flush with what
  /// comes in the next moments.
  pace: Pace,
  /// What scripts are registering.
  turns: Turns,
  /// When that is tried again which the database has refused.
  refused_at: Option<Instant>,
  /// How long to wait after the next failure.
  backoff: Duration,
  /// There was no space for rows. Until then they have no bytes of bodies.
  full_until: Option<Instant>,
  /// After a failure nothing is begun before this, unless a caller waits.
  not_before: Option<Instant>,
}

/// What is being written.
struct Round {
  /// These have bytes of bodies with them.
  with_bytes: BTreeSet<BackgroundFetchKey>,
  queues: BTreeMap<BackgroundFetchKey, Queue>,
  tickets: BTreeMap<Ticket, Wanted>,
  /// Bodies that were forgotten meanwhile: they do not come back with it.
  forgotten: BTreeSet<BodyId>,
  /// Callers that left meanwhile: nor do their facts.
  withdrawn: BTreeSet<Ticket>,
  is_checkpoint: bool,
  /// What each group is about, in order.
  plan: Vec<Planned>,
}

/// What is to be done at a time.
enum Plan {
  Round { everything: bool, refused: bool },
  Wait(Option<Instant>),
}

enum Planned {
  Insert(Ticket),
  /// Where each part ends in the queue.
  Queue(BackgroundFetchKey, Vec<usize>),
}

impl Journal {
  pub(crate) fn new(policy: CheckpointPolicy) -> Self {
    Self {
      policy,
      queues: BTreeMap::new(),
      tickets: BTreeMap::new(),
      last_ticket: 0,
      round: None,
      unsynced: 0,
      checkpoint_at: None,
      soon_at: None,
      pace: Pace::default(),
      turns: Turns::default(),
      refused_at: None,
      backoff: RETRY_INTERVAL,
      full_until: None,
      not_before: None,
    }
  }

  /// `change` is true, and nothing waits for it.
  pub(crate) fn enqueue(&mut self, change: Change, now: Instant) {
    let key = change.key();
    self.queues.entry(key).or_default().push(change);
    self.has_more(key, now);
  }

  /// The same, for what is written at once, or with what comes in the next
  /// moments.
  pub(crate) fn enqueue_urgent(&mut self, change: Change, now: Instant) {
    let key = change.key();
    self.enqueue(change, now);
    if let Some(queue) = self.queues.get_mut(&key)
      && !queue.is_refused
    {
      queue.is_urgent = true;
      self.pace.add_noted(key, now);
    }
  }

  /// `progress` was made with the body of a record; the latest counts.
  pub(crate) fn record_progress(
    &mut self,
    key: BackgroundFetchKey,
    body: BodyId,
    progress: Progress,
    now: Instant,
  ) {
    self.unsynced += progress.more;
    let queue = self.queues.entry(key).or_default();
    queue.record_progress(body, progress);
    self.has_more(key, now);
    if self.unsynced >= self.policy.bytes {
      self.checkpoint_by(now);
    }
  }

  /// The bodies are going to be deleted: nothing of them need be durable.
  pub(crate) fn forget(&mut self, bodies: &[BodyId]) {
    for body in bodies {
      for queue in self.queues.values_mut() {
        queue.forget(*body);
      }
      if let Some(round) = &mut self.round {
        round.forgotten.insert(*body);
      }
    }
  }

  /// A caller waits from now on.
  pub(crate) fn draw(&mut self, wanted: Wanted, now: Instant) -> Ticket {
    self.last_ticket += 1;
    let ticket = Ticket(self.last_ticket);
    match &wanted {
      Wanted::Changes { key, .. } => {
        self.queues.entry(*key).or_default().push_ticket(ticket);
        if wanted.may_wait() {
          self.pace.add(*key, now);
        }
      }
      Wanted::Insert(_, Some(turn)) => self.turns.add(*turn, now),
      _ => {}
    }
    self.tickets.insert(ticket, wanted);
    ticket
  }

  /// A script takes no answer before its turn ends. If it has begun already,
  /// nothing changes.
  pub(crate) fn begin_turn(&mut self, turn: TurnId) {
    self.turns.begin(turn);
  }

  /// The script whose turn it was takes answers again.
  pub(crate) fn end_turn(&mut self, turn: TurnId) {
    self.turns.end(turn);
  }

  /// The caller does not wait any more. What is not being written yet does not
  /// become true, unless it is kept.
  pub(crate) fn withdraw(&mut self, ticket: Ticket, now: Instant) {
    if let Some(round) = &mut self.round {
      round.withdrawn.insert(ticket);
    }
    let Some(wanted) = self.tickets.remove(&ticket) else {
      return;
    };
    if let Wanted::Insert(_, Some(turn)) = &wanted {
      self.turns.withdraw(*turn);
    }
    if let Wanted::Changes {
      key,
      changes,
      is_kept,
    } = wanted
      && let Some(queue) = self.queues.get_mut(&key)
    {
      let kept = if is_kept { changes } else { Vec::new() };
      queue.replace_ticket(ticket, kept);
      self.tidy(key);
      if is_kept {
        self.has_more(key, now);
      }
    }
  }

  /// When the next round is to be begun: not after `now` if it is due.
  pub(crate) fn due_at(&self, now: Instant) -> Option<Instant> {
    match self.plan(now) {
      Plan::Round { .. } => Some(now),
      Plan::Wait(time) => time,
    }
  }

  /// What is to be done now. To be asked after every change.
  pub(crate) fn next(&mut self, now: Instant) -> Next {
    match self.plan(now) {
      Plan::Round {
        everything,
        refused,
      } => self.begin(everything, refused, now),
      Plan::Wait(time) => Next::Wait(time),
    }
  }

  fn plan(&self, now: Instant) -> Plan {
    if self.round.is_some() {
      return Plan::Wait(None);
    }
    let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
    let flushes = |all: bool| {
      move |wanted: &Wanted| match wanted {
        Wanted::Flush => all,
        Wanted::FlushRefused => true,
        _ => false,
      }
    };
    let may_begin = self.not_before.is_none_or(|at| at <= now);
    let everything = self.tickets.values().any(flushes(true))
      || may_begin && is_due(self.checkpoint_at);
    let refused =
      self.tickets.values().any(flushes(false)) || is_due(self.refused_at);
    let paced_at = self.pace.due();
    let soon = may_begin && (is_due(self.soon_at) || is_due(paced_at));
    let waits_until = |wanted: &Wanted| match wanted {
      Wanted::Insert(_, Some(turn)) => self.turns.waits_until(*turn),
      wanted => paced_at.filter(|_| wanted.may_wait()),
    };
    let called_at = self.tickets.values();
    let called_at = called_at.map(|w| waits_until(w).unwrap_or(now)).min();
    if !is_due(called_at) && !everything && !refused && !soon {
      let times = [self.checkpoint_at, self.soon_at, paced_at];
      let uncalled_at = times.into_iter().flatten().min();
      let uncalled_at =
        uncalled_at.map(|at| at.max(self.not_before.unwrap_or(at)));
      let times = [called_at, uncalled_at, self.refused_at];
      return Plan::Wait(times.into_iter().flatten().min());
    }
    Plan::Round {
      everything,
      refused,
    }
  }

  fn begin(&mut self, everything: bool, refused: bool, now: Instant) -> Next {
    let waiting: BTreeSet<BackgroundFetchKey> =
      self.tickets.values().filter_map(Wanted::key).collect();
    let joins = |key: &BackgroundFetchKey, queue: &Queue| {
      waiting.contains(key)
        || match queue.is_refused {
          true => refused,
          false => everything || queue.is_urgent || !queue.needs_flush(),
        }
    };
    let queues = take_out(&mut self.queues, joins);
    let tickets = std::mem::take(&mut self.tickets);
    let mut bodies = Bodies::default();
    let mut room = match self.full_until.is_some_and(|at| now < at) {
      true => 0,
      false => MAX_READ,
    };
    for (id, progress) in queues.values().flat_map(Queue::bodies) {
      match progress.small() {
        Some(bytes) if bytes <= room => {
          room -= bytes;
          bodies.read.push((id, bytes));
        }
        _ => bodies.flush.push(id),
      }
    }
    for wanted in tickets.values() {
      if let Wanted::Insert(row, _) = wanted {
        bodies
          .flush
          .extend(row.bodies.iter().filter_map(|b| b.request));
      }
    }
    self.soon_at = None;
    self.pace.clear();
    self.turns.clear();
    self.not_before = None;
    if everything {
      self.unsynced = 0;
    }
    if refused {
      self.refused_at = None;
    }
    if self.queues.values().all(|queue| queue.is_refused) {
      self.checkpoint_at = None;
    }
    self.round = Some(Round {
      with_bytes: BTreeSet::new(),
      queues,
      tickets,
      forgotten: BTreeSet::new(),
      withdrawn: BTreeSet::new(),
      is_checkpoint: everything,
      plan: Vec::new(),
    });
    Next::Sync(bodies)
  }

  /// The bodies of the round are durable, or these are their bytes; or there is
  /// an error.
  pub(crate) fn synced(
    &mut self,
    result: Result<HashMap<BodyId, Bytes>, StoreError>,
    now: Instant,
  ) -> Synced {
    match result {
      Ok(small) => Synced::Write(self.groups(&small)),
      Err(StoreError::Unsynced { bodies, source }) => {
        let error = StoreError::Unsynced {
          bodies: bodies.clone(),
          source,
        };
        match self.lose(&bodies, &error, now) {
          Some((records, answers)) => Synced::Lost { records, answers },
          None => Synced::Failed(self.written(Err(error), now)),
        }
      }
      Err(error) => Synced::Failed(self.written(Err(error), now)),
    }
  }

  /// The same for a round that has no bodies: these are to be written.
  pub(crate) fn nothing_to_sync(&mut self) -> Vec<Group> {
    self.groups(&HashMap::new())
  }

  fn groups(&mut self, small: &HashMap<BodyId, Bytes>) -> Vec<Group> {
    let Some(round) = &mut self.round else {
      return Vec::new();
    };
    let mut groups = Vec::new();
    for (ticket, wanted) in &round.tickets {
      if let Wanted::Insert(row, _) = wanted {
        groups.push(vec![Write::Insert(row.clone())]);
        round.plan.push(Planned::Insert(*ticket));
      }
    }
    round.queues.retain(|_, queue| !queue.is_empty());
    for (key, queue) in &round.queues {
      let (group, ends) =
        queue.group(*key, small, |ticket| match round.tickets.get(&ticket) {
          Some(Wanted::Changes { changes, .. }) => changes.clone(),
          _ => Vec::new(),
        });
      groups.push(group);
      round.plan.push(Planned::Queue(*key, ends));
      if queue.bodies().any(|(id, _)| small.contains_key(&id)) {
        round.with_bytes.insert(*key);
      }
    }
    groups
  }

  /// Bytes are lost: the round begins again without them. `None` when it had
  /// none of them, and would fail in the same way.
  #[expect(clippy::type_complexity, reason = "two lists, for one caller")]
  fn lose(
    &mut self,
    bodies: &[BodyId],
    error: &StoreError,
    now: Instant,
  ) -> Option<(Vec<(BackgroundFetchKey, usize)>, Vec<(Ticket, Answer)>)> {
    let mut round = self.round.take()?;
    let mut records = Vec::new();
    for (key, queue) in &mut round.queues {
      for body in bodies {
        records.extend(queue.forget(*body).map(|p| (*key, p.record)));
      }
    }
    // A result that was worked out before is not the result any more.
    let keys: BTreeSet<_> = records.iter().map(|(key, _)| *key).collect();
    let fails = |_: &Ticket, wanted: &Wanted| match wanted {
      Wanted::Insert(row, _) => {
        let mut own = row.bodies.iter().filter_map(|b| b.request);
        own.any(|body| bodies.contains(&body))
      }
      Wanted::Changes { key, changes, .. } => {
        let is_result = |c: &Change| matches!(c, Change::Settled { .. });
        keys.contains(key) && changes.iter().any(is_result)
      }
      Wanted::Flush | Wanted::FlushRefused => false,
    };
    let mut failed = take_out(&mut round.tickets, fails);
    // It may have come while the round was under way.
    failed.extend(take_out(&mut self.tickets, fails));
    if records.is_empty() && failed.is_empty() {
      self.round = Some(round);
      return None;
    }
    let mut answers = Vec::new();
    for (ticket, wanted) in failed {
      let queues = [&mut round.queues, &mut self.queues];
      for queues in queues {
        if let Some(queue) = wanted.key().and_then(|k| queues.get_mut(&k)) {
          queue.replace_ticket(ticket, Vec::new());
        }
      }
      answers.push((ticket, Err(error.clone())));
    }
    if round.is_checkpoint {
      self.checkpoint_at = Some(now);
    }
    if self.put_back(round, now) {
      // Who waited for it may have left.
      self.checkpoint_by(now + self.policy.interval);
    }
    self.soon_at = Some(now);
    Some((records, answers))
  }

  /// What came of the groups of [`Synced::Write`], each in its place; an error
  /// when nothing of them is written. Every ticket of the round is answered,
  /// or waits for the next one.
  pub(crate) fn written(
    &mut self,
    result: Result<Vec<GroupOutcome>, StoreError>,
    now: Instant,
  ) -> Vec<(Ticket, Answer)> {
    let Some(mut round) = self.round.take() else {
      return Vec::new();
    };
    let mut answers = Answers::default();
    let plan = std::mem::take(&mut round.plan);
    match result {
      Err(error) => {
        answers.failure = Some(error.clone());
        for queue in round.queues.values_mut() {
          answers.fail_queue(queue, 0, &error, &mut round.tickets);
        }
        for (ticket, wanted) in std::mem::take(&mut round.tickets) {
          if let Wanted::Insert(..) = wanted {
            answers.add(ticket, Err(error.clone()));
          } else {
            round.tickets.insert(ticket, wanted);
          }
        }
      }
      Ok(outcomes) => {
        for (planned, outcome) in plan.into_iter().zip(outcomes) {
          self.group_written(&mut round, planned, outcome, &mut answers, now);
        }
      }
    }
    let flushed = match &answers.failure {
      Some(error) => Err(error.clone()),
      None => Ok(None),
    };
    let is_flush = |_: &Ticket, wanted: &Wanted| {
      let is_it = matches!(wanted, Wanted::Flush | Wanted::FlushRefused);
      is_it && !answers.is_postponed
    };
    for (ticket, _) in take_out(&mut round.tickets, is_flush) {
      answers.add(ticket, flushed.clone());
    }
    let is_full = answers.failure.as_ref().is_some_and(StoreError::is_full);
    if is_full || answers.is_postponed {
      self.full_until = Some(now + MAX_BACKOFF);
    }
    if answers.failure.is_some() {
      self.not_before = Some(now + self.backoff);
      self.backoff = (self.backoff * 2).min(MAX_BACKOFF);
    } else {
      self.backoff = RETRY_INTERVAL;
    }
    if self.put_back(round, now) {
      // Even if nothing more comes that would have to be written.
      self.checkpoint_by(now + self.policy.interval);
    }
    answers.all
  }

  fn group_written(
    &mut self,
    round: &mut Round,
    planned: Planned,
    outcome: GroupOutcome,
    answers: &mut Answers,
    now: Instant,
  ) {
    let GroupOutcome {
      key: given,
      refused,
    } = outcome;
    match planned {
      Planned::Insert(ticket) => {
        round.tickets.remove(&ticket);
        answers.add(
          ticket,
          match refused {
            Some((_, error)) => Err(error),
            None => Ok(given),
          },
        );
      }
      Planned::Queue(key, ends) => {
        let Some(queue) = round.queues.get_mut(&key) else {
          return;
        };
        let Some((part, error)) = refused else {
          answers.succeed(queue.entries(), &mut round.tickets);
          round.queues.remove(&key);
          return;
        };
        let begin = part.checked_sub(1).map_or(0, |before| ends[before]);
        answers.succeed(&queue.entries()[..begin], &mut round.tickets);
        queue.drop_first(begin);
        if error.is_full() && round.with_bytes.contains(&key) {
          // Without the bytes there may be space for it.
          answers.is_postponed = true;
          self.soon_at = Some(now);
          queue.is_urgent = true;
          return;
        }
        if let Some(Entry::Ticket(ticket)) = queue.entries().first() {
          // What is behind it need not fail because it does.
          let ticket = *ticket;
          answers.fail_ticket(queue, ticket, &error, &mut round.tickets);
          self.soon_at = Some(now);
          queue.is_urgent = true;
          return;
        }
        // Nothing may overtake what was refused.
        answers.fail_queue(queue, 0, &error, &mut round.tickets);
        if let StoreError::Database(_) = &error {
          queue.is_refused = true;
        } else {
          answers.failure = Some(error);
        }
      }
    }
  }

  /// What is left of a round goes in front of what came meanwhile. Returns
  /// whether there is something that is not refused.
  fn put_back(&mut self, round: Round, now: Instant) -> bool {
    let mut has_more = false;
    for (key, mut queue) in round.queues {
      for body in &round.forgotten {
        queue.forget(*body);
      }
      for ticket in &round.withdrawn {
        if let Some(Wanted::Changes {
          changes, is_kept, ..
        }) = round.tickets.get(ticket)
        {
          let kept = match is_kept {
            true => changes.clone(),
            false => Vec::new(),
          };
          queue.replace_ticket(*ticket, kept);
        }
      }
      if let Some(younger) = self.queues.remove(&key) {
        queue.append(younger);
      }
      has_more |= !queue.is_empty() && !queue.is_refused;
      if queue.is_refused {
        self.refused_at.get_or_insert(now + MAX_BACKOFF);
      }
      self.queues.insert(key, queue);
      self.tidy(key);
    }
    for (ticket, wanted) in round.tickets {
      if !round.withdrawn.contains(&ticket) {
        // It has waited long enough.
        self.pace.hurry(now);
        self.tickets.insert(ticket, wanted);
      }
    }
    has_more
  }

  /// Nothing is going to be written any more. Returns the tickets that wait.
  pub(crate) fn close(&mut self) -> Vec<Ticket> {
    let round = self.round.take();
    let in_round = round.into_iter().flat_map(|r| r.tickets.into_keys());
    let waiting = std::mem::take(&mut self.tickets).into_keys();
    let all = in_round.chain(waiting).collect();
    self.queues.clear();
    all
  }

  fn has_more(&mut self, key: BackgroundFetchKey, now: Instant) {
    let Some(queue) = self.queues.get(&key) else {
      return;
    };
    if queue.is_refused {
      return;
    }
    let needs_flush = queue.needs_flush();
    self.checkpoint_by(now + self.policy.interval);
    if !needs_flush {
      self.soon_by(now + self.soon());
    }
  }

  fn soon(&self) -> Duration {
    self.policy.interval / SOON
  }

  fn soon_by(&mut self, at: Instant) {
    self.soon_at = Some(self.soon_at.map_or(at, |earlier| earlier.min(at)));
  }

  fn checkpoint_by(&mut self, at: Instant) {
    let earlier = self.checkpoint_at;
    self.checkpoint_at = Some(earlier.map_or(at, |earlier| earlier.min(at)));
  }

  fn tidy(&mut self, key: BackgroundFetchKey) {
    if self.queues.get(&key).is_some_and(Queue::is_empty) {
      self.queues.remove(&key);
    }
  }
}

/// Those that are meant leave `map`.
fn take_out<K: Ord, V>(
  map: &mut BTreeMap<K, V>,
  is_meant: impl Fn(&K, &V) -> bool,
) -> BTreeMap<K, V> {
  let all = std::mem::take(map).into_iter();
  let (meant, others) = all.partition(|(key, value)| is_meant(key, value));
  *map = others;
  meant
}

impl Wanted {
  /// `None` for what is about no background fetch that is known.
  fn key(&self) -> Option<BackgroundFetchKey> {
    match self {
      Self::Changes { key, .. } => Some(*key),
      Self::Insert(..) | Self::Flush | Self::FlushRefused => None,
    }
  }

  /// Whether it is a result or an end, of which many may come together: these
  /// wait a moment for one another.
  fn may_wait(&self) -> bool {
    let ends = |change: &Change| {
      matches!(change, Change::Settled { .. } | Change::Forgotten { .. })
    };
    match self {
      Self::Changes { changes, .. } => changes.iter().any(ends),
      Self::Insert(..) | Self::Flush | Self::FlushRefused => false,
    }
  }
}

/// What the callers of a round are answered.
#[derive(Default)]
struct Answers {
  all: Vec<(Ticket, Answer)>,
  /// Why something has to be written again for which no ticket is answered.
  failure: Option<StoreError>,
  /// Something is written in the next round, and tickets wait for it.
  is_postponed: bool,
}

impl Answers {
  fn add(&mut self, ticket: Ticket, answer: Answer) {
    self.all.push((ticket, answer));
  }

  fn succeed(
    &mut self,
    entries: &[Entry],
    tickets: &mut BTreeMap<Ticket, Wanted>,
  ) {
    for entry in entries {
      if let Entry::Ticket(ticket) = entry
        && tickets.remove(ticket).is_some()
      {
        self.add(*ticket, Ok(None));
      }
    }
  }

  fn fail_ticket(
    &mut self,
    queue: &mut Queue,
    ticket: Ticket,
    error: &StoreError,
    tickets: &mut BTreeMap<Ticket, Wanted>,
  ) {
    let kept = match tickets.remove(&ticket) {
      Some(Wanted::Changes {
        changes,
        is_kept: true,
        ..
      }) => changes,
      Some(_) => Vec::new(),
      None => return,
    };
    queue.replace_ticket(ticket, kept);
    self.add(ticket, Err(error.clone()));
  }

  /// Every ticket that waits for something behind `from` in the queue.
  fn fail_queue(
    &mut self,
    queue: &mut Queue,
    from: usize,
    error: &StoreError,
    tickets: &mut BTreeMap<Ticket, Wanted>,
  ) {
    let waiting = queue.entries()[from..].iter().filter_map(|e| match e {
      Entry::Ticket(ticket) => Some(*ticket),
      _ => None,
    });
    for ticket in waiting.collect::<Vec<_>>() {
      self.fail_ticket(queue, ticket, error, tickets);
    }
  }
}
