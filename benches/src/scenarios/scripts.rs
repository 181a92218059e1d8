//! Jobs that a script gives, as it would in a browser.
//!
//! The scripts are in `benches/scripts`. Each prints its figures as one line
//! of JSON.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use wait4::Wait4;

use super::World;
use crate::Result;
use crate::content;
use crate::peers::Contender;
use crate::race::{race, timed};
use crate::report::{Scenario, Wanted, median};

/// What a script has measured: a name and a number of milliseconds each.
type Figures = HashMap<String, f64>;

/// How long `fetch()` takes until it resolves, which is when it is durable.
pub fn resolve(world: &World) -> Result<Vec<Scenario>> {
  let base = world.server.silent()?;
  let script = || Ok(run(world, "resolve.js", &base)?.0);
  let engine = || of_engine(world, &base);
  Ok(vec![
    resolved(world, "`fetch()` until it resolves", &script)?,
    resolved(world, "`fetch()` of the engine, with no script", &engine)?,
  ])
}

/// What one call takes, and 64 at once, beside the disk.
fn resolved(
  world: &World,
  name: &str,
  measure: &dyn Fn() -> Result<Figures>,
) -> Result<Scenario> {
  let [mut times, mut rates] = [Vec::new(), Vec::new()];
  for _ in 0..world.runs {
    let before = one_sync(&world.directory)?;
    let figures = measure()?;
    // Others may use the disk meanwhile.
    let sync = f64::midpoint(before, one_sync(&world.directory)?);
    times.push(figures["one_ms"] / sync);
    rates.push(figures["one_ms"] * 64.0 / figures["sixty_four_ms"]);
  }
  let mut scenario = Scenario::of_figures(name);
  scenario.target(
    "time of one / one fsync".to_owned(),
    median(times.into_iter()),
    Wanted::AtMost(2.0),
  );
  scenario.target(
    "rate of 64 callers / one caller's".to_owned(),
    median(rates.into_iter()),
    Wanted::AtLeast(10.0),
  );
  Ok(scenario)
}

/// The same calls, made by a program.
fn of_engine(world: &World, base: &str) -> Result<Figures> {
  let places = world.places();
  places.clear()?;
  let this = std::env::current_exe()?;
  let output = Command::new(this)
    .arg("callers")
    .arg(&places.store)
    .arg(base)
    .output()?;
  places.clear()?;
  Ok(serde_json::from_slice(&output.stdout)?)
}

/// From the start of a process to the first `getIds()`.
pub fn start(world: &World) -> Result<Vec<Scenario>> {
  let mut scenarios = Vec::new();
  for number in [1_000, 10_000] {
    let places = world.places();
    places.clear()?;
    let base = format!("{}?{number}", world.server.silent()?);
    let command =
      world
        .peers
        .run(&script(world, "start.js")?, &places, &base, &[]);
    let mut first = spawn(&command)?;
    first.wait_for("registered")?;
    first.end()?;
    let mut times = Vec::new();
    for _ in 0..world.runs {
      let begin = Instant::now();
      let mut process = spawn(&command)?;
      process.wait_for(&format!("{number} ids"))?;
      times.push(begin.elapsed().as_secs_f64() * 1000.0);
      process.end()?;
    }
    let name = format!("{number} background fetches in the store");
    let mut scenario = Scenario::of_figures(&name);
    let what =
      "milliseconds from the start of `bgfetch run` to the first `getIds()`";
    scenario.target(
      what.to_owned(),
      median(times.into_iter()),
      Wanted::AtMost(150.0),
    );
    scenarios.push(scenario);
    places.clear()?;
  }
  Ok(scenarios)
}

/// A stored response, read by its script.
pub fn read(world: &World) -> Result<Vec<Scenario>> {
  let mut scenarios = Vec::new();
  for mib in [256, 1024] {
    let file = world.server.root.join("read.bin");
    content::random(&file, mib << 20, 1)?;
    rustix::fs::sync();
    let mut ratios = Vec::new();
    for _ in 0..world.runs {
      let (figures, _) = run(world, "read.js", &world.server.http(""))?;
      let this = std::env::current_exe()?;
      let output = Command::new(this).arg("read").arg(&file).output()?;
      let plain: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
      ratios.push(figures["read_ms"] / plain);
    }
    std::fs::remove_file(file)?;
    let mut scenario =
      Scenario::of_figures(&format!("{mib} MiB read through `responseReady`"));
    scenario.target(
      "time / that of reading the file".to_owned(),
      median(ratios.into_iter()),
      Wanted::AtMost(2.0),
    );
    scenarios.push(scenario);
  }
  Ok(scenarios)
}

