//! A whole engine in virtual time: its network, disk, rows, service workers,
//! users, crashes and power failures, all by one seed, in one thread.
//!
//! A [`Plan`] says what happens to it. [`run`] lets it happen, process after
//! process, then lets everything go well, and looks whether each promise of
//! `docs/durability.md` was kept. The same plan gives the same history.

mod dice;
mod disk;
mod life;
mod plan;
mod promises;
mod rows;
mod server;
mod workers;
mod world;

use std::cell::RefCell;
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Once;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use self::life::End;
use self::plan::How;
pub use self::plan::Plan;
use self::world::World;

/// What came of a history.
#[derive(Debug)]
pub struct History {
  /// Of everything that happened, in order.
  pub hash: u64,
  /// The promises that were not kept; empty for a good history.
  pub broken: Vec<String>,
  /// Line by line, when it was asked for.
  pub lines: Vec<String>,
  /// In virtual milliseconds.
  pub length: u64,
  /// How many processes there were.
  pub processes: usize,
}

/// A process that does not come up again and again is not going to.
const MAX_LIVES: usize = 40;

/// Of real time; a history takes some hundredths of a second.
const MAX_TIME: Duration = Duration::from_secs(120);

/// Lets `plan` happen. `keep` keeps the record of it.
///
/// A history that does not come to its end ends the process, and prints the
/// plan.
pub fn run(plan: &Plan, keep: bool) -> History {
  let (history, ended) = mpsc::channel::<()>();
  let watched = plan.clone();
  std::thread::spawn(move || {
    if ended.recv_timeout(MAX_TIME) == Err(RecvTimeoutError::Timeout) {
      end_process(&watched);
    }
  });
  let ended = run_to_end(plan, keep);
  drop(history);
  ended
}

/// The engine turns in a circle, and virtual time stands still: nothing in the
/// history's own thread could say so.
fn end_process(plan: &Plan) -> ! {
  let plan = serde_json::to_string_pretty(plan).expect("a plan is JSON");
  // Not by a macro: a test would keep what it prints to itself.
  let _ = writeln!(
    std::io::stderr(),
    "the history of this plan has not ended after {} s:\n{plan}",
    MAX_TIME.as_secs()
  );
  std::process::exit(1);
}

fn run_to_end(plan: &Plan, keep: bool) -> History {
  note_panics();
  let world = World::new(plan, keep);
  let plan = Arc::new(plan.clone());
  let mut deaths = plan.deaths.iter();
  let mut next = 0;
  let mut processes = 0;
  let outcome = catch_unwind(AssertUnwindSafe(|| {
    loop {
      processes += 1;
      let death = deaths.next().cloned();
      let down = death.as_ref().map_or(1, |death| death.down);
      match process(&world, &plan, death, &mut next) {
        End::Finished => break,
        End::Died(how) => world.end_life(how, down),
      }
      if processes > MAX_LIVES {
        world.state().promises.broken.push("too many lives".into());
        break;
      }
    }
  }));
  let mut state = world.state();
  if outcome.is_err() {
    state.promises.broken.push("the process panicked".into());
  }
  for panic in PANICS.take() {
    state.promises.broken.push(panic);
  }
  History {
    hash: state.trace.hash(),
    broken: std::mem::take(&mut state.promises.broken),
    lines: state.trace.take_lines(),
    length: state.now().as_millis() as u64,
    processes,
  }
}

/// One process, with a runtime of its own that goes with it.
fn process(
  world: &World,
  plan: &Arc<Plan>,
  death: Option<plan::Death>,
  next: &mut usize,
) -> End {
  let tokio = tokio::runtime::Builder::new_current_thread()
    .enable_time()
    .start_paused(true)
    .build()
    .expect("a runtime");
  let end = tokio.block_on(async {
    world.begin_life(death);
    let end = life::live(world, plan, next).await;
    // What is dropped from here on does nothing any more.
    world.stop(match end {
      End::Died(how) => how,
      End::Finished => How::Killed,
    });
    end
  });
  drop(tokio);
  end
}

/// The shortest plan that still breaks a promise, as far as pieces can be left
/// out one by one.
pub fn shrink(plan: &Plan) -> Plan {
  let mut shortest = plan.clone();
  'again: loop {
    for shorter in shortest.shorter() {
      if !run(&shorter, false).broken.is_empty() {
        shortest = shorter;
        continue 'again;
      }
    }
    return shortest;
  }
}

thread_local! {
  static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A panic of a task is a broken promise, and not a word on the screen.
fn note_panics() {
  static ONCE: Once = Once::new();
  ONCE.call_once(|| {
    std::panic::set_hook(Box::new(|panic| {
      PANICS.with_borrow_mut(|panics| panics.push(panic.to_string()));
    }));
  });
}
