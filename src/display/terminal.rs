//! A display that draws bars.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::time::Duration;

use indicatif::MultiProgress;
use indicatif::ProgressBar;
use indicatif::ProgressDrawTarget;
use indicatif::ProgressStyle;
use parking_lot::Mutex;

use super::BackgroundFetchSnapshot;
use super::Display;
use super::rate::Rate;
use super::text;
use super::totals::Totals;
use crate::ids::BackgroundFetchKey;
use crate::spec::BackgroundFetchResult;

/// More bars than this would push each other off the screen; the others get
/// theirs when one of these is done.
const MAX_BARS: usize = 12;

/// With more background fetches than this only those that fail leave a line;
/// the others are counted.
const MANY: usize = 100;

/// What a line takes beside the name: less where there is less room.
const KNOWN_TOTAL: &str = "{wide_msg} {binary_bytes:>10} of \
  {binary_total_bytes:<10} [{bar:12}] {binary_bytes_per_sec:>12} {eta:>4}";
const NARROW: &str =
  "{wide_msg} {percent:>3}% {binary_bytes:>10} {binary_bytes_per_sec:>12}";
const UNKNOWN_TOTAL: &str =
  "{wide_msg} {binary_bytes:>10} {spinner} {binary_bytes_per_sec:>12}";
const WAITING: &str = "{wide_msg} {binary_bytes:>10}";
const PAUSED: &str = "{wide_msg} {binary_bytes:>10} paused";

const DRAW_INTERVAL: Duration = Duration::from_millis(200);

/// How often a second the screen may change: each bar at each interval.
const MAX_DRAWS: u8 = 100;

/// A terminal with fewer columns than this has room for [`NARROW`] only.
const WIDE_ENOUGH: usize = 76;

/// Draws a bar on standard error for every background fetch that is under
/// way and one for all together, and leaves a line for every one that has
/// settled.
pub struct Terminal {
  bars: MultiProgress,
  state: Mutex<State>,
  failure_prefix: String,
  owner: Owner,
}

/// Whose background fetch it is, in a word or two: the display has to say so.
pub(crate) type Owner =
  Box<dyn Fn(&BackgroundFetchSnapshot) -> String + Send + Sync>;

struct State {
  known: HashMap<BackgroundFetchKey, Entry>,
  /// How many there are going to be, if that was said.
  announced: usize,
  /// How many have a bar.
  shown: usize,
  /// Those that are under way and have none, for there is no room.
  without_bar: BTreeMap<BackgroundFetchKey, BackgroundFetchSnapshot>,
  totals: Totals,
  total: Option<ProgressBar>,
  total_style: &'static str,
  /// A line below all others.
  hint: Option<ProgressBar>,
}

struct Entry {
  rate: Rate,
  bar: Option<ProgressBar>,
  style: &'static str,
  settled: bool,
  name: String,
  /// The bytes that were there when it was first seen.
  first: u64,
}

opaque_debug!(Terminal);

impl Terminal {
  /// A line that reports a failure begins with `failure_prefix`.
  pub fn new(failure_prefix: impl Into<String>) -> Self {
    Self {
      bars: MultiProgress::with_draw_target(
        ProgressDrawTarget::stderr_with_hz(MAX_DRAWS),
      ),
      state: Mutex::new(State {
        known: HashMap::new(),
        announced: 0,
        shown: 0,
        without_bar: BTreeMap::new(),
        totals: Totals::new(),
        total: None,
        total_style: "",
        hint: None,
      }),
      failure_prefix: failure_prefix.into(),
      owner: Box::new(origin),
    }
  }

  /// The same with other owners than the origins.
  pub fn with_owner(self, owner: Owner) -> Self {
    Self { owner, ..self }
  }

