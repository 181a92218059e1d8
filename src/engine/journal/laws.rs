//! The laws of the journal, on every schedule:
//!
//! 1. No fact is durable before the bytes that it needs: those that its
//!    background fetch had when it became known. They are flushed, or written
//!    with it.
//! 2. Each ticket is answered, and once. Answered with success, its facts are
//!    durable. Answered with an error, or withdrawn in time, they never become
//!    so, unless they are kept.
//! 3. What was enqueued or is kept becomes durable once the store works, and
//!    is written once.
//! 4. The facts of one background fetch are written in their order.
//! 5. No ticket starves: it is answered with its round, or, when others of the
//!    same background fetch are refused before it, one round later for each. A
//!    round for whose bytes there was no space does not count.
//! 6. A row that is refused holds up no other background fetch.
//! 7. A round that fails answers all its tickets with the error.
//! 8. Bytes that nothing waits for are flushed by checkpoints only.
//! 9. While something waits there is a time at which it is written.
//! 10. A caller waits for others' facts only with a result or an end, or in a
//!     turn of its script for which a round was begun before; and no longer
//!     than [`LONGEST`].

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use super::pace::LONGEST;
use super::pace::MANY;
use super::queue::Progress;
use super::turns;
use super::turns::TurnId;
use super::value::Answer;
use super::value::Bodies;
use super::value::Journal;
use super::value::MAX_BACKOFF;
use super::value::Next;
use super::value::Synced;
use super::value::Ticket;
use super::value::Wanted;
use crate::engine::policy::CheckpointPolicy;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::spec::BackgroundFetch;
use crate::spec::Extents;
use crate::store::Change;
use crate::store::Group;
use crate::store::GroupOutcome;
use crate::store::RecordBodies;
use crate::store::SMALL_BODY;
use crate::store::StoreError;
use crate::store::StoredBackgroundFetch;
use crate::store::Write;

const KEYS: i64 = 3;
const INTERVAL: Duration = Duration::from_secs(2);
const BYTES: u64 = 100;

/// A body, and what the disk has of it.
struct Body {
  key: BackgroundFetchKey,
  appended: u64,
  /// On the disk.
  durable: u64,
  /// What the row says.
  stored: u64,
  is_gone: bool,
}

/// A fact has a number, by which it is known again: later ones have larger
/// ones.
struct Fact {
  key: BackgroundFetchKey,
  /// So many bytes of these bodies.
  needs: Vec<(BodyId, u64)>,
  /// It has to be written some time.
  is_true: bool,
  /// It must not be written.
  is_false: bool,
  is_written: bool,
}

struct Caller {
  key: Option<BackgroundFetchKey>,
  fact: Option<u64>,
  is_kept: bool,
  is_flush: bool,
  /// It has a result or an end, and came then.
  may_wait: bool,
  /// That of its script.
  turn: Option<TurnId>,
  drawn: Instant,
  /// How many rounds were begun since, and how many callers were before it.
  rounds: usize,
  before: usize,
}

struct World {
  journal: Journal,
  now: Instant,
  bodies: BTreeMap<BodyId, Body>,
  facts: BTreeMap<u64, Fact>,
  callers: BTreeMap<Ticket, Caller>,
  /// Those that have not ended, and whether there was a round with something
  /// of them.
  turns: BTreeMap<TurnId, bool>,
  /// The number of the last fact of each background fetch in the store.
  last_written: BTreeMap<BackgroundFetchKey, u64>,
  inserted: i64,
  /// The store works, and refuses nothing.
  is_healthy: bool,
  number: u64,
}

/// What the disk says when it is to fail in some way.
fn full() -> StoreError {
  StoreError::Full("the disk is full".into())
}

fn damaged() -> StoreError {
  StoreError::Database("the row is damaged".into())
}

/// Parsed once.
static SCOPE: LazyLock<Url> =
  LazyLock::new(|| Url::parse("https://example.com/").unwrap());

fn row(body: BodyId) -> StoredBackgroundFetch {
  StoredBackgroundFetch {
    key: BackgroundFetchKey(0),
    scope: SCOPE.clone(),
    environment: String::new(),
    background_fetch: BackgroundFetch::new("id".into(), Vec::new()),
    bodies: vec![RecordBodies {
      request: Some(body),
      ..RecordBodies::default()
    }],
    active: true,
    event_owed: false,
    abnormal_ends: 0,
    retained: None,
    created: 0,
  }
}

