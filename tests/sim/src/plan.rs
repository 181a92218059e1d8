//! What is going to happen in a history: made from the seed before it begins,
//! so that a failing one can be made shorter piece by piece.

use serde::Deserialize;
use serde::Serialize;

use crate::dice::Dice;

/// A history before it happens. Times are in milliseconds from its beginning.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
  /// Seeds whatever is decided on the way: latencies, torn writes.
  pub noise: u64,
  pub resources: Vec<ResourcePlan>,
  pub fetches: Vec<FetchPlan>,
  pub acts: Vec<(u64, Act)>,
  /// One for each life but the last, in order.
  pub deaths: Vec<Death>,
  /// What becomes of the events, one after the other; when it is at its end
  /// they are handled.
  pub handlers: Vec<Handler>,
  pub settings: Settings,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
  pub total: usize,
  pub per_background_fetch: usize,
  pub per_host: Option<usize>,
  /// In bytes.
  pub byte_budget: u64,
  /// In bytes.
  pub checkpoint: u64,
  /// Whether statuses that may be temporary are tried again.
  pub retry_statuses: bool,
  pub keep_failed: bool,
  /// How many parts of one response are fetched at once.
  #[serde(default = "one")]
  pub segments: usize,
}

fn one() -> usize {
  1
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResourcePlan {
  /// In bytes; each version has a length of its own near it.
  pub length: u64,
  pub validator: Validator,
  /// Whether a request for a part is honoured.
  pub ranges: bool,
  /// Whether a whole answer says how long it is.
  pub says_length: bool,
  /// Over HTTP/2.
  pub http2: bool,
  /// A redirect leads to it, to another URL each time.
  pub redirected: bool,
  /// Compressed for those who take it so.
  #[serde(default)]
  pub compressed: bool,
  /// What goes wrong with one request after the other; then nothing does.
  pub faults: Vec<Fault>,
}

/// How a resource says which version it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Validator {
  StrongEtag,
  WeakEtag,
  Date,
  Nothing,
}

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
  Nothing,
  /// The connection is refused.
  Refused,
  /// There is no route.
  Offline,
  /// The connection ends before an answer; the server may have seen the
  /// request.
  ClosedBeforeHead,
  /// No answer comes.
  SilentBeforeHead,
  /// An answer with this status, and seconds to wait if it says so.
  Status(u16, Option<u64>),
  /// The body breaks after this share of it, in thousandths.
  Broken(u64),
  /// The same, and the transport does not notice: it ends in order.
  Short(u64),
  /// Nothing comes any more after this share.
  Silent(u64),
  /// So many milliseconds between chunks.
  Slow(u64),
  /// The whole, whatever was asked for.
  IgnoresRange,
  /// A part of it that begins somewhere else.
  OtherPart,
  /// A part, shorter than was asked for, by this share.
  ShorterPart(u64),
  /// A part of the latest version, whatever `If-Range` says.
  IgnoresIfRange,
  /// `bytes=` or `bytes:` instead of a blank.
  OddContentRange,
  /// A whole page of a captive portal.
  Page,
  /// The same behind a redirect.
  PageBehindRedirect,
  /// More is announced than there is.
  PromisesMore(u64),
  NotSatisfiable,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FetchPlan {
  pub records: Vec<RecordPlan>,
  /// In bytes; 0 for no limit.
  pub download_total: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordPlan {
  pub resource: usize,
  /// How many bytes a POST sends; `None` for a GET.
  pub upload: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
  /// A script calls `fetch()`.
  Fetch(usize),
  Pause(usize),
  Unpause(usize),
  Abort(usize),
  /// The resource gets another version.
  Change(usize),
  /// No network for so long.
  Offline(u64),
  /// The clock on the wall is set, by so many seconds.
  SetClock(i64),
  /// Only so many bytes more fit, for so many milliseconds.
  FullDisk(u64, u64),
  /// The next flushes of files fail.
  FailingFlush(u64),
  /// The next commits fail: for want of space, or because the database does.
  FailingRows(u64, bool),
}

/// How a process ends, and what makes it end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Death {
  pub when: Moment,
  pub how: How,
  /// For how long there is no process, in milliseconds.
  pub down: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
  /// What was written stays.
  Killed,
  /// What was written and not flushed is there, lost or torn.
  PowerFailure,
  /// In good order.
  Shutdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
  /// So many milliseconds after its start.
  After(u64),
  /// At this call of the file system, done or not.
  DiskCall(u64, bool),
  /// At this change of the rows, made or not, and not answered.
  Commit(u64, bool),
  /// When this request is sent.
  Request(u64),
  /// When the script has seen this event.
  Event(u64),
}

