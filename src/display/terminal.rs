//! A display that draws bars.

use std::collections::HashMap;

use indicatif::MultiProgress;
use indicatif::ProgressBar;
use indicatif::ProgressStyle;
use parking_lot::Mutex;

use super::BackgroundFetchSnapshot;
use super::Display;
use super::rate::Rate;
use super::text;
use crate::spec::BackgroundFetchResult;
use crate::store::BackgroundFetchKey;

/// More bars than this would push each other off the screen; the others get
/// theirs when one of these is done.
const MAX_BARS: usize = 12;

const KNOWN_TOTAL: &str = "{wide_msg} {binary_bytes:>10} of \
  {binary_total_bytes:<10} [{bar:12}] {binary_bytes_per_sec:>11} {eta:>4}";
const UNKNOWN_TOTAL: &str =
  "{wide_msg} {binary_bytes:>10} {spinner} {binary_bytes_per_sec:>11}";
const WAITING: &str = "{wide_msg} {binary_bytes:>10}";
const PAUSED: &str = "{wide_msg} {binary_bytes:>10} paused";

/// Draws a bar on standard error for every active background fetch, and
/// leaves a line for every one that has settled.
pub struct Terminal {
  bars: MultiProgress,
  known: Mutex<HashMap<BackgroundFetchKey, Known>>,
  failure_prefix: String,
}

struct Known {
  rate: Rate,
  bar: Option<ProgressBar>,
  style: &'static str,
  settled: bool,
  name: String,
}

impl Terminal {
  /// A line that tells of a failure begins with `failure_prefix`.
  pub fn new(failure_prefix: impl Into<String>) -> Self {
    Self {
      bars: MultiProgress::new(),
      known: Mutex::default(),
      failure_prefix: failure_prefix.into(),
    }
  }

  /// Takes the bars away while `write` writes to the terminal.
  pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
    self.bars.suspend(write)
  }

  /// Takes all bars away.
  pub fn clear(&self) {
    let mut known = self.known.lock();
    for bar in known.values_mut().filter_map(|known| known.bar.take()) {
      bar.finish_and_clear();
    }
  }

  fn print(&self, line: &str) {
    // A terminal that is gone is no reason to stop a transfer.
    let _ = self.bars.println(line);
  }
}

impl Display for Terminal {
  fn show(&self, b: &BackgroundFetchSnapshot) {
    let mut all = self.known.lock();
    let bars = all.values().filter(|known| known.bar.is_some()).count();
    let known = all.entry(b.key).or_insert_with(|| Known {
      rate: Rate::starting_at(b.downloaded),
      bar: None,
      style: "",
      settled: false,
      name: text::name(b),
    });
    let renamed = {
      let name = text::name(b);
      let before = std::mem::replace(&mut known.name, name);
      before != known.name
    };
    if known.settled {
      if renamed {
        self.print(&format!("  {}: {}", text::printable(&b.id), known.name));
      }
      return;
    }
    if b.is_settled() {
      known.settled = true;
      if let Some(bar) = known.bar.take() {
        bar.finish_and_clear();
        self.bars.remove(&bar);
      }
      return self.print(&self.settled(b, known));
    }
    if known.bar.is_none() && bars < MAX_BARS {
      let bar = self.bars.add(ProgressBar::no_length());
      bar.set_position(b.downloaded + b.uploaded);
      bar.reset_eta();
      known.bar = Some(bar);
    }
    known.draw(b);
  }
}

impl Terminal {
  fn settled(&self, b: &BackgroundFetchSnapshot, known: &Known) -> String {
    match b.result {
      BackgroundFetchResult::Success => format!(
        "✓ {}  {} in {}",
        known.name,
        text::bytes(b.downloaded),
        text::duration(known.rate.elapsed())
      ),
      _ => format!("{}{}", self.failure_prefix, text::failure(b)),
    }
  }
}

impl Known {
  fn draw(&mut self, b: &BackgroundFetchSnapshot) {
    let Some(bar) = &self.bar else { return };
    let total = b.total_to_download();
    let style = match (b.paused, total) {
      (true, _) => PAUSED,
      (false, _) if b.waiting.is_some() => WAITING,
      (false, None) => UNKNOWN_TOTAL,
      (false, Some(_)) => KNOWN_TOTAL,
    };
    if style != self.style {
      self.style = style;
      if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("=> "));
      }
    }
    if let Some(total) = total {
      bar.set_length(total.saturating_add(b.upload_total));
    }
    let why = match &b.waiting {
      Some(waiting) => format!(": {}", text::waiting(waiting)),
      None => String::new(),
    };
    bar.set_message(format!("{} ({}){why}", self.name, origin(b)));
    bar.set_position(b.downloaded + b.uploaded);
  }
}

/// The display has to say whose background fetch it is.
fn origin(b: &BackgroundFetchSnapshot) -> String {
  let host = b.scope.host_str().unwrap_or("no host");
  match b.scope.port() {
    Some(port) => format!("{host}:{port}"),
    None => host.to_string(),
  }
}