impl World {
  fn new(now: Instant) -> Self {
    let policy = CheckpointPolicy {
      bytes: BYTES,
      interval: INTERVAL,
    };
    Self {
      journal: Journal::new(policy),
      now,
      bodies: BTreeMap::new(),
      facts: BTreeMap::new(),
      callers: BTreeMap::new(),
      turns: BTreeMap::new(),
      last_written: BTreeMap::new(),
      inserted: 0,
      is_healthy: false,
      number: 0,
    }
  }

  fn number(&mut self) -> u64 {
    self.number += 1;
    self.number
  }

  fn new_body(&mut self, key: BackgroundFetchKey) -> BodyId {
    let number = self.number();
    let id = BodyId(Uuid::from_u128(number.into()));
    self.bodies.insert(
      id,
      Body {
        key,
        appended: 0,
        durable: 0,
        stored: 0,
        is_gone: false,
      },
    );
    id
  }

  fn new_fact(&mut self, key: BackgroundFetchKey, is_true: bool) -> u64 {
    let needs = self.bodies.iter();
    let needs = needs.filter(|(_, b)| b.key == key && !b.is_gone);
    let needs = needs.map(|(id, body)| (*id, body.appended)).collect();
    let number = self.number();
    self.facts.insert(
      number,
      Fact {
        key,
        needs,
        is_true,
        is_false: false,
        is_written: false,
      },
    );
    number
  }

  fn fact(key: BackgroundFetchKey, number: u64) -> Change {
    Change::Uploaded { key, bytes: number }
  }

  fn enqueue(&mut self, key: BackgroundFetchKey, is_urgent: bool) {
    let number = self.new_fact(key, true);
    let change = Self::fact(key, number);
    match is_urgent {
      true => self.journal.enqueue_urgent(change, self.now),
      false => self.journal.enqueue(change, self.now),
    }
  }

  fn progress(&mut self, dice: &mut Rng, key: BackgroundFetchKey) {
    let known = self.bodies.iter();
    let known = known.filter(|(_, b)| b.key == key && !b.is_gone);
    let known: Vec<_> = known.map(|(id, _)| *id).collect();
    let id = match dice.choice(&known) {
      Some(id) if dice.u8(..4) > 0 => *id,
      _ => self.new_body(key),
    };
    let Some(body) = self.bodies.get_mut(&id) else {
      return;
    };
    if body.appended == 0 && id.0.as_u128() % 2 == 0 {
      // It is too large for its row.
      body.appended = SMALL_BODY;
    }
    let more = dice.u64(1..60);
    body.appended += more;
    let progress = Progress {
      record: 0,
      extents: Extents::prefix_of(body.appended),
      more,
    };
    self.journal.record_progress(key, id, progress, self.now);
  }

  fn draw(&mut self, dice: &mut Rng, key: BackgroundFetchKey) {
    let kind = dice.u8(..10);
    let is_kept = kind < 2;
    let mut caller = Caller {
      key: None,
      fact: None,
      is_kept,
      is_flush: false,
      may_wait: false,
      turn: None,
      drawn: self.now,
      rounds: 0,
      before: 0,
    };
    let wanted = match kind {
      0..6 => {
        let number = self.new_fact(key, is_kept);
        caller.key = Some(key);
        caller.fact = Some(number);
        let others = self.callers.values().filter(|c| c.key == Some(key));
        caller.before = others.count();
        let mut changes = vec![Self::fact(key, number)];
        caller.may_wait = dice.bool();
        if caller.may_wait {
          changes.push(match is_kept {
            true => Change::Forgotten { key },
            false => settled(key),
          });
        }
        Wanted::Changes {
          key,
          changes,
          is_kept,
        }
      }
      6 | 7 => {
        let body = self.new_body(BackgroundFetchKey(-1));
        if let Some(body) = self.bodies.get_mut(&body) {
          body.appended = 1;
        }
        caller.turn = dice.bool().then(|| TurnId(dice.u64(..2)));
        if let Some(turn) = caller.turn.filter(|_| dice.u8(..4) > 0) {
          self.journal.begin_turn(turn);
          self.turns.entry(turn).or_default();
        }
        Wanted::Insert(Box::new(row(body)), caller.turn)
      }
      8 => {
        caller.is_flush = true;
        Wanted::Flush
      }
      _ => {
        caller.is_flush = true;
        Wanted::FlushRefused
      }
    };
    let ticket = self.journal.draw(wanted, self.now);
    self.callers.insert(ticket, caller);
  }

