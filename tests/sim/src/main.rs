//! Runs histories: `cargo run -p sim -- --seeds 1000`, or one of them with
//! everything that happens in it: `--seed 7`.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use clap::Parser;
use sim::Plan;
use sim::run;
use sim::shrink;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Runs a whole engine in virtual time, by seed, and looks whether it keeps its
/// promises.
#[derive(Parser)]
struct Arguments {
  /// How many seeds.
  #[arg(long, default_value_t = 1_000)]
  seeds: u64,
  /// The first one.
  #[arg(long, default_value_t = 0)]
  from: u64,
  /// One seed only, with its history.
  #[arg(long, conflicts_with_all = ["seeds", "from"])]
  seed: Option<u64>,
  /// One plan only, from this file, with its history.
  #[arg(long, conflicts_with_all = ["seeds", "from", "seed"])]
  plan: Option<PathBuf>,
  /// Leaves pieces of the plan out as long as it fails.
  #[arg(long)]
  shrink: bool,
  /// Writes the plan to this file.
  #[arg(long)]
  save: Option<PathBuf>,
  /// Stops after so many failing seeds.
  #[arg(long, default_value_t = 10)]
  failures: usize,
  /// Runs each seed twice, and compares what happened.
  #[arg(long)]
  twice: bool,
}

fn main() {
  let arguments = Arguments::parse();
  // RUST_LOG=debug shows what the engine says beside the history.
  let filter = EnvFilter::builder()
    .with_default_directive(LevelFilter::OFF.into())
    .from_env_lossy();
  tracing_subscriber::fmt()
    .with_env_filter(filter)
    .without_time()
    .with_writer(std::io::stderr)
    .init();
  let plan = match (&arguments.plan, arguments.seed) {
    (Some(file), _) => read(file),
    (None, Some(seed)) => Plan::new(seed),
    (None, None) => std::process::exit(many(&arguments).into()),
  };
  std::process::exit(one(plan, &arguments).into());
}

fn read(file: &Path) -> Plan {
  let text = std::fs::read_to_string(file);
  let plan = text
    .map_err(|error| error.to_string())
    .and_then(|t| serde_json::from_str(&t).map_err(|error| error.to_string()));
  plan.unwrap_or_else(|error| {
    eprintln!("the plan {} cannot be read: {error}", file.display());
    std::process::exit(2);
  })
}

/// Returns whether it fails.
fn one(mut plan: Plan, arguments: &Arguments) -> bool {
  if arguments.shrink {
    plan = shrink(&plan);
  }
  if let Some(file) = &arguments.save {
    let text = serde_json::to_string_pretty(&plan).expect("a plan is JSON");
    if let Err(error) = std::fs::write(file, text + "\n") {
      eprintln!("{} cannot be written: {error}", file.display());
    }
  }
  println!("{plan:#?}");
  let history = run(&plan, true);
  for line in &history.lines {
    println!("{line}");
  }
  println!("hash {:016x}", history.hash);
  for broken in &history.broken {
    println!("broken: {broken}");
  }
  !history.broken.is_empty()
}

/// Where two histories of one plan part.
fn difference(plan: &Plan) -> String {
  let (first, second) = (run(plan, true).lines, run(plan, true).lines);
  let pairs = first.iter().zip(&second);
  let parted = pairs.enumerate().find(|(_, (a, b))| a != b);
  let before = parted.map_or(0, |(at, _)| at.saturating_sub(3));
  let end = before + 6;
  format!(
    "it is another history each time: {:#?} and {:#?}",
    &first[before..end.min(first.len())],
    &second[before..end.min(second.len())],
  )
}

fn many(arguments: &Arguments) -> bool {
  let begin = Instant::now();
  let mut last = begin;
  let mut failures = 0;
  let mut virtual_time = 0;
  let mut processes = 0;
  let mut count = 0;
  for seed in arguments.from..arguments.from + arguments.seeds {
    let plan = Plan::new(seed);
    let mut history = run(&plan, false);
    if arguments.twice && run(&plan, false).hash != history.hash {
      history.broken.push(difference(&plan));
    }
    count += 1;
    virtual_time += history.length;
    processes += history.processes;
    if !history.broken.is_empty() {
      failures += 1;
      for broken in &history.broken {
        println!("seed {seed}: {broken}");
      }
      if failures >= arguments.failures {
        break;
      }
    }
    if last.elapsed() > Duration::from_secs(60) {
      last = Instant::now();
      eprintln!("{count} seeds, {failures} failures");
    }
  }
  let taken = begin.elapsed().as_secs_f64();
  let hours = virtual_time / 3_600_000;
  println!(
    "{count} seeds, {processes} processes, {hours} hours of virtual time in \
     {taken:.1} s ({:.0} seeds/s): {failures} failed",
    count as f64 / taken
  );
  failures > 0
}
