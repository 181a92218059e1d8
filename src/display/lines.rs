//! A display that writes lines, for logs and pipes.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;
use std::time::Instant;

use parking_lot::Mutex;

use super::BackgroundFetchSnapshot;
use super::Display;
use super::Waiting;
use super::rate::Rate;
use super::text;
use super::totals::Totals;
use crate::ids::BackgroundFetchKey;
use crate::spec::BackgroundFetchResult;

/// How often one background fetch has a line about its progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// With more background fetches than this there are lines for all together.
const MANY: usize = 20;

/// Writes a line for each background fetch that is new, has settled, was
/// paused or continues, or waits for the network or a server, and every few
/// seconds one about its progress. When there are many of them it is one line
/// about all every few seconds, so that a log stays short.
pub struct Lines(Mutex<State>);

struct State {
  output: Box<dyn Write + Send>,
  prefix: String,
  known: HashMap<BackgroundFetchKey, Entry>,
  /// How many there are going to be, if that was said.
  announced: usize,
  totals: Totals,
  last_summary: Instant,
}

struct Entry {
  rate: Rate,
  last_progress: Instant,
  paused: bool,
  waiting: Option<Waiting>,
  settled: bool,
  title: String,
}

opaque_debug!(Lines);

impl Lines {
  /// Writes to `output`; a line that reports a failure begins with
  /// `failure_prefix`.
  pub fn new(
    output: impl Write + Send + 'static,
    failure_prefix: impl Into<String>,
  ) -> Self {
    Self(Mutex::new(State {
      output: Box::new(output),
      prefix: failure_prefix.into(),
      known: HashMap::new(),
      announced: 0,
      totals: Totals::new(),
      last_summary: Instant::now(),
    }))
  }

  /// So many background fetches are going to come, at least.
  pub fn announce(&self, number: usize) {
    self.0.lock().announced = number;
  }

  /// The line of one that is new, before anything else is said of it. One that
  /// settles at once may not have been shown before.
  #[cfg(feature = "cli")]
  pub fn begin(&self, background_fetch: &BackgroundFetchSnapshot) {
    let mut state = self.0.lock();
    let is_new = !state.known.contains_key(&background_fetch.key);
    state.known(background_fetch);
    if is_new && !state.is_many() {
      state.write(&registered(background_fetch));
    }
  }

  /// A background fetch has settled, and this line says how; without one
  /// nothing is written.
  pub fn end(&self, background_fetch: &BackgroundFetchSnapshot, line: &str) {
    let mut state = self.0.lock();
    state.totals.update(background_fetch);
    let is_one_of_many = state.is_many();
    state.known(background_fetch).settled = true;
    match is_one_of_many {
      true => state.summarize(),
      false if line.is_empty() => {}
      false => state.write(line),
    }
  }

  /// The line of one that has succeeded.
  pub fn succeeded(&self, b: &BackgroundFetchSnapshot) -> String {
    let mut state = self.0.lock();
    format!(
      "{}: done, {} in {}",
      text::printable(&b.id),
      text::bytes(b.received),
      text::duration(state.known(b).rate.elapsed())
    )
  }

  /// So many more are going to begin.
  #[cfg(feature = "cli")]
  pub fn queued(&self, count: usize) {
    self.0.lock().totals.set_queued(count);
  }

  /// Writes `line`, unless it is about one of many.
  pub fn note(&self, line: &str) {
    let mut state = self.0.lock();
    if !state.is_many() {
      state.write(line);
    }
  }
}

impl Display for Lines {
  fn show(&self, background_fetch: &BackgroundFetchSnapshot) {
    let mut state = self.0.lock();
    state.totals.update(background_fetch);
    let line = state.line(background_fetch);
    match line {
      Some(Line::Failure(line)) => state.write(&line),
      _ if state.is_many() => state.summarize(),
      Some(Line::Other(line)) => state.write(&line),
      None => {}
    }
  }
}

enum Line {
  /// It is written even if it is about one of many.
  Failure(String),
  Other(String),
}