  /// Only while nothing is being written: then it is in time.
  fn withdraw(&mut self, ticket: Ticket, is_in_time: bool) {
    self.journal.withdraw(ticket, self.now);
    let Some(caller) = self.callers.remove(&ticket) else {
      return;
    };
    if let Some(fact) = caller.fact.and_then(|f| self.facts.get_mut(&f)) {
      fact.is_false = is_in_time && !caller.is_kept && !fact.is_written;
    }
  }

  fn forget(&mut self, id: BodyId) {
    self.journal.forget(&[id]);
    if let Some(body) = self.bodies.get_mut(&id) {
      body.is_gone = true;
    }
  }

  /// Anything that a part of the engine may do.
  fn anything(&mut self, dice: &mut Rng, is_in_round: bool) {
    let key = BackgroundFetchKey(dice.i64(1..=KEYS));
    match dice.u8(..16) {
      0..4 => self.progress(dice, key),
      4..6 => self.enqueue(key, dice.bool()),
      6..10 => self.draw(dice, key),
      10 => {
        let all: Vec<_> = self.callers.keys().copied().collect();
        if let Some(ticket) = dice.choice(&all) {
          self.withdraw(*ticket, !is_in_round);
        }
      }
      11 => {
        let all: Vec<_> = self.bodies.keys().copied().collect();
        if let Some(id) = dice.choice(&all) {
          self.forget(*id);
        }
      }
      12 => self.now += Duration::from_millis(dice.u64(1..10)),
      13 => {
        let turn = TurnId(dice.u64(..2));
        self.journal.end_turn(turn);
        self.turns.remove(&turn);
      }
      _ => self.now += Duration::from_millis(dice.u64(1..1500)),
    }
  }

  /// A round, if one is due.
  fn round(&mut self, dice: &mut Rng) -> bool {
    let bodies = match self.journal.next(self.now) {
      Next::Sync(bodies) => bodies,
      Next::Wait(time) => {
        for caller in self.callers.values() {
          let is_soon = time.is_some_and(|at| at <= caller.drawn + LONGEST);
          let turn = caller.turn.and_then(|turn| self.turns.get(&turn));
          let may_wait = caller.may_wait || turn.is_some_and(|begun| *begun);
          assert!(may_wait && is_soon, "law 10");
        }
        return false;
      }
    };
    for caller in self.callers.values_mut() {
      caller.rounds += 1;
      assert!(caller.rounds <= caller.before + 1, "law 5");
      let turn = caller.turn.and_then(|turn| self.turns.get_mut(&turn));
      if let Some(begun) = turn {
        *begun = true;
      }
    }
    let read = bodies.read.iter().map(|(id, _)| *id);
    let all: BTreeSet<_> = bodies.flush.iter().copied().chain(read).collect();
    let count = bodies.flush.len() + bodies.read.len();
    assert_eq!(all.len(), count, "each is flushed or read, and once");
    let begun: BTreeSet<Ticket> = self.callers.keys().copied().collect();
    // What comes while the disk works.
    let appended: BTreeMap<BodyId, u64> = self
      .bodies
      .iter()
      .map(|(id, b)| (*id, b.appended))
      .collect();
    for _ in 0..dice.u8(..3) {
      self.anything(dice, true);
    }
    let result = self.sync(dice, &bodies, &appended);
    match self.journal.synced(result, self.now) {
      Synced::Write(groups) => self.write(dice, groups, &begun),
      Synced::Failed(answers) => self.all_failed(answers, &begun),
      Synced::Lost { records, answers } => {
        assert!(!records.is_empty() || !answers.is_empty(), "law 7");
        for caller in self.callers.values_mut() {
          caller.rounds = 0;
        }
        for (key, _) in records {
          self.enqueue(key, false);
        }
        self.answered(answers);
      }
    }
    true
  }

