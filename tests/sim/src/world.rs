//! What outlives the processes of a history: time, chance, the disk, the rows,
//! the servers, what was promised, and the record of what has happened.

use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use background_fetch::platform::Platform;
use background_fetch::store::BackgroundFetchKey;
use parking_lot::Mutex;
use parking_lot::MutexGuard;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::disk::DiskState;
use crate::plan::Death;
use crate::plan::Handler;
use crate::plan::How;
use crate::plan::Moment;
use crate::plan::Plan;
use crate::promises::Promises;
use crate::rows::RowsState;
use crate::server::ServerState;

/// The world, shared by everything in it.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
  state: Mutex<State>,
  died: Notify,
}

pub struct State {
  pub dice: Dice,
  pub trace: Trace,
  pub disk: DiskState,
  pub rows: RowsState,
  pub server: ServerState,
  pub promises: Promises,
  /// What the handlers of events do, the next one last.
  pub handlers: Vec<Handler>,
  /// How much the clock on the wall differs from the true time, in seconds.
  clock: i64,
  /// When this process began, in true time and by tokio's clock.
  begun: Option<(Duration, Instant)>,
  now: Duration,
  /// How many processes there have been.
  life: u32,
  death: Option<Death>,
  /// What counts towards a death.
  disk_calls: u64,
  commits: u64,
  requests: u64,
  events: u64,
  dead: Option<How>,
  /// Nothing goes wrong any more.
  pub calm: bool,
}

/// The time at which every history begins.
const BEGINNING: Duration = Duration::from_secs(1_790_000_000);

impl World {
  pub fn new(plan: &Plan, keep: bool) -> Self {
    let state = State {
      dice: Dice::new(plan.noise),
      trace: Trace::new(keep),
      disk: DiskState::default(),
      rows: RowsState::default(),
      server: ServerState::new(plan),
      promises: Promises::new(plan),
      handlers: plan.handlers.iter().rev().copied().collect(),
      clock: 0,
      begun: None,
      now: Duration::ZERO,
      life: 0,
      death: None,
      disk_calls: 0,
      commits: 0,
      requests: 0,
      events: 0,
      dead: Some(How::Shutdown),
      calm: false,
    };
    Self(Arc::new(Inner {
      state: Mutex::new(state),
      died: Notify::new(),
    }))
  }

  pub fn state(&self) -> MutexGuard<'_, State> {
    let mut state = self.0.state.lock();
    state.tick();
    state
  }

  /// A process begins, which is going to die of `death`.
  pub fn begin_life(&self, death: Option<Death>) {
    let mut state = self.0.state.lock();
    state.life += 1;
    state.begun = Some((state.now, Instant::now()));
    (state.disk_calls, state.commits) = (0, 0);
    (state.requests, state.events) = (0, 0);
    state.dead = None;
    let text = format!("process {} begins, {death:?}", state.life);
    state.death = death;
    state.say(&text);
  }

  /// The process does nothing any more, and no time passes for it. Its runtime
  /// is still there, and so is the clock.
  pub fn stop(&self, how: How) {
    let mut state = self.state();
    let State { trace, now, .. } = &mut *state;
    trace.write(*now, &format!("it is gone: {how:?}"));
    state.dead = Some(how);
    state.begun = None;
  }

  /// No process runs for a while.
  pub fn end_life(&self, how: How, down: u64) {
    let mut state = self.state();
    state.now += Duration::from_millis(down);
    let State { disk, dice, .. } = &mut *state;
    disk.process_ended(how, dice);
    state.expect_bytes(how);
  }

  /// Waits until the process has to die.
  pub async fn died(&self) -> How {
    loop {
      let died = self.0.died.notified();
      if let Some(how) = self.state().dead {
        return how;
      }
      died.await;
    }
  }

  /// The death that comes by time, if this one does.
  pub async fn dies_in_time(&self) {
    let death = self.state().death.clone();
    match death {
      Some(Death {
        when: Moment::After(after),
        how: how @ (How::Killed | How::PowerFailure),
        ..
      }) => {
        tokio::time::sleep(Duration::from_millis(after)).await;
        self.kill(how);
      }
      _ => std::future::pending().await,
    }
  }

  /// The end in good order, if this process has one.
  pub async fn leaves_in_time(&self) {
    let death = self.state().death.clone();
    match death {
      Some(Death {
        when: Moment::After(after),
        how: How::Shutdown,
        ..
      }) => tokio::time::sleep(Duration::from_millis(after)).await,
      _ => std::future::pending().await,
    }
  }

  /// The process ends now. What it does from here on is not seen.
  pub fn kill(&self, how: How) {
    self.state().dead = Some(how);
    self.0.died.notify_one();
  }

  /// Something happened that may be what the process dies of. Returns whether
  /// it has, and whether what happens is done all the same.
  pub fn may_die(&self, what: Step) -> Fate {
    let mut state = self.state();
    if state.dead.is_some() {
      return Fate::DeadBefore;
    }
    let counter = match what {
      Step::DiskCall => &mut state.disk_calls,
      Step::Commit => &mut state.commits,
      Step::Request => &mut state.requests,
      Step::Event => &mut state.events,
    };
    let count = *counter;
    *counter += 1;
    let Some(death) = &state.death else {
      return Fate::Lives;
    };
    let (is_it, done) = match (what, death.when) {
      (Step::DiskCall, Moment::DiskCall(n, done)) => (n == count, done),
      (Step::Commit, Moment::Commit(n, done)) => (n == count, done),
      (Step::Request, Moment::Request(n)) => (n == count, true),
      (Step::Event, Moment::Event(n)) => (n == count, true),
      _ => (false, false),
    };
    let how = death.how;
    if !is_it {
      return Fate::Lives;
    }
    state.say(&format!("it dies at {what:?} {count}, done: {done}"));
    state.dead = Some(how);
    drop(state);
    self.0.died.notify_one();
    match done {
      true => Fate::DiesAfter,
      false => Fate::DeadBefore,
    }
  }

  /// Whether this process still has a death before it.
  pub fn has_death(&self) -> bool {
    self.0.state.lock().death.is_some()
  }

  pub fn is_alive(&self) -> bool {
    self.0.state.lock().dead.is_none()
  }

  pub fn say(&self, text: &str) {
    self.state().say(text);
  }

  /// The requests whose URL has `part` in its path may be sent again.
  pub fn forget_uploads(&self, part: &str) {
    let mut state = self.state();
    state.server.uploads.retain(|path, _| !path.contains(part));
  }

  /// Whether an event is still to come.
  pub fn expect_event(&self, key: BackgroundFetchKey, is_expected: bool) {
    if let Some(promise) = self.state().promises.of(key) {
      promise.handled = !is_expected;
      promise.handled_here = false;
    }
  }

  /// Takes a random while, or none.
  pub async fn latency(&self, longest: u64) {
    let wait = {
      let mut state = self.state();
      match state.dice.one_in(3) {
        true => 0,
        false => state.dice.below(longest + 1),
      }
    };
    match wait {
      0 => tokio::task::yield_now().await,
      wait => tokio::time::sleep(Duration::from_millis(wait)).await,
    }
  }
}

