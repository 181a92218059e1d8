//! Measures `bgfetch` against its peers on this machine.
//!
//! ```console
//! $ make bench                                  # the table, as docs/performance.md has it
//! $ cargo run --release -p bench -- large small # only these scenarios
//! ```
//!
//! All programs of a scenario run in turn, round after round, against one
//! nginx on loopback; what they saved is hashed after every round. A figure
//! of one machine says little, so each target is a ratio within one run.
//! `bgfetch` has flushed its files when it ends; of the others only the bare
//! loop does, in its row `bare, synced`.

mod bare;
mod callers;
mod chart;
mod content;
mod machine;
mod peers;
mod race;
mod report;
mod scenarios;
mod server;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

/// What went wrong; printed as it is, so it says what to do.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T> = std::result::Result<T, Error>;

#[derive(Parser)]
#[command(about = "Measures bgfetch against curl, aria2, wget and a bare loop")]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
  #[command(subcommand)]
  part: Option<Part>,
  #[command(flatten)]
  bench: Bench,
}

#[derive(clap::Args)]
struct Bench {
  /// Only scenarios whose name begins with one of these
  names: Vec<String>,
  /// Rounds that count, after one that does not
  #[arg(long, default_value_t = 3)]
  runs: usize,
  /// The large sizes, too: 8 GiB, and 100,000 URLs
  #[arg(long)]
  full: bool,
  /// The program that is measured
  #[arg(long, default_value = "target/release/bgfetch")]
  bgfetch: PathBuf,
  /// Where the files and stores are, for a disk other than that of /tmp
  #[arg(long, value_name = "DIR")]
  directory: Option<PathBuf>,
  /// Every run, as JSON
  #[arg(long, value_name = "FILE")]
  json: Option<PathBuf>,
  /// The ratios, as a chart
  #[arg(long, value_name = "FILE")]
  svg: Option<PathBuf>,
}

/// Parts that run as processes of their own, so that they can be measured.
#[derive(Subcommand)]
enum Part {
  /// Fetches with nothing but reqwest and a file: what the library costs
  Bare(bare::Bare),
  /// Registers background fetches with the engine itself
  Callers(callers::Callers),
  /// Reads a file to its end
  Read { file: PathBuf },
}

fn main() -> std::process::ExitCode {
  let arguments = Arguments::parse();
  let done = match arguments.part {
    Some(Part::Bare(bare)) => bare.run(),
    Some(Part::Callers(callers)) => callers.run(),
    Some(Part::Read { file }) => bare::read(&file),
    None => bench(&arguments.bench),
  };
  match done {
    Ok(()) => std::process::ExitCode::SUCCESS,
    Err(error) => {
      eprintln!("bench: {error}");
      std::process::ExitCode::FAILURE
    }
  }
}

fn bench(options: &Bench) -> Result<()> {
  let bgfetch = std::fs::canonicalize(&options.bgfetch).map_err(|error| {
    let program = options.bgfetch.display();
    format!("{program}: {error}. Build it: cargo build --release --bin bgfetch")
  })?;
  let mut builder = tempfile::Builder::new();
  let builder = builder.prefix("bench-");
  let directory = match &options.directory {
    Some(parent) => builder.tempdir_in(parent)?,
    None => builder.tempdir()?,
  };
  let server = server::Server::start(directory.path())?;
  let world = scenarios::World {
    peers: peers::Peers { bgfetch },
    directory: directory.path().to_owned(),
    server,
    runs: options.runs,
    full: options.full,
  };
  let mut report = report::Report::new();
  println!("{}\n", report.machine);
  for (name, scenario) in scenarios::ALL {
    let wanted = &options.names;
    if !wanted.is_empty()
      && !wanted.iter().any(|begin| name.starts_with(begin.as_str()))
    {
      continue;
    }
    for measured in scenario(&world)? {
      println!("{measured}");
      report.scenarios.push(measured);
    }
  }
  if let Some(file) = &options.json {
    std::fs::write(file, without_places(&report.json()?, directory.path())?)?;
  }
  if let Some(file) = &options.svg {
    std::fs::write(file, chart::svg(&report))?;
  }
  println!("{}", report.verdict());
  Ok(())
}

/// `json` without the places of this machine, which say nothing to others: the
/// directory of the run is `DIR`, and paths below this one are relative.
fn without_places(json: &str, directory: &Path) -> Result<String> {
  let here = std::env::current_dir()?;
  let json = json.replace(&*directory.to_string_lossy(), "DIR");
  Ok(json.replace(&format!("{}/", here.display()), ""))
}