  fn sync(
    &mut self,
    dice: &mut Rng,
    bodies: &Bodies,
    appended: &BTreeMap<BodyId, u64>,
  ) -> Result<HashMap<BodyId, Bytes>, StoreError> {
    let fails = !self.is_healthy && dice.u8(..8) == 0;
    if fails && dice.bool() {
      return Err(full());
    }
    let mut lost = Vec::new();
    let mut small = HashMap::new();
    for (id, length) in &bodies.read {
      let Some(body) = self.bodies.get_mut(id).filter(|b| !b.is_gone) else {
        continue;
      };
      if fails && dice.bool() {
        lost.push(*id);
        body.is_gone = true;
        continue;
      }
      small.insert(*id, Bytes::from(vec![0; *length as usize]));
    }
    for id in &bodies.flush {
      let Some(body) = self.bodies.get_mut(id) else {
        continue;
      };
      if fails && dice.bool() {
        lost.push(*id);
        body.is_gone = true;
        continue;
      }
      body.durable = appended[id].max(body.durable);
    }
    match lost.is_empty() {
      true => Ok(small),
      false => Err(StoreError::Unsynced {
        bodies: lost,
        source: Box::new(full()),
      }),
    }
  }

  fn write(
    &mut self,
    dice: &mut Rng,
    groups: Vec<Group>,
    begun: &BTreeSet<Ticket>,
  ) {
    if !self.is_healthy && dice.u8(..10) == 0 {
      let answers = self.journal.written(Err(full()), self.now);
      return self.all_failed(answers, begun);
    }
    let mut outcomes = Vec::new();
    let mut refused_keys = BTreeSet::new();
    let mut is_postponed = false;
    for group in groups {
      let refuses = !self.is_healthy && dice.u8(..6) == 0;
      let refused = refuses.then(|| dice.usize(..group.len()));
      let mut outcome = GroupOutcome::default();
      let has_bytes = written_bytes(std::slice::from_ref(&group))
        .iter()
        .any(Option::is_some);
      for (part, write) in group.into_iter().enumerate() {
        if refused == Some(part) {
          let error = if dice.bool() { damaged() } else { full() };
          is_postponed |= error.is_full() && has_bytes;
          if let Write::Changes(changes) = &write {
            refused_keys.extend(changes.iter().map(Change::key));
          }
          outcome.refused = Some((part, error));
          break;
        }
        match write {
          Write::Insert(row) => {
            self.inserted += 1;
            outcome.key = Some(BackgroundFetchKey(100 + self.inserted));
            for id in row.bodies.iter().filter_map(|b| b.request) {
              assert!(self.bodies[&id].durable > 0, "law 1");
            }
          }
          Write::Changes(changes) => {
            for change in &changes {
              self.apply(change);
            }
            for change in changes {
              self.check_needs(&change);
            }
          }
        }
      }
      outcomes.push(outcome);
    }
    let answers = self.journal.written(Ok(outcomes), self.now);
    if is_postponed {
      for caller in self.callers.values_mut() {
        caller.rounds = 0;
      }
    }
    for (ticket, answer) in &answers {
      let key = self.callers.get(ticket).and_then(|caller| caller.key);
      if let Some(key) = key {
        assert!(answer.is_ok() || refused_keys.contains(&key), "law 6");
      }
    }
    self.answered(answers);
  }

  fn apply(&mut self, change: &Change) {
    match change {
      Change::Uploaded { key, bytes } => {
        let fact = self.facts.get_mut(bytes).expect("a fact");
        assert!(!fact.is_false, "law 2: {bytes}");
        assert!(!fact.is_written, "law 3: {bytes}");
        fact.is_written = true;
        let last = self.last_written.entry(*key).or_default();
        assert!(*last < *bytes, "law 4");
        *last = *bytes;
      }
      Change::Stored {
        key,
        body,
        extents,
        bytes,
        ..
      } => {
        let body = self.bodies.get_mut(body).expect("a body");
        assert_eq!(*key, body.key);
        match bytes {
          Some(bytes) => assert_eq!(bytes.len() as u64, extents.end(), "law 1"),
          None => {
            let is_durable = extents.end() <= body.durable;
            assert!(body.is_gone || is_durable, "law 1");
          }
        }
        body.stored = extents.end();
      }
      _ => {}
    }
  }

  fn check_needs(&self, change: &Change) {
    if let Change::Uploaded { bytes, .. } = change {
      for (id, needed) in &self.facts[bytes].needs {
        let body = &self.bodies[id];
        assert!(body.is_gone || body.stored >= *needed, "law 1");
      }
    }
  }

