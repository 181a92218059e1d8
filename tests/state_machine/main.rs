//! *Perform a background fetch* and *complete a record* under random schedules:
//! whatever comes in whatever order, the laws in `world.rs` hold, and a run
//! that is not disturbed any more settles.
//!
//! A failure prints the shortest schedule that shows it and is remembered in
//! `regressions.txt`, which is tried first from then on. `PROPTEST_CASES` and
//! `PROPTEST_RNG_SEED` make a longer or another search.

mod dice;
mod engine;
mod model;
mod server;
mod world;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use proptest::test_runner::RngSeed;

use self::dice::Dice;
use self::world::World;

/// How many moves a run may need when nothing is in its way.
const FAIR_MOVES: usize = 1_000;

fn config(cases: u32) -> ProptestConfig {
  let default = ProptestConfig::default();
  let asked_for = |name| std::env::var_os(name).is_some();
  ProptestConfig {
    cases: if asked_for("PROPTEST_CASES") {
      default.cases
    } else {
      cases
    },
    rng_seed: if asked_for("PROPTEST_RNG_SEED") {
      default.rng_seed
    } else {
      // The same search every time: a change that breaks nothing never turns
      // red.
      RngSeed::Fixed(1)
    },
    failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
      concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/state_machine/regressions.txt"
      ),
    ))),
    max_shrink_iters: 20_000,
    ..default
  }
}

/// What may happen besides the transfers themselves.
#[derive(Clone, Copy)]
struct Disturbances {
  pause: bool,
  abort: bool,
  restart: bool,
}

fn run(setup: u64, moves: &[u64], may: Disturbances) {
  let mut world = World::new(&mut Dice(setup));
  for &number in moves {
    let mut dice = Dice(number);
    let record = dice.roll(world.models.len() as u64) as usize;
    match dice.roll(64) {
      0..40 => world.advance(record, &mut dice),
      40..44 => world.poke(record, &mut dice),
      44 | 45 => world.settle(),
      46 => world.models[record].resource.change(&mut dice),
      47 if dice.roll(8) == 7 => world.lose_bytes(record),
      48..52 if may.pause => world.pause(),
      52..56 if may.pause => world.unpause(),
      56 if may.abort && dice.roll(4) == 3 => world.abort(),
      57 | 58 if may.restart => world.restart(&mut dice),
      _ => world.advance(record, &mut dice),
    }
  }
  world.unpause();
  for _ in 0..FAIR_MOVES {
    if world.settle_asked {
      break;
    }
    for record in 0..world.models.len() {
      world.advance_fairly(record);
    }
  }
  assert!(world.settle_asked, "it never comes to an end");
  world.settle();
  // The last bytes of the tasks that are still there come late.
  for record in 0..world.models.len() {
    while !world.models[record].tasks.is_empty() {
      world.advance_fairly(record);
    }
    world.poke(record, &mut Dice(setup));
  }
}

fn schedule() -> impl Strategy<Value = (u64, Vec<u64>)> {
  (any::<u64>(), proptest::collection::vec(any::<u64>(), 0..48))
}

proptest! {
  #![proptest_config(config(40_000))]

  #[test]
  fn transfers_alone_obey_the_laws((setup, moves) in schedule()) {
    let may = Disturbances { pause: false, abort: false, restart: false };
    run(setup, &moves, may);
  }
}

proptest! {
  #![proptest_config(config(40_000))]

  #[test]
  fn pauses_and_aborts_obey_the_laws((setup, moves) in schedule()) {
    run(setup, &moves, Disturbances { pause: true, abort: true, restart: false });
  }
}

proptest! {
  #![proptest_config(config(40_000))]

  #[test]
  fn restarts_obey_the_laws((setup, moves) in schedule()) {
    run(setup, &moves, Disturbances { pause: true, abort: true, restart: true });
  }
}
