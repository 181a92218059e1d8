//! Histories by seed, and those that once showed a defect.

use std::path::Path;
use std::thread;

use sim::Plan;
use sim::run;

/// Each is run twice.
const SEEDS: u64 = 2_000;

/// Whatever happens to an engine, it keeps its promises; and the same seed is
/// the same history, so that what fails can be looked at.
#[test]
fn every_promise_is_kept_in_every_history_and_each_can_be_repeated() {
  let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
  thread::scope(|scope| {
    let of_threads: Vec<_> = (0..threads)
      .map(|thread| {
        let seeds = (thread..SEEDS).step_by(threads as usize);
        scope.spawn(move || seeds.flat_map(failures).collect::<Vec<_>>())
      })
      .collect();
    let all = of_threads.into_iter().map(|thread| thread.join().unwrap());
    let all: Vec<String> = all.flatten().collect();
    assert!(
      all.is_empty(),
      "{}\n(cargo run -p sim -- --seed N shows a history, with --shrink a \
       shorter one)",
      all.join("\n")
    );
  });
}

fn failures(seed: u64) -> Vec<String> {
  let plan = Plan::new(seed);
  let history = run(&plan, false);
  let mut all = history.broken;
  if run(&plan, false).hash != history.hash {
    all.push("it is another history each time".into());
  }
  let named = all.into_iter().map(|what| format!("seed {seed}: {what}"));
  named.collect()
}

/// Each file in `regressions` is a plan, as short as it could be made, whose
/// history once broke a promise; its name says how.
#[test]
fn what_was_mended_stays_mended() {
  let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
  let mut broken = Vec::new();
  let mut count = 0;
  for entry in std::fs::read_dir(folder).unwrap() {
    let file = entry.unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    let plan: Plan = serde_json::from_str(&text).unwrap();
    let history = run(&plan, false);
    count += 1;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let named = history.broken.iter().map(|b| format!("{name}: {b}"));
    broken.extend(named);
  }
  assert!(count > 0);
  assert!(broken.is_empty(), "{}", broken.join("\n"));
}