  fn all_failed(
    &mut self,
    answers: Vec<(Ticket, Answer)>,
    begun: &BTreeSet<Ticket>,
  ) {
    let answered: BTreeSet<_> = answers.iter().map(|(t, _)| *t).collect();
    for ticket in begun {
      let left = !self.callers.contains_key(ticket);
      assert!(left || answered.contains(ticket), "law 7");
    }
    assert!(answers.iter().all(|(_, answer)| answer.is_err()), "law 7");
    self.answered(answers);
  }

  fn answered(&mut self, answers: Vec<(Ticket, Answer)>) {
    let mut once = BTreeSet::new();
    for (ticket, answer) in answers {
      assert!(once.insert(ticket), "law 2: once");
      // It has left.
      let Some(caller) = self.callers.remove(&ticket) else {
        continue;
      };
      let Some(fact) = caller.fact.and_then(|f| self.facts.get_mut(&f)) else {
        continue;
      };
      match answer {
        Ok(_) => assert!(fact.is_written, "law 2"),
        Err(_) => {
          assert!(!fact.is_written, "law 2");
          fact.is_false = !caller.is_kept;
        }
      }
    }
  }

  /// From now on everything works, and nothing more comes.
  fn settle(&mut self, dice: &mut Rng) {
    self.is_healthy = true;
    for _ in 0..50 {
      match self.journal.next(self.now) {
        Next::Sync(bodies) => {
          let appended = self.bodies.iter().map(|(id, b)| (*id, b.appended));
          let appended = appended.collect();
          let begun = self.callers.keys().copied().collect();
          let result = self.sync(dice, &bodies, &appended);
          let Synced::Write(groups) = self.journal.synced(result, self.now)
          else {
            panic!("it works");
          };
          self.write(dice, groups, &begun);
        }
        Next::Wait(Some(time)) => self.now = self.now.max(time),
        Next::Wait(None) => break,
      }
    }
    assert!(self.callers.is_empty(), "law 2: {}", self.callers.len());
    for (number, fact) in &self.facts {
      let missing = fact.is_true && !fact.is_written;
      assert!(!missing, "law 3 or 9: {number} of {:?}", fact.key);
    }
    for body in self.bodies.values() {
      let is_known = body.is_gone || body.key.0 < 0;
      assert!(is_known || body.stored == body.appended, "law 9");
    }
  }
}

#[test]
fn the_laws_hold_on_every_schedule() {
  let now = Instant::now();
  let first = std::env::var("JOURNAL_SEED").ok();
  let first = first.and_then(|seed| seed.parse::<u64>().ok());
  let seeds = match first {
    Some(seed) => seed..seed + 1,
    None => 0..100_000,
  };
  for seed in seeds {
    let schedule = std::panic::AssertUnwindSafe(|| {
      let mut dice = Rng::with_seed(seed);
      let mut world = World::new(now);
      for _ in 0..dice.u8(3..14) {
        world.anything(&mut dice, false);
        if dice.bool() {
          world.round(&mut dice);
        }
      }
      world.settle(&mut dice);
    });
    if let Err(broken) = std::panic::catch_unwind(schedule) {
      eprintln!("JOURNAL_SEED={seed}");
      std::panic::resume_unwind(broken);
    }
  }
}

const KEY: BackgroundFetchKey = BackgroundFetchKey(1);
const OTHER: BackgroundFetchKey = BackgroundFetchKey(2);

fn journal() -> Journal {
  Journal::new(CheckpointPolicy {
    bytes: BYTES,
    interval: INTERVAL,
  })
}

fn body(number: u128) -> BodyId {
  BodyId(Uuid::from_u128(number))
}

fn progress(more: u64) -> Progress {
  Progress {
    record: 0,
    extents: Extents::prefix_of(SMALL_BODY + more),
    more,
  }
}

fn flush(bodies: &[u128]) -> Next {
  Next::Sync(Bodies {
    flush: bodies.iter().copied().map(body).collect(),
    read: Vec::new(),
  })
}

fn commit(key: BackgroundFetchKey) -> Wanted {
  Wanted::Changes {
    key,
    changes: vec![Change::Aborted { key }],
    is_kept: false,
  }
}

fn settled(key: BackgroundFetchKey) -> Change {
  Change::Settled {
    key,
    result: crate::spec::BackgroundFetchResult::Success,
    failure_reason: crate::spec::BackgroundFetchFailureReason::None,
  }
}

fn result(key: BackgroundFetchKey) -> Wanted {
  Wanted::Changes {
    key,
    changes: vec![settled(key)],
    is_kept: false,
  }
}