/// What a process may die of.
#[derive(Clone, Copy, Debug)]
pub enum Step {
  DiskCall,
  Commit,
  Request,
  Event,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
  Lives,
  DiesAfter,
  /// It is not done any more.
  DeadBefore,
}

impl State {
  fn tick(&mut self) {
    if let Some((base, begun)) = self.begun {
      self.now = base + begun.elapsed();
    }
  }

  /// The true time since the beginning of the history.
  pub fn now(&self) -> Duration {
    self.now
  }

  /// The true time, which servers have.
  pub fn true_time(&self) -> SystemTime {
    UNIX_EPOCH + BEGINNING + self.now
  }

  /// The time by the clock on the wall.
  pub fn wall_time(&self) -> SystemTime {
    let clock = Duration::from_secs(self.clock.unsigned_abs());
    match self.clock < 0 {
      true => self.true_time() - clock,
      false => self.true_time() + clock,
    }
  }

  /// Where each record that is under way has to continue at least: behind all
  /// that was written; after a power failure, or when there may be gaps, all
  /// that a row speaks of.
  fn expect_bytes(&mut self, how: How) {
    self.promises.bytes.clear();
    // Until a process has looked at every body, and when it could not note
    // that, the next one trusts the rows alone.
    self.promises.tails_are_uncertain |= how == How::PowerFailure;
    let promises = &self.promises;
    let only_rows = promises.tails_are_uncertain
      || promises.disk_was_full
      || promises.has_gaps;
    for row in self.rows.durable().into_iter().filter(|row| row.active) {
      let records = row.background_fetch.records.iter().zip(&row.bodies);
      for (index, (record, bodies)) in records.enumerate() {
        let data = &record.response_data;
        let Some(body) = bodies.response.filter(|_| data.result.is_none())
        else {
          continue;
        };
        if bodies.sent {
          continue;
        }
        let bytes = match only_rows {
          true => data.extents.total(),
          false => self.disk.length(body).unwrap_or(0),
        };
        self.promises.bytes.push((row.key, index, bytes));
      }
    }
  }

  pub fn set_clock(&mut self, seconds: i64) {
    self.clock += seconds;
  }

  /// Writes a line, unless the process is dead: the order in which its parts
  /// are dropped does not matter.
  pub fn say(&mut self, text: &str) {
    if self.dead.is_none() {
      self.trace.write(self.now, text);
    }
  }

  /// From here on nothing goes wrong.
  pub fn calm_down(&mut self) {
    self.say("from here on nothing goes wrong");
    self.calm = true;
    self.death = None;
    self.handlers.clear();
    self.disk.calm_down();
    self.rows.calm_down();
    self.server.calm_down();
  }

  /// A promise is broken.
  pub fn broken(&mut self, what: String) {
    if self.dead.is_none() {
      self.say(&format!("BROKEN: {what}"));
      self.promises.broken.push(what);
    }
  }
}

impl Platform for World {
  fn now(&self) -> SystemTime {
    self.state().wall_time()
  }

  fn random(&self) -> u64 {
    self.state().dice.number()
  }
}

/// The record of what has happened, line by line.
pub struct Trace {
  lines: Option<Vec<String>>,
  hash: u64,
  count: u64,
}

impl Trace {
  fn new(keep: bool) -> Self {
    Self {
      lines: keep.then(Vec::new),
      // FNV-1a
      hash: 0xcbf2_9ce4_8422_2325,
      count: 0,
    }
  }

  fn write(&mut self, now: Duration, text: &str) {
    let millis = now.as_millis() as u64;
    for byte in millis.to_le_bytes().iter().chain(text.as_bytes()) {
      self.hash ^= u64::from(*byte);
      self.hash = self.hash.wrapping_mul(0x0100_0000_01b3);
    }
    self.count += 1;
    if let Some(lines) = &mut self.lines {
      lines.push(format!("{:>10.3} s  {text}", now.as_secs_f64()));
    }
  }

  pub fn hash(&self) -> u64 {
    self.hash
  }

  pub fn take_lines(&mut self) -> Vec<String> {
    self.lines.take().unwrap_or_default()
  }
}
