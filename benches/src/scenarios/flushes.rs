//! How often the disk is asked to finish, counted by `strace`.

use std::process::{Command, Stdio};

use super::World;
use crate::Result;
use crate::report::{Scenario, Wanted};
use crate::scenarios::scripts;

/// 200 background fetches, registered and settled together.
pub fn flushes(world: &World) -> Result<Vec<Scenario>> {
  let (registrations, ends) = count(world, 200)?;
  // What the store takes to be closed is not theirs.
  let (_, closing) = count(world, 0)?;
  let mut scenario = Scenario::of_figures("200 background fetches at once");
  let mut wanted = |what: &str, count: usize| {
    scenario.target(what.to_owned(), count as f64, Wanted::AtMost(10.0));
  };
  wanted("flushes for all registrations", registrations);
  wanted(
    "flushes for all results and ends",
    ends.saturating_sub(closing),
  );
  Ok(vec![scenario])
}

/// How many flushes there are until all are registered, and after that.
fn count(world: &World, fetches: usize) -> Result<(usize, usize)> {
  let places = world.places();
  places.clear()?;
  let script = scripts::script(world, "many.js")?;
  let trace = world.directory.join("strace.txt");
  let calls = "trace=fsync,fdatasync,syncfs,write";
  let mut command = Command::new("strace");
  command
    .args(["-f", "--seccomp-bpf", "-s", "64", "-e", calls, "-o"])
    .arg(&trace);
  // It has all 200 on the wire at once, as `bgfetch run` does by default.
  let held = format!("{}?{fetches}", world.server.held()?);
  command.args(world.peers.run(&script, &places, &held, &[]));
  let status = command.stdout(Stdio::null()).status();
  let status = status
    .map_err(|error| format!("strace: {error}. apt-get install strace"))?;
  if !status.success() {
    return Err(format!("many.js under strace ended with {status}").into());
  }
  let trace = std::fs::read_to_string(trace)?;
  // The script says when all are registered; only then are there results.
  let begun = trace
    .lines()
    .skip_while(|line| !line.contains("mark: begin"));
  let registered = begun
    .clone()
    .position(|line| line.contains("mark: registered"));
  let registered =
    registered.ok_or("many.js did not say that all are registered")?;
  let flushes = begun
    .enumerate()
    // Another thread's call in between makes two lines of one.
    .filter(|(_, line)| line.contains("sync(") && !line.contains("resumed>"));
  let (before, after): (Vec<_>, Vec<_>) =
    flushes.partition(|(at, _)| *at < registered);
  places.clear()?;
  Ok((before.len(), after.len()))
}