fn end(key: BackgroundFetchKey) -> Wanted {
  Wanted::Changes {
    key,
    changes: vec![Change::Forgotten { key }],
    is_kept: false,
  }
}

/// Carries a round out that is due, if one is, and returns how many callers it
/// answers.
fn written(journal: &mut Journal, now: Instant) -> Option<usize> {
  let Next::Sync(_) = journal.next(now) else {
    return None;
  };
  let Synced::Write(groups) = journal.synced(Ok(HashMap::new()), now) else {
    panic!("nothing has failed");
  };
  let outcomes = vec![GroupOutcome::default(); groups.len()];
  Some(journal.written(Ok(outcomes), now).len())
}

/// Law 8.
#[test]
fn a_commit_flushes_no_bytes_of_others_and_a_checkpoint_does() {
  let (mut journal, now) = (journal(), Instant::now());
  journal.record_progress(OTHER, body(2), progress(10), now);
  journal.record_progress(KEY, body(1), progress(10), now);
  let ticket = journal.draw(commit(KEY), now);
  assert_eq!(journal.next(now), flush(&[1]));
  let Synced::Write(groups) = journal.synced(Ok(HashMap::new()), now) else {
    panic!("nothing has failed");
  };
  assert_eq!(groups.len(), 1);
  let answers = journal.written(Ok(vec![GroupOutcome::default()]), now);
  assert!(matches!(*answers, [(it, Ok(None))] if it == ticket));
  assert_eq!(journal.next(now), Next::Wait(Some(now + INTERVAL)));
  let later = now + INTERVAL;
  assert_eq!(journal.next(later), flush(&[2]));
}

fn small(more: u64) -> Progress {
  Progress {
    extents: Extents::prefix_of(more),
    ..progress(more)
  }
}

/// What a round writes of the bytes of bodies.
fn written_bytes(groups: &[Group]) -> Vec<Option<&Bytes>> {
  let changes = groups.iter().flatten().flat_map(|write| match write {
    Write::Changes(changes) => changes.as_slice(),
    Write::Insert(_) => &[],
  });
  let bytes = changes.filter_map(|change| match change {
    Change::Stored { bytes, .. } => Some(bytes.as_ref()),
    _ => None,
  });
  bytes.collect()
}

#[test]
fn small_bodies_are_written_with_their_facts_and_others_are_flushed() {
  let (mut journal, now) = (journal(), Instant::now());
  let mut gap = Extents::prefix_of(10);
  gap.add(20..30);
  let with_gap = Progress {
    extents: gap,
    ..small(20)
  };
  let progress = [small(10), small(SMALL_BODY + 1), with_gap];
  for (number, progress) in (1..).zip(progress) {
    journal.record_progress(KEY, body(number), progress, now);
  }
  journal.draw(commit(KEY), now);
  let Next::Sync(bodies) = journal.next(now) else {
    panic!("a caller waits");
  };
  assert_eq!(bodies.read, [(body(1), 10)]);
  assert_eq!(bodies.flush, [2, 3].map(body));
  let bytes = Bytes::from_static(b"0123456789");
  let read = HashMap::from([(body(1), bytes.clone())]);
  let Synced::Write(groups) = journal.synced(Ok(read), now) else {
    panic!("nothing has failed");
  };
  assert_eq!(written_bytes(&groups), [Some(&bytes), None, None]);
}

/// Its callers do not hear of it, whatever they wait for.
#[test]
fn where_the_database_is_full_small_bodies_are_flushed() {
  let (mut journal, now) = (journal(), Instant::now());
  journal.record_progress(KEY, body(1), small(10), now);
  let tickets = [
    journal.draw(commit(KEY), now),
    journal.draw(Wanted::Flush, now),
  ];
  let Next::Sync(bodies) = journal.next(now) else {
    panic!("callers wait");
  };
  assert_eq!(bodies.read, [(body(1), 10)]);
  let read = HashMap::from([(body(1), Bytes::from_static(b"0123456789"))]);
  journal.synced(Ok(read), now);
  let outcome = GroupOutcome {
    key: None,
    refused: Some((0, full())),
  };
  assert!(journal.written(Ok(vec![outcome]), now).is_empty());
  assert_eq!(journal.next(now), flush(&[1]));
  journal.synced(Ok(HashMap::new()), now);
  let answers = journal.written(Ok(vec![GroupOutcome::default()]), now);
  let answered: Vec<Ticket> = answers.iter().map(|(it, _)| *it).collect();
  assert_eq!(answered, tickets);
  assert!(answers.iter().all(|(_, answer)| answer.is_ok()));
  // Nor is it tried again at once.
  for (later, has_space) in [(now, false), (now + MAX_BACKOFF, true)] {
    journal.record_progress(KEY, body(2), small(10), later);
    journal.draw(commit(KEY), now);
    let Next::Sync(bodies) = journal.next(later) else {
      panic!("a caller waits");
    };
    assert_eq!(bodies.flush.is_empty(), has_space);
    journal.synced(Ok(HashMap::new()), later);
    journal.written(Ok(vec![GroupOutcome::default()]), later);
  }
}

