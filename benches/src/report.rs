//! What was measured: a table to read, and JSON with every run.

use std::fmt;

use serde::Serialize;

use crate::peers::Contender;
use crate::{Result, machine};

#[derive(Serialize)]
pub struct Report {
  pub machine: String,
  pub scenarios: Vec<Scenario>,
}

/// One job at one size.
#[derive(Serialize)]
pub struct Scenario {
  pub name: String,
  pub rows: Vec<Row>,
  pub targets: Vec<Target>,
}

/// One program.
#[derive(Serialize)]
pub struct Row {
  pub name: String,
  pub command: String,
  pub runs: Vec<Run>,
}

#[derive(Clone, Copy, Serialize)]
pub struct Run {
  pub seconds: f64,
  /// In user and system mode, of all threads.
  pub cpu_seconds: f64,
  /// Of the resident set.
  pub peak_bytes: u64,
}

/// What is wanted of a figure, and what it is.
#[derive(Serialize)]
pub struct Target {
  pub what: String,
  pub measured: f64,
  pub wanted: Wanted,
}

#[derive(Serialize)]
pub enum Wanted {
  AtLeast(f64),
  AtMost(f64),
}

impl Report {
  pub fn new() -> Self {
    Self {
      machine: machine::description(),
      scenarios: Vec::new(),
    }
  }

  pub fn json(&self) -> Result<String> {
    Ok(serde_json::to_string_pretty(self)? + "\n")
  }

  /// The last line: how many targets are met, and which are not.
  pub fn verdict(&self) -> String {
    let targets =
      || self.scenarios.iter().flat_map(|scenario| &scenario.targets);
    let met = targets().filter(|target| target.met()).count();
    format!("{met} of {} targets met", targets().count())
  }
}

impl Row {
  pub fn of(contender: &Contender) -> Self {
    Self::new(contender.name, &contender.command)
  }

  pub fn new(name: &str, command: &[String]) -> Self {
    Self {
      name: name.to_owned(),
      command: command.join(" "),
      runs: Vec::new(),
    }
  }

  pub fn seconds(&self) -> f64 {
    median(self.runs.iter().map(|run| run.seconds))
  }

  pub fn peak_mib(&self) -> f64 {
    let peak = self.runs.iter().map(|run| run.peak_bytes).max();
    peak.unwrap_or(0) as f64 / f64::from(1 << 20)
  }

  fn cpu_seconds(&self) -> f64 {
    median(self.runs.iter().map(|run| run.cpu_seconds))
  }

  /// How often `other`'s time is this one's, compared within each round.
  pub fn faster_than(&self, other: &Row) -> f64 {
    let rounds = self.runs.iter().zip(&other.runs);
    median(rounds.map(|(ours, theirs)| theirs.seconds / ours.seconds))
  }
}

impl Scenario {
  /// One that has no programs to compare.
  pub fn of_figures(name: &str) -> Self {
    Self {
      name: name.to_owned(),
      rows: Vec::new(),
      targets: Vec::new(),
    }
  }

  /// Asks that the first row be `at_least` times as fast as that of `peer`.
  pub fn faster(mut self, peer: &str, at_least: f64) -> Self {
    let Some(other) = self.rows.iter().find(|row| row.name == peer) else {
      return self;
    };
    let measured = self.rows[0].faster_than(other);
    self.target(
      format!("time of {peer} / ours"),
      measured,
      Wanted::AtLeast(at_least),
    );
    self
  }

  /// Asks that the first row take no more memory.
  pub fn within_mib(mut self, at_most: f64) -> Self {
    let measured = self.rows[0].peak_mib();
    self.target(
      "peak memory in MiB".to_owned(),
      measured,
      Wanted::AtMost(at_most),
    );
    self
  }

  pub fn target(&mut self, what: String, measured: f64, wanted: Wanted) {
    self.targets.push(Target {
      what,
      measured,
      wanted,
    });
  }
}

impl Target {
  pub fn met(&self) -> bool {
    match self.wanted {
      Wanted::AtLeast(wanted) => self.measured >= wanted,
      Wanted::AtMost(wanted) => self.measured <= wanted,
    }
  }
}

impl fmt::Display for Scenario {
  fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}", self.name)?;
    if !self.rows.is_empty() {
      writeln!(
        f,
        "  {:14} {:>9} {:>17} {:>7} {:>9} {:>7}",
        "", "median", "range", "ours=1", "CPU", "memory"
      )?;
    }
    for row in &self.rows {
      let (least, most) = range(row.runs.iter().map(|run| run.seconds));
      writeln!(
        f,
        "  {:14} {:7.2} s {:>7.2} to {:5.2} s {:7.2} {:7.2} s {:3.0} MiB",
        row.name,
        row.seconds(),
        least,
        most,
        self.rows[0].faster_than(row),
        row.cpu_seconds(),
        row.peak_mib(),
      )?;
    }
    for target in &self.targets {
      let (sign, wanted) = match target.wanted {
        Wanted::AtLeast(wanted) => ("at least", wanted),
        Wanted::AtMost(wanted) => ("at most", wanted),
      };
      let verdict = if target.met() { "met" } else { "MISSED" };
      let Target { what, measured, .. } = target;
      writeln!(
        f,
        "  {what}: {measured:.2}, wanted {sign} {wanted}: {verdict}"
      )?;
    }
    Ok(())
  }
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
  let mut values: Vec<f64> = values.collect();
  values.sort_by(f64::total_cmp);
  values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn range(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
  let least = values.clone().fold(f64::INFINITY, f64::min);
  (least, values.fold(0.0, f64::max))
}