impl State {
  fn is_many(&self) -> bool {
    self.known.len().max(self.announced) > MANY
  }

  fn write(&mut self, line: &str) {
    // It is not read any more: that is no reason to stop a transfer.
    let _ = writeln!(self.output, "{line}");
  }

  fn summarize(&mut self) {
    if self.last_summary.elapsed() >= PROGRESS_INTERVAL {
      self.last_summary = Instant::now();
      self.write(&self.totals.line());
    }
  }

  fn known(&mut self, b: &BackgroundFetchSnapshot) -> &mut Entry {
    self.known.entry(b.key).or_insert_with(|| Entry {
      rate: Rate::starting_at(b.received),
      last_progress: Instant::now(),
      paused: false,
      waiting: None,
      settled: false,
      title: b.title.clone(),
    })
  }

  fn line(&mut self, b: &BackgroundFetchSnapshot) -> Option<Line> {
    let id = text::printable(&b.id);
    let prefix = self.prefix.clone();
    let is_new = !self.known.contains_key(&b.key);
    let first = (is_new && !b.is_settled()).then(|| registered(b));
    let known = self.known(b);
    if known.settled {
      let renamed = known.title != b.title;
      known.title.clone_from(&b.title);
      return renamed
        .then(|| Line::Other(format!("{id}: \"{}\"", text::name(b))));
    }
    known.title.clone_from(&b.title);
    // display.10: the last line stays.
    match b.result {
      BackgroundFetchResult::None => {}
      BackgroundFetchResult::Success => {
        known.settled = true;
        return Some(Line::Other(format!(
          "{id}: done, {} in {}",
          text::bytes(b.received),
          text::duration(known.rate.elapsed())
        )));
      }
      BackgroundFetchResult::Failure => {
        known.settled = true;
        return Some(Line::Failure(format!("{prefix}{}", text::failure(b))));
      }
    }
    known.under_way(b, first).map(Line::Other)
  }
}

impl Entry {
  fn under_way(
    &mut self,
    b: &BackgroundFetchSnapshot,
    first: Option<String>,
  ) -> Option<String> {
    let id = text::printable(&b.id);
    if b.paused != self.paused {
      self.paused = b.paused;
      let what = if b.paused { "paused" } else { "continues" };
      return Some(format!("{id}: {what}"));
    }
    // That it continues is seen from its progress.
    if first.is_none() && b.waiting.is_some() && b.waiting != self.waiting {
      self.waiting.clone_from(&b.waiting);
      let waiting = b.waiting.as_ref();
      return waiting.map(|w| format!("{id}: {}", text::waiting(w)));
    }
    if first.is_some() || self.last_progress.elapsed() < PROGRESS_INTERVAL {
      return first;
    }
    self.last_progress = Instant::now();
    if b.waiting.is_none() {
      // The next wait is another one.
      self.waiting = None;
    }
    Some(progress(b, &self.rate))
  }
}

fn registered(b: &BackgroundFetchSnapshot) -> String {
  let requests = match b.records {
    1 => "1 request".to_string(),
    n => format!("{n} requests"),
  };
  let stored = match b.received {
    0 => String::new(),
    stored => format!(", {} stored", text::bytes(stored)),
  };
  let title = match b.title.is_empty() {
    true => String::new(),
    false => format!("\"{}\", ", text::name(b)),
  };
  format!("{}: {title}{requests}{stored}", text::printable(&b.id))
}

// display.2, display.6: how far it has come, if the total is known.
fn progress(b: &BackgroundFetchSnapshot, rate: &Rate) -> String {
  let of = match b.total_to_download() {
    None => String::new(),
    Some(total) => format!(" of {}", text::bytes(total)),
  };
  let sent = match b.upload_total {
    0 => String::new(),
    total => format!(
      ", {} of {} sent",
      text::bytes(b.uploaded),
      text::bytes(total)
    ),
  };
  format!(
    "{}: {}{of}{sent}, {}/s",
    text::printable(&b.id),
    text::bytes(b.received),
    text::bytes(rate.average(b.received))
  )
}