#[test]
fn a_round_takes_only_so_many_bytes_along() {
  let (mut journal, now) = (journal(), Instant::now());
  for number in 0..100 {
    journal.record_progress(KEY, body(number), small(SMALL_BODY), now);
  }
  let Next::Sync(bodies) = journal.next(now) else {
    panic!("so many bytes do not wait");
  };
  assert_eq!((bodies.read.len(), bodies.flush.len()), (64, 36));
}

#[test]
fn many_bytes_do_not_wait_for_the_interval() {
  let (mut journal, now) = (journal(), Instant::now());
  journal.record_progress(KEY, body(1), progress(BYTES - 1), now);
  assert_eq!(journal.next(now), Next::Wait(Some(now + INTERVAL)));
  journal.record_progress(KEY, body(1), progress(1), now);
  assert_eq!(journal.next(now), flush(&[1]));
}

#[test]
fn a_hundred_callers_share_a_round() {
  let (mut journal, now) = (journal(), Instant::now());
  for key in 0..100 {
    journal.draw(commit(BackgroundFetchKey(key)), now);
  }
  assert_eq!(journal.next(now), flush(&[]));
  let Synced::Write(groups) = journal.synced(Ok(HashMap::new()), now) else {
    panic!("nothing has failed");
  };
  let outcomes = vec![GroupOutcome::default(); groups.len()];
  assert_eq!(journal.written(Ok(outcomes), now).len(), 100);
  assert_eq!(journal.next(now), Next::Wait(None));
}

/// A result that was worked out before bytes were lost is not the result,
/// whether it is in the round or has come while that was under way.
#[test]
fn a_result_is_asked_for_again_when_bytes_are_lost() {
  for is_in_round in [true, false] {
    let (mut journal, now) = (journal(), Instant::now());
    journal.record_progress(KEY, body(1), progress(10), now);
    let draw = |journal: &mut Journal| journal.draw(result(KEY), now);
    let before = is_in_round.then(|| draw(&mut journal));
    let other = journal.draw(Wanted::Flush, now);
    assert_eq!(journal.next(now), flush(&[1]));
    let settled = before.unwrap_or_else(|| draw(&mut journal));
    let lost = StoreError::Unsynced {
      bodies: vec![body(1)],
      source: Box::new(full()),
    };
    let Synced::Lost { records, answers } = journal.synced(Err(lost), now)
    else {
      panic!("bytes are lost");
    };
    assert_eq!(records, [(KEY, 0)]);
    assert!(matches!(*answers, [(it, Err(_))] if it == settled));
    // The other one waits for what comes of that.
    assert_eq!(journal.next(now), flush(&[]));
    let Synced::Write(groups) = journal.synced(Ok(HashMap::new()), now) else {
      panic!("nothing has failed");
    };
    assert!(groups.iter().flatten().next().is_none(), "{groups:?}");
    let outcomes = vec![GroupOutcome::default(); groups.len()];
    let answers = journal.written(Ok(outcomes), now);
    assert!(matches!(*answers, [(it, Ok(None))] if it == other));
  }
}

const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn one_background_fetch_alone_waits_for_nothing() {
  let (mut journal, mut now) = (journal(), Instant::now());
  let response = Change::Response {
    key: KEY,
    record: 0,
    response: None,
    body: Some(body(1)),
  };
  journal.enqueue_urgent(response, now);
  assert_eq!(written(&mut journal, now), Some(0));
  for wanted in [result(KEY), end(KEY)] {
    now += MOMENT;
    journal.draw(wanted, now);
    assert_eq!(written(&mut journal, now), Some(1));
  }
}

