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
use crate::spec::BackgroundFetchResult;
use crate::store::BackgroundFetchKey;

/// How often one background fetch has a line about its progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Writes a line for each background fetch that is new, has settled, was
/// paused or goes on, or waits for the network or a server, and every few seconds one about its progress.
pub struct Lines(Mutex<State>);

struct State {
  output: Box<dyn Write + Send>,
  prefix: String,
  known: HashMap<BackgroundFetchKey, Known>,
}

struct Known {
  rate: Rate,
  last_progress: Instant,
  paused: bool,
  waiting: Option<Waiting>,
  settled: bool,
  title: String,
}

impl Lines {
  /// Writes to `output`; a line that tells of a failure begins with
  /// `failure_prefix`.
  pub fn new(
    output: impl Write + Send + 'static,
    failure_prefix: impl Into<String>,
  ) -> Self {
    Self(Mutex::new(State {
      output: Box::new(output),
      prefix: failure_prefix.into(),
      known: HashMap::new(),
    }))
  }
}

impl Display for Lines {
  fn show(&self, background_fetch: &BackgroundFetchSnapshot) {
    let mut state = self.0.lock();
    if let Some(line) = state.line(background_fetch) {
      // Nobody reads it any more: that is no reason to stop a transfer.
      let _ = writeln!(state.output, "{line}");
    }
  }
}

impl State {
  fn line(&mut self, b: &BackgroundFetchSnapshot) -> Option<String> {
    let id = text::printable(&b.id);
    let mut first = None;
    let known = self.known.entry(b.key).or_insert_with(|| {
      first = (!b.is_settled()).then(|| registered(b));
      Known {
        rate: Rate::starting_at(b.downloaded),
        last_progress: Instant::now(),
        paused: false,
        waiting: None,
        settled: false,
        title: b.title.clone(),
      }
    });
    if known.settled {
      let renamed = known.title != b.title;
      known.title.clone_from(&b.title);
      return renamed.then(|| format!("{id}: \"{}\"", text::name(b)));
    }
    known.title.clone_from(&b.title);
    // display.10: the last line stays.
    match b.result {
      BackgroundFetchResult::None => {}
      BackgroundFetchResult::Success => {
        known.settled = true;
        return Some(format!(
          "{id}: done, {} in {}",
          text::bytes(b.downloaded),
          text::duration(known.rate.elapsed())
        ));
      }
      BackgroundFetchResult::Failure => {
        known.settled = true;
        return Some(format!("{}{}", self.prefix, text::failure(b)));
      }
    }
    if b.paused != known.paused {
      known.paused = b.paused;
      let what = if b.paused { "paused" } else { "goes on" };
      return Some(format!("{id}: {what}"));
    }
    // That it goes on is seen from its progress.
    if first.is_none() && b.waiting.is_some() && b.waiting != known.waiting {
      known.waiting.clone_from(&b.waiting);
      return b
        .waiting
        .as_ref()
        .map(|w| format!("{id}: {}", text::waiting(w)));
    }
    if first.is_some() || known.last_progress.elapsed() < PROGRESS_INTERVAL {
      return first;
    }
    known.last_progress = Instant::now();
    if b.waiting.is_none() {
      // The next wait is another one.
      known.waiting = None;
    }
    Some(progress(b, &known.rate))
  }
}

fn registered(b: &BackgroundFetchSnapshot) -> String {
  let requests = match b.records {
    1 => "1 request".to_string(),
    n => format!("{n} requests"),
  };
  let stored = match b.downloaded {
    0 => String::new(),
    stored => format!(", {} stored", text::bytes(stored)),
  };
  let title = match b.title.is_empty() {
    true => String::new(),
    false => format!("\"{}\", ", text::name(b)),
  };
  format!("{}: {title}{requests}{stored}", text::printable(&b.id))
}

// display.2, display.6
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
    text::bytes(b.downloaded),
    text::bytes(rate.average(b.downloaded))
  )
}