  /// Takes the bars away while `write` writes to the terminal.
  pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
    self.bars.suspend(write)
  }

  /// Draws everything again for the size that the terminal has now; without
  /// this, lines that nothing happens with keep their form.
  pub fn refresh(&self) {
    let mut state = self.state.lock();
    for known in state.known.values_mut() {
      if let Some(bar) = &known.bar {
        restyle(bar, &mut known.style);
      }
    }
    let State {
      total, total_style, ..
    } = &mut *state;
    if let Some(total) = total {
      restyle(total, total_style);
    }
  }

  /// So many more are going to begin.
  pub fn queued(&self, count: usize) {
    let mut state = self.state.lock();
    if state.totals.set_queued(count) {
      self.draw_total(&mut state);
    }
  }

  /// Takes all bars away.
  pub fn clear(&self) {
    let mut state = self.state.lock();
    let bars = state
      .known
      .values_mut()
      .filter_map(|known| known.bar.take());
    for bar in bars {
      bar.finish_and_clear();
    }
    state.shown = 0;
    for bar in [state.total.take(), state.hint.take()]
      .into_iter()
      .flatten()
    {
      bar.finish_and_clear();
    }
  }

  /// Shows `text` below all bars, while there are some.
  pub fn hint(&self, text: &str) {
    let mut state = self.state.lock();
    let hint = state.hint.get_or_insert_with(|| {
      let hint = self.bars.add(ProgressBar::no_length());
      set_style(&hint, "{wide_msg}");
      begin(&hint);
      hint
    });
    hint.set_message(text.to_string());
  }

  /// So many background fetches are going to come, at least.
  pub fn announce(&self, number: usize) {
    self.state.lock().announced = number;
  }

  /// A background fetch has settled, and this line says how; without one
  /// nothing is left of it.
  pub fn end(&self, b: &BackgroundFetchSnapshot, line: &str) {
    let mut state = self.state.lock();
    state.totals.update(b);
    if !state.known(b).settled {
      self.take_away(&mut state, b);
      let is_one_of_many = state.known.len().max(state.announced) > MANY;
      let is_counted =
        is_one_of_many && b.result == BackgroundFetchResult::Success;
      if !line.is_empty() && !is_counted {
        self.print(line);
      }
    }
    self.draw_total(&mut state);
  }

  /// The line of one that has succeeded.
  pub fn succeeded(&self, b: &BackgroundFetchSnapshot) -> String {
    let mut state = self.state.lock();
    let known = state.known(b);
    format!(
      "✓ {}  {} in {}",
      known.name,
      text::bytes(b.received),
      text::duration(known.rate.elapsed())
    )
  }

  fn print(&self, line: &str) {
    // A terminal that is gone is no reason to stop a transfer.
    let _ = self.bars.println(line);
  }

  fn take_away(&self, state: &mut State, b: &BackgroundFetchSnapshot) {
    let known = state.known(b);
    known.settled = true;
    if let Some(bar) = known.bar.take() {
      bar.finish_and_clear();
      self.bars.remove(&bar);
      state.shown -= 1;
    }
    state.without_bar.remove(&b.key);
    if let Some((_, next)) = state.without_bar.pop_first() {
      self.draw(state, &next);
    }
  }

  fn draw(&self, state: &mut State, b: &BackgroundFetchSnapshot) {
    let room = max_bars();
    let few = state.known.len() <= room;
    let has_room = state.shown < room;
    // The one for all stays below.
    let below = [&state.total, &state.hint].into_iter().flatten().count();
    let known = state.known(b);
    let is_under_way =
      b.received > known.first || b.expected.is_some() || b.waiting.is_some();
    if known.bar.is_none() && (few || is_under_way) {
      if !has_room {
        state.without_bar.insert(b.key, b.clone());
        return;
      }
      let new = ProgressBar::no_length();
      let bar = self.bars.insert_from_back(below, new);
      bar.set_position(b.received + b.uploaded);
      bar.reset_eta();
      known.bar = Some(bar);
      known.draw(b, &self.owner);
      state.shown += 1;
      state.without_bar.remove(&b.key);
    } else {
      known.draw(b, &self.owner);
    }
  }

  /// With two or more there is a line for all of them, below the others.
  fn draw_total(&self, state: &mut State) {
    if state.totals.known() < 2 {
      return;
    }
    let expected = state.totals.expected();
    let style = match expected {
      None => UNKNOWN_TOTAL,
      Some(_) if is_wide() => KNOWN_TOTAL,
      Some(_) => NARROW,
    };
    let below = usize::from(state.hint.is_some());
    let downloaded = state.totals.downloaded();
    let total = state.total.get_or_insert_with(|| {
      let new = ProgressBar::no_length();
      let total = self.bars.insert_from_back(below, new);
      total.set_position(downloaded);
      total.reset_eta();
      total
    });
    if style != state.total_style {
      state.total_style = style;
      set_style(total, style);
      begin(total);
    }
    if let Some(expected) = expected {
      total.set_length(expected);
    }
    total.set_message(state.totals.counts());
    total.set_position(downloaded);
  }
}

