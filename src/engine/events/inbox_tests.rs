//! The laws of an inbox, on every schedule:
//!
//! 1. Messages are delivered once each, in the order in which they came.
//! 2. A message is delivered after every update that came before it: what has
//!    changed by then was delivered in that state, or in a later one.
//! 3. No update is lost: of each thing that has changed, the last state is
//!    delivered.
//! 4. Nothing is delivered that has not changed since it was delivered last.
//! 5. Progress alone is delivered no more often than every
//!    [`PROGRESS_INTERVAL`], and a message or an urgent update is never held
//!    back.
//! 6. A reader that looks only when it is woken, or at the time it was given,
//!    gets all of that.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tokio::time::Duration;
use tokio::time::Instant;

use super::inbox::Inbox;
use super::inbox::Next;
use super::inbox::PROGRESS_INTERVAL;

type Key = u8;
/// Of what, and how often it had changed by then.
type Update = (Key, u32);
type Message = u32;

#[derive(Clone, Debug)]
enum Step {
  Change { key: Key, is_urgent: bool },
  Message,
  Pass(Duration),
  Read { as_one: bool },
}

fn step() -> impl Strategy<Value = Step> {
  prop_oneof![
    4 => (0..4_u8, proptest::bool::weighted(0.2))
      .prop_map(|(key, is_urgent)| Step::Change { key, is_urgent }),
    1 => Just(Step::Message),
    2 => (0..80_u64).prop_map(|ms| Step::Pass(Duration::from_millis(ms))),
    3 => any::<bool>().prop_map(|as_one| Step::Read { as_one }),
  ]
}

/// An inbox with its reader, and what has to be true of them.
struct World {
  inbox: Inbox<Key, Update, Message>,
  now: Instant,
  /// The reader looks now, or at this time.
  is_woken: bool,
  looks_at: Option<Instant>,
  changes: BTreeMap<Key, u32>,
  delivered: BTreeMap<Key, u32>,
  sent: Message,
  received: Message,
  /// What had changed when each message was sent.
  before: Vec<BTreeMap<Key, u32>>,
  urgent: BTreeMap<Key, u32>,
  /// When an update was last delivered.
  last_progress: Option<Instant>,
}

impl World {
  fn new() -> Self {
    Self {
      inbox: Inbox::default(),
      now: Instant::now(),
      is_woken: false,
      looks_at: None,
      changes: BTreeMap::new(),
      delivered: BTreeMap::new(),
      sent: 0,
      received: 0,
      before: Vec::new(),
      urgent: BTreeMap::new(),
      last_progress: None,
    }
  }

  fn step(&mut self, step: &Step) {
    match *step {
      Step::Change { key, is_urgent } => {
        let change = self.changes.entry(key).or_default();
        *change += 1;
        let update = (key, *change);
        if is_urgent {
          self.urgent.insert(key, *change);
        }
        self.is_woken |= self.inbox.push_update(key, update, is_urgent);
      }
      Step::Message => {
        self.sent += 1;
        self.before.push(self.changes.clone());
        self.inbox.push_message(self.sent);
        self.is_woken = true;
      }
      Step::Pass(time) => self.now += time,
      Step::Read { as_one } => self.look(as_one),
    }
  }

  /// Whether something waits that must not.
  fn has_urgent(&self) -> bool {
    let is_due = |(key, change): (&Key, &u32)| {
      self.delivered.get(key).is_none_or(|seen| seen < change)
    };
    self.received < self.sent || self.urgent.iter().any(is_due)
  }

  /// The reader looks, if it has a reason to, until there is nothing.
  fn look(&mut self, as_one: bool) {
    let is_time = self.looks_at.is_some_and(|time| time <= self.now);
    if !self.is_woken && !is_time {
      return;
    }
    self.is_woken = false;
    self.looks_at = None;
    let was_urgent = self.has_urgent();
    let mut has_progressed = false;
    loop {
      match self.inbox.next(self.now) {
        Next::Update(update) => {
          has_progressed = true;
          self.update(update);
          if as_one {
            for update in self.inbox.more_updates(self.now) {
              self.update(update);
            }
          }
        }
        Next::Message(message) => self.message(message),
        Next::NotBefore(time) => {
          assert!(!self.has_urgent(), "held back: law 5");
          assert!(time > self.now);
          assert!(time <= self.now + PROGRESS_INTERVAL);
          self.looks_at = Some(time);
          break;
        }
        Next::Nothing => {
          assert_eq!(self.delivered, self.changes, "law 3");
          break;
        }
      }
    }
    assert!(!self.has_urgent(), "held back: law 5");
    if has_progressed {
      let is_early = |last: Instant| self.now < last + PROGRESS_INTERVAL;
      assert!(
        was_urgent || !self.last_progress.is_some_and(is_early),
        "law 5"
      );
      self.last_progress = Some(self.now);
    }
  }

  fn update(&mut self, (key, change): Update) {
    let before = self.delivered.insert(key, change);
    assert!(before < Some(change), "law 4");
    assert_eq!(Some(&change), self.changes.get(&key), "law 3");
  }

  fn message(&mut self, message: Message) {
    self.received += 1;
    assert_eq!(message, self.received, "law 1");
    for (key, change) in &self.before[message as usize - 1] {
      assert!(self.delivered.get(key) >= Some(change), "law 2");
    }
  }

  /// Law 6: the reader does not need to be reminded.
  fn finish(&mut self) {
    self.look(false);
    while let Some(time) = self.looks_at {
      self.now = self.now.max(time);
      self.look(false);
    }
    assert_eq!(self.delivered, self.changes, "laws 3 and 6");
    assert_eq!(self.received, self.sent, "laws 1 and 6");
  }
}

proptest! {
  #![proptest_config(ProptestConfig::with_cases(10_000))]

  #[test]
  fn the_laws_hold_on_every_schedule(
    steps in proptest::collection::vec(step(), 0..40),
  ) {
    let mut world = World::new();
    for step in &steps {
      world.step(step);
    }
    world.finish();
  }
}

#[test]
fn an_update_that_came_before_a_message_is_not_held_back() {
  let now = Instant::now();
  let mut inbox = Inbox::default();
  assert!(inbox.push_update("a", 1, false));
  assert_eq!(inbox.next(now), Next::Update(1));
  // Progress that follows waits for its time.
  assert!(inbox.push_update("a", 2, false));
  assert_eq!(inbox.next(now), Next::NotBefore(now + PROGRESS_INTERVAL));
  inbox.push_message("m");
  assert!(!inbox.push_update("b", 3, false));
  assert_eq!(inbox.next(now), Next::Update(2));
  assert!(inbox.more_updates(now).is_empty());
  assert_eq!(inbox.next(now), Next::Message("m"));
}