/// What a service worker does with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Handler {
  /// Reads the records and takes so many milliseconds.
  Handles(u64),
  /// Dies after so many milliseconds.
  Crashes(u64),
  /// Takes longer than it may.
  Hangs,
}

impl Plan {
  pub fn new(seed: u64) -> Self {
    let mut dice = Dice::new(seed);
    let dice = &mut dice;
    // Some histories have none of a kind of trouble, so that others show.
    let faulty = !dice.one_in(5);
    let troubled_disk = dice.one_in(3);
    let resources: Vec<_> = (0..dice.between(1, 4))
      .map(|_| ResourcePlan::new(dice, faulty))
      .collect();
    let fetches: Vec<_> = (0..dice.between(1, 3))
      .map(|_| FetchPlan::new(dice, &resources))
      .collect();
    let mut acts = Vec::new();
    for fetch in 0..fetches.len() {
      let begin = dice.below(3) * dice.below(4_000);
      acts.push((begin, Act::Fetch(fetch)));
      if dice.one_in(3) {
        let paused = begin + dice.below(8_000);
        acts.push((paused, Act::Pause(fetch)));
        if !dice.one_in(3) {
          acts.push((paused + dice.below(9_000), Act::Unpause(fetch)));
        }
      }
      if dice.one_in(4) {
        acts.push((begin + dice.below(12_000), Act::Abort(fetch)));
      }
    }
    for resource in 0..resources.len() {
      while dice.one_in(3) {
        acts.push((dice.below(10_000), Act::Change(resource)));
      }
    }
    if faulty && dice.one_in(4) {
      acts.push((dice.below(8_000), Act::Offline(dice.below(90_000))));
    }
    if dice.one_in(6) {
      let seconds = dice.between(0, 7_200) as i64 - 3_600;
      acts.push((dice.below(9_000), Act::SetClock(seconds)));
    }
    if troubled_disk {
      for _ in 0..dice.between(1, 2) {
        let act = match dice.below(4) {
          0 => Act::FullDisk(dice.below(200_000), dice.below(20_000)),
          1 => Act::FailingFlush(dice.between(1, 3)),
          2 => Act::FailingRows(dice.between(1, 4), true),
          _ => Act::FailingRows(dice.between(1, 4), false),
        };
        acts.push((dice.below(9_000), act));
      }
    }
    acts.sort_by_key(|(at, _)| *at);
    let deaths = match dice.below(4) {
      0 => 0,
      n => dice.between(1, n),
    };
    let deaths = (0..deaths).map(|_| Death::new(dice)).collect();
    let handlers = match dice.one_in(2) {
      true => Vec::new(),
      false => (0..dice.below(5)).map(|_| Handler::new(dice)).collect(),
    };
    Self {
      settings: Settings::new(dice),
      noise: dice.number(),
      resources,
      fetches,
      acts,
      deaths,
      handlers,
    }
  }

  /// Plans with one piece less, for a search for the shortest that fails.
  pub fn shorter(&self) -> Vec<Self> {
    let mut all = Vec::new();
    let mut without = |edit: &dyn Fn(&mut Self)| {
      let mut plan = self.clone();
      edit(&mut plan);
      all.push(plan);
    };
    for n in (0..self.deaths.len()).rev() {
      without(&|plan| _ = plan.deaths.remove(n));
    }
    for n in (0..self.acts.len()).rev() {
      without(&|plan| _ = plan.acts.remove(n));
    }
    for n in (0..self.handlers.len()).rev() {
      without(&|plan| _ = plan.handlers.remove(n));
    }
    for r in 0..self.resources.len() {
      for n in (0..self.resources[r].faults.len()).rev() {
        without(&|plan| _ = plan.resources[r].faults.remove(n));
      }
      let length = self.resources[r].length;
      if length > 1_000 {
        without(&|plan| plan.resources[r].length = length / 4);
      }
    }
    for f in 0..self.fetches.len() {
      let records = self.fetches[f].records.len();
      for n in (0..records).rev().filter(|_| records > 1) {
        without(&|plan| _ = plan.fetches[f].records.remove(n));
      }
    }
    all
  }
}