impl Display for Terminal {
  fn show(&self, b: &BackgroundFetchSnapshot) {
    let mut state = self.state.lock();
    state.totals.update(b);
    let known = state.known(b);
    let name = text::name(b);
    let before = std::mem::replace(&mut known.name, name);
    let renamed = before != known.name;
    if known.settled {
      if renamed {
        self.print(&format!("  {}: {}", text::printable(&b.id), known.name));
      }
      return;
    }
    if b.is_settled() {
      let line = match b.result {
        BackgroundFetchResult::Success => {
          drop(state);
          self.succeeded(b)
        }
        _ => {
          drop(state);
          format!("{}{}", self.failure_prefix, text::failure(b))
        }
      };
      return self.end(b, &line);
    }
    self.draw(&mut state, b);
    self.draw_total(&mut state);
  }
}

impl State {
  fn known(&mut self, b: &BackgroundFetchSnapshot) -> &mut Entry {
    self.known.entry(b.key).or_insert_with(|| Entry {
      rate: Rate::starting_at(b.received),
      bar: None,
      style: "",
      settled: false,
      name: text::name(b),
      first: b.received,
    })
  }
}

impl Entry {
  fn draw(&mut self, b: &BackgroundFetchSnapshot, owner: &Owner) {
    let Some(bar) = &self.bar else { return };
    let total = b.total_to_download();
    let style = match (b.paused, total) {
      (true, _) => PAUSED,
      (false, _) if b.waiting.is_some() => WAITING,
      (false, None) => UNKNOWN_TOTAL,
      (false, Some(_)) if is_wide() => KNOWN_TOTAL,
      (false, Some(_)) => NARROW,
    };
    if style != self.style {
      self.style = style;
      set_style(bar, style);
      begin(bar);
    }
    if let Some(total) = total {
      bar.set_length(total.saturating_add(b.upload_total));
    }
    let why = match &b.waiting {
      Some(waiting) => format!(": {}", text::waiting(waiting)),
      None => String::new(),
    };
    bar.set_message(format!("{} ({}){why}", self.name, owner(b)));
    bar.set_position(b.received + b.uploaded);
  }
}

/// From now on the bar, which has its place and its style, is drawn: at
/// intervals, not at changes. So the last change is shown, too, however fast
/// they come, and a rate falls when nothing comes.
fn begin(bar: &ProgressBar) {
  bar.enable_steady_tick(DRAW_INTERVAL);
}

/// Takes the form for the terminal's size, where there are two.
fn restyle(bar: &ProgressBar, style: &mut &'static str) {
  let fitting = match *style {
    KNOWN_TOTAL if !is_wide() => NARROW,
    NARROW if is_wide() => KNOWN_TOTAL,
    _ => return,
  };
  *style = fitting;
  set_style(bar, fitting);
}

fn set_style(bar: &ProgressBar, template: &str) {
  if let Ok(style) = ProgressStyle::with_template(template) {
    bar.set_style(style.progress_chars("=> "));
  }
}

/// The rows and columns of the terminal; it may get others at any time.
fn size() -> (usize, usize) {
  let size = rustix::termios::tcgetwinsize(std::io::stderr());
  match size {
    Ok(size) if size.ws_row > 0 && size.ws_col > 0 => {
      (size.ws_row.into(), size.ws_col.into())
    }
    _ => (24, 80),
  }
}

fn is_wide() -> bool {
  size().1 >= WIDE_ENOUGH
}

/// A bar that does not fit would leave its traces.
fn max_bars() -> usize {
  MAX_BARS.min(size().0.saturating_sub(3)).max(1)
}

fn origin(b: &BackgroundFetchSnapshot) -> String {
  let host = b.scope.host_str().unwrap_or("no host");
  match b.scope.port() {
    Some(port) => format!("{host}:{port}"),
    None => host.to_string(),
  }
}
