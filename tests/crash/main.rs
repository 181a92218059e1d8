//! Kills the program (SIGKILL) at any moment of its life, starts it again, and
//! looks whether anything was lost.
//!
//! `CRASH_KILLS` says how many times (default 40), `CRASH_SEED` where the
//! dice begin; `scripts/soak.sh` makes a long run of it.

mod child;
mod life;
mod moment;
mod resources;
mod verdict;

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use self::life::Life;
use self::life::Tally;

/// How many stores are worked on at once.
const AT_ONCE: usize = 2;

fn variable(name: &str, default: u64) -> u64 {
  match std::env::var(name) {
    Ok(text) => text.parse().unwrap(),
    Err(_) => default,
  }
}

#[test]
fn nothing_is_lost_however_often_it_is_killed() {
  let kills = variable("CRASH_KILLS", 40);
  let next = AtomicU64::new(variable("CRASH_SEED", 1));
  let tally = Mutex::new(Tally::default());
  std::thread::scope(|scope| {
    for _ in 0..AT_ONCE {
      scope.spawn(|| {
        while tally.lock().unwrap().kills < kills {
          let seed = next.fetch_add(1, Ordering::Relaxed);
          // Named when it fails.
          eprintln!("seed {seed}");
          let more = match seed % 4 {
            0 => Life::of_get(seed),
            1 => Life::of_page(seed),
            _ => Life::of_script(seed),
          };
          tally.lock().unwrap().add(more);
        }
      });
    }
  });
  let t = tally.into_inner().unwrap();
  println!(
    "stores: {}, kills: {}, faults: {}, bytes verified: {}, events: {}, \
     lost: 0",
    t.lives, t.kills, t.faults, t.bytes, t.events
  );
  println!("killed while:");
  for (moment, kills) in t.moments {
    println!("  {kills:5} {moment}");
  }
}