#[test]
fn results_that_come_one_after_the_other_share_rounds() {
  let (mut journal, mut now) = (journal(), Instant::now());
  let mut answered = Vec::new();
  for key in 0..200 {
    journal.draw(result(BackgroundFetchKey(key)), now);
    answered.extend(written(&mut journal, now));
    now += MOMENT / 4;
  }
  // The last ones wait for no more than a moment.
  let Next::Wait(Some(then)) = journal.next(now) else {
    panic!("some wait");
  };
  assert!(then < now + 10 * MOMENT);
  answered.extend(written(&mut journal, then));
  assert_eq!(answered, [1, MANY, 99]);
  assert_eq!(journal.next(then), Next::Wait(None));
}

#[test]
fn a_stream_of_results_waits_no_longer_than_that() {
  let (mut journal, mut now) = (journal(), Instant::now());
  let begun = now;
  let mut rounds = 0;
  for key in 0..90 {
    journal.draw(result(BackgroundFetchKey(key)), now);
    rounds += usize::from(written(&mut journal, now).is_some());
    now += 2 * MOMENT;
  }
  assert_eq!(rounds, 1 + ((now - begun).as_millis() / 52) as usize);
}

fn registration(turn: Option<TurnId>) -> Wanted {
  let mut row = row(body(1));
  row.bodies.clear();
  Wanted::Insert(Box::new(row), turn)
}

const TURN: Option<TurnId> = Some(TurnId(1));

/// The first one begins a round; the others gather, and wait for no more when
/// the turn ends.
#[test]
fn what_a_script_registers_in_one_turn_shares_rounds() {
  for step in [MOMENT / 10, MOMENT] {
    let (mut journal, mut now) = (journal(), Instant::now());
    let mut answered = Vec::new();
    journal.begin_turn(TurnId(1));
    for _ in 0..200 {
      journal.draw(registration(TURN), now);
      answered.extend(written(&mut journal, now));
      now += step;
    }
    journal.end_turn(TurnId(1));
    answered.extend(written(&mut journal, now));
    let longest = (LONGEST.as_micros() / step.as_micros()) as usize + 1;
    let share = turns::MANY.min(longest);
    assert_eq!(answered[..4], [1, share, share, share]);
    assert!(answered.len() <= 10, "{answered:?}");
    assert_eq!(answered.iter().sum::<usize>(), 200);
  }
}

#[test]
fn a_script_that_registers_one_after_the_other_waits_for_nothing() {
  let (mut journal, mut now) = (journal(), Instant::now());
  for _ in 0..10 {
    journal.begin_turn(TurnId(1));
    journal.draw(registration(TURN), now);
    assert_eq!(written(&mut journal, now), Some(1));
    journal.end_turn(TurnId(1));
    now += MOMENT / 10;
  }
}

/// One who is answered while its script is busy all the same.
#[test]
fn who_waits_for_a_turn_waits_no_longer_than_that() {
  let (mut journal, now) = (journal(), Instant::now());
  journal.begin_turn(TurnId(1));
  journal.draw(registration(TURN), now);
  assert_eq!(written(&mut journal, now), Some(1));
  journal.draw(registration(TURN), now);
  assert_eq!(journal.next(now), Next::Wait(Some(now + LONGEST)));
  // Another script's is not held up, and takes it along.
  journal.begin_turn(TurnId(2));
  journal.draw(registration(Some(TurnId(2))), now);
  assert_eq!(written(&mut journal, now), Some(2));
}

/// It was held up in the edit queue, say.
#[test]
fn what_comes_after_its_turn_waits_for_nothing() {
  let (mut journal, now) = (journal(), Instant::now());
  journal.begin_turn(TurnId(1));
  journal.end_turn(TurnId(1));
  for _ in 0..2 {
    journal.draw(registration(TURN), now);
    assert_eq!(written(&mut journal, now), Some(1));
  }
}

/// A registration, an abort, or who wants all that there is.
#[test]
fn who_waits_takes_results_along() {
  for wanted in [commit(KEY), Wanted::Flush, registration(TURN)] {
    let (mut journal, now) = (journal(), Instant::now());
    journal.draw(result(OTHER), now);
    assert_eq!(written(&mut journal, now), Some(1));
    journal.draw(result(KEY), now);
    assert_eq!(written(&mut journal, now), None);
    journal.draw(wanted, now);
    assert_eq!(written(&mut journal, now), Some(2));
  }
}