impl ResourcePlan {
  fn new(dice: &mut Dice, faulty: bool) -> Self {
    let length = match dice.below(8) {
      0 => dice.below(2),
      1..4 => dice.below(3_000),
      4..7 => 60_000 + dice.below(60_000),
      _ => dice.below(400_000),
    };
    let faults = match faulty {
      true => dice.below(6),
      false => 0,
    };
    Self {
      length,
      validator: match dice.below(7) {
        0..4 => Validator::StrongEtag,
        4 => Validator::WeakEtag,
        5 => Validator::Date,
        _ => Validator::Nothing,
      },
      ranges: !dice.one_in(6),
      says_length: !dice.one_in(4),
      http2: dice.one_in(3),
      redirected: dice.one_in(4),
      compressed: dice.one_in(6),
      faults: (0..faults).map(|_| Fault::new(dice)).collect(),
    }
  }
}

impl Fault {
  fn new(dice: &mut Dice) -> Self {
    match dice.below(26) {
      0 => Self::Refused,
      1 => Self::Offline,
      2 => Self::ClosedBeforeHead,
      3 => Self::SilentBeforeHead,
      4 => Self::Status(*dice.pick(&[404, 500, 410, 412]), None),
      5 => {
        let after = dice.one_in(2).then(|| dice.below(400));
        Self::Status(*dice.pick(&[408, 429, 503]), after)
      }
      6..11 => Self::Broken(dice.below(1_001)),
      11 | 12 => Self::Short(dice.below(1_000)),
      13 => Self::Silent(dice.below(1_001)),
      14 | 15 => Self::Slow(dice.below(3_000)),
      16 => Self::IgnoresRange,
      17 => Self::OtherPart,
      18 => Self::ShorterPart(dice.below(1_000)),
      19 => Self::IgnoresIfRange,
      20 => Self::OddContentRange,
      21 => Self::Page,
      22 => Self::PageBehindRedirect,
      23 => Self::PromisesMore(dice.between(1, 5_000)),
      24 => Self::NotSatisfiable,
      _ => Self::Nothing,
    }
  }
}

impl FetchPlan {
  fn new(dice: &mut Dice, resources: &[ResourcePlan]) -> Self {
    let records: Vec<_> = (0..dice.between(1, 3))
      .map(|_| RecordPlan {
        resource: dice.index(resources.len()),
        upload: dice.one_in(6).then(|| dice.below(100_000)),
      })
      .collect();
    let most = records.iter().map(|r| 2 * resources[r.resource].length + 1);
    let download_total = match dice.one_in(8) {
      true => dice.below(most.sum::<u64>()),
      false => 0,
    };
    Self {
      records,
      download_total,
    }
  }
}

impl Death {
  fn new(dice: &mut Dice) -> Self {
    if dice.one_in(8) {
      return Self {
        when: Moment::After(dice.below(6_000)),
        how: How::Shutdown,
        down: dice.below(5_000),
      };
    }
    Self {
      when: match dice.below(10) {
        0..3 => Moment::After(dice.below(6_000)),
        3..6 => Moment::DiskCall(dice.below(120), dice.one_in(2)),
        6..8 => Moment::Commit(dice.below(16), dice.one_in(2)),
        8 => Moment::Request(dice.below(8)),
        _ => Moment::Event(dice.below(3)),
      },
      how: match dice.one_in(2) {
        true => How::PowerFailure,
        false => How::Killed,
      },
      down: dice.below(5_000),
    }
  }
}

impl Handler {
  fn new(dice: &mut Dice) -> Self {
    match dice.below(5) {
      0 | 1 => Self::Handles(dice.below(2_000)),
      2 | 3 => Self::Crashes(dice.below(2_000)),
      _ => Self::Hangs,
    }
  }
}

impl Settings {
  fn new(dice: &mut Dice) -> Self {
    Self {
      total: *dice.pick(&[1, 2, 256]),
      per_background_fetch: *dice.pick(&[1, 2, 32]),
      per_host: *dice.pick(&[None, None, Some(1)]),
      byte_budget: *dice.pick(&[100_000, 64 << 20]),
      checkpoint: *dice.pick(&[10_000, 256 << 20]),
      retry_statuses: dice.one_in(2),
      keep_failed: dice.one_in(6),
      segments: *dice.pick(&[1, 1, 2, 5]),
    }
  }
}
