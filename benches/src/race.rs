//! Programs that do the same job in turn.

use std::process::{Command, Stdio};
use std::time::Instant;

use wait4::Wait4;

use crate::Result;
use crate::peers::{Contender, Places};
use crate::report::{Row, Run};

/// Runs each contender once without counting it, then `runs` times in turn.
/// `check` looks at what each has saved.
pub fn race(
  contenders: &[Contender],
  places: &Places,
  runs: usize,
  check: &dyn Fn() -> Result<()>,
) -> Result<Vec<Row>> {
  let mut rows: Vec<Row> = contenders.iter().map(Row::of).collect();
  for round in 0..=runs {
    for (contender, row) in contenders.iter().zip(&mut rows) {
      places.clear()?;
      let run = timed(&contender.command)?;
      check().map_err(|error| format!("{}: {error}", contender.name))?;
      if round > 0 {
        row.runs.push(run);
      }
    }
  }
  places.clear()?;
  Ok(rows)
}

/// Runs a command to its end, which has to be a good one.
pub fn timed(command: &[String]) -> Result<Run> {
  let begin = Instant::now();
  let child = Command::new(&command[0])
    .args(&command[1..])
    .stdin(Stdio::null())
    .stdout(Stdio::null())
    // curl shows its progress there, whatever it is asked to do.
    .stderr(Stdio::null())
    .spawn();
  let mut child = child.map_err(|error| format!("{}: {error}", command[0]))?;
  let ended = child.wait4()?;
  let seconds = begin.elapsed().as_secs_f64();
  if !ended.status.success() {
    return Err(
      format!("{} ended with {}", command.join(" "), ended.status).into(),
    );
  }
  let used = ended.rusage;
  Ok(Run {
    seconds,
    cpu_seconds: (used.utime + used.stime).as_secs_f64(),
    peak_bytes: used.maxrss,
  })
}