/// A gigabyte that a script sends: first into the store, then to the server.
pub fn upload(world: &World) -> Result<Vec<Scenario>> {
  let file = world.directory.join("upload.bin");
  content::random(&file, 1 << 30, 1)?;
  let sink = world.server.sink();
  let curl = [
    "curl",
    "-s",
    "-o",
    "/dev/null",
    "-T",
    &file.to_string_lossy(),
    &sink,
  ];
  let curl = curl.map(str::to_owned);
  let mut scenario = Scenario::of_figures("1 GiB uploaded");
  // The parts of a Blob are in memory, as the script has made them.
  let [blob, stream] = [
    ("a Blob", "blob.js", None),
    ("a stream", "stream.js", Some(64.0)),
  ];
  for (from, name, most_mib) in [blob, stream] {
    let mut rounds = Vec::new();
    let mut peak = 0;
    for round in 0..=world.runs {
      let (figures, peak_bytes) = run(world, name, &sink)?;
      let ratio = timed(&curl)?.seconds / (figures["sent_ms"] / 1000.0);
      // The first round is not counted, as everywhere.
      if round > 0 {
        rounds.push(ratio);
        peak = peak.max(peak_bytes);
      }
    }
    let what =
      format!("from {from}: time of curl / ours, from durable to answered");
    scenario.target(what, median(rounds.into_iter()), Wanted::AtLeast(0.9));
    if let Some(most) = most_mib {
      let what = format!("from {from}: peak memory in MiB");
      let mib = peak as f64 / f64::from(1 << 20);
      scenario.target(what, mib, Wanted::AtMost(most));
    }
  }
  std::fs::remove_file(file)?;
  Ok(vec![scenario])
}

/// 1,000 background fetches, with and without a listener for each.
pub fn listeners(world: &World) -> Result<Vec<Scenario>> {
  let file = world.server.root.join("mebibyte.bin");
  content::random(&file, 1 << 20, 1)?;
  let places = world.places();
  let mut contenders = Vec::new();
  for (name, kind) in [("with", "listeners.js"), ("without", "no_listeners.js")]
  {
    let script = script(world, kind)?;
    let command =
      world
        .peers
        .run(&script, &places, &world.server.http(""), &[]);
    contenders.push(Contender { name, command });
  }
  let rows = race(&contenders, &places, world.runs, &|| Ok(()))?;
  std::fs::remove_file(file)?;
  let name =
    "1,000 background fetches of 1 MiB with progress listeners".to_owned();
  let scenario = Scenario {
    name,
    rows,
    targets: Vec::new(),
  };
  Ok(vec![scenario.faster("without", 0.95)])
}

/// One `fsync` on this disk, in milliseconds: of a file that grows by as much
/// as the store's log does with a registration, which is four pages.
fn one_sync(directory: &Path) -> Result<f64> {
  let path = directory.join("sync");
  let mut file = File::create(&path)?;
  let mut times = Vec::new();
  for _ in 0..50 {
    file.write_all(&[1; 4 * 4096])?;
    let begin = Instant::now();
    file.sync_all()?;
    times.push(begin.elapsed().as_secs_f64() * 1000.0);
  }
  std::fs::remove_file(&path)?;
  Ok(median(times.into_iter()))
}

/// One of `benches/scripts`, as a file that `bgfetch run` can be given.
pub fn script(world: &World, name: &str) -> Result<PathBuf> {
  let text = match name {
    "blob.js" => include_str!("../../scripts/blob.js"),
    "listeners.js" => include_str!("../../scripts/listeners.js"),
    "many.js" => include_str!("../../scripts/many.js"),
    "no_listeners.js" => include_str!("../../scripts/no_listeners.js"),
    "read.js" => include_str!("../../scripts/read.js"),
    "resolve.js" => include_str!("../../scripts/resolve.js"),
    "start.js" => include_str!("../../scripts/start.js"),
    "stream.js" => include_str!("../../scripts/stream.js"),
    other => return Err(format!("there is no script {other}").into()),
  };
  let path = world.directory.join(name);
  std::fs::write(&path, text)?;
  Ok(path)
}

/// Runs a script in a new store until it has printed its figures; with them is
/// the peak of its memory, in bytes.
fn run(world: &World, name: &str, base: &str) -> Result<(Figures, u64)> {
  let places = world.places();
  places.clear()?;
  let mut process =
    spawn(&world.peers.run(&script(world, name)?, &places, base, &[]))?;
  let line = process.wait_for("_ms")?;
  let peak_bytes = process.end()?;
  places.clear()?;
  Ok((serde_json::from_str(&line)?, peak_bytes))
}

struct Process {
  child: Child,
  lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

fn spawn(command: &[String]) -> Result<Process> {
  let child = Command::new(&command[0])
    .args(&command[1..])
    .stdout(Stdio::piped())
    .spawn();
  let mut child = child.map_err(|error| format!("{}: {error}", command[0]))?;
  let output = child.stdout.take().ok_or("the child has no output")?;
  Ok(Process {
    child,
    lines: BufReader::new(output).lines(),
  })
}

impl Process {
  /// The first line that has this in it.
  fn wait_for(&mut self, part: &str) -> Result<String> {
    for line in &mut self.lines {
      let line = line?;
      if line.contains(part) {
        return Ok(line);
      }
    }
    let status = self.child.wait()?;
    Err(
      format!("the script ended with {status} before it said {part:?}").into(),
    )
  }

  /// Interrupts it, as Ctrl-C does, which keeps what is in its store. Returns
  /// the peak of its memory, in bytes.
  fn end(mut self) -> Result<u64> {
    if let Some(pid) = rustix::process::Pid::from_raw(self.child.id() as i32) {
      // It may have ended by itself, which is as good.
      let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
    }
    Ok(self.child.wait4()?.rusage.maxrss)
  }
}
