//! Which parts of one response are fetched at once, as a value.
//!
//! [`SegmentPlanner`] takes how far each segment has come and how it ended, and
//! returns which one to start next. It never waits, never asks the time and
//! does no I/O.
//!
//! The first segment is the attempt's own: it fetches from where the stored
//! bytes end to the end of the whole, or to the next byte that is stored. The
//! others fetch ranges of what is missing behind it. One is started at first,
//! since only its answer proves that the server serves ranges of this
//! resource; then as many as may be. When there is a place for one more, the
//! segment that would take longest gives the end of its rest away: so much
//! that all come to their ends at the same time, at the rates that they have.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::policy::SegmentPolicy;
use crate::spec::Extents;

/// Names a segment within its planner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentId(u32);

/// The attempt's own.
pub(crate) const PRIMARY: SegmentId = SegmentId(0);

/// How long a rate is measured before it counts.
const WINDOW: Duration = Duration::from_millis(500);

/// Whatever the smallest size is, a segment is helped that would take so much
/// longer without.
const STRAGGLER: Duration = Duration::from_secs(5);

/// No request is worth its while for less, in bytes, and the attempt's own
/// segment always keeps as much.
const MIN_PIECE: u64 = 256 * 1024;

/// How long no segment is started after one has failed, twice as long each
/// time in a row.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// How a segment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SegmentEnd {
  /// It has nothing more to bring.
  Done,
  /// Another time it may succeed.
  Failed,
  /// The server does not serve parts of this: there are no more segments.
  Refused,
}

/// A segment that may be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
  pub(crate) range: Range<u64>,
  /// Whose rest it is taken from.
  owner: Option<SegmentId>,
}

#[derive(Debug)]
struct Segment {
  /// Its first byte.
  start: u64,
  /// What it receives next.
  next: u64,
  /// Behind its last byte.
  end: u64,
  measured_at: Instant,
  measured_from: u64,
  /// In bytes a second, once it is known.
  rate: Option<f64>,
}

impl Segment {
  fn new(range: Range<u64>, now: Instant) -> Self {
    Self {
      start: range.start,
      next: range.start,
      end: range.end,
      measured_at: now,
      measured_from: range.start,
      rate: None,
    }
  }

  fn measure(&mut self, now: Instant) {
    let time = now.saturating_duration_since(self.measured_at);
    if time < WINDOW {
      return;
    }
    let bytes = self.next.saturating_sub(self.measured_from);
    let rate = bytes as f64 / time.as_secs_f64();
    self.rate = Some(self.rate.map_or(rate, |old| (old + rate) / 2.0));
    self.measured_at = now;
    self.measured_from = self.next;
  }
}

/// A range that is missing, and who is on it.
struct Missing {
  range: Range<u64>,
  owner: Option<SegmentId>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct SegmentPlanner {
  policy: SegmentPolicy,
  /// Of the whole, in bytes.
  length: u64,
  segments: BTreeMap<SegmentId, Segment>,
  last_id: u32,
  is_proven: bool,
  is_refused: bool,
  /// In a row.
  failures: u32,
  not_before: Option<Instant>,
}

impl SegmentPlanner {
  /// For a whole of `length` bytes, of which the attempt fetches those from
  /// `position` on.
  pub(crate) fn new(
    policy: SegmentPolicy,
    length: u64,
    position: u64,
    now: Instant,
  ) -> Self {
    let primary = Segment::new(position..length, now);
    Self {
      policy,
      length,
      segments: BTreeMap::from([(PRIMARY, primary)]),
      last_id: 0,
      is_proven: false,
      is_refused: false,
      failures: 0,
      not_before: None,
    }
  }

  /// The attempt has come so far. Returns the segments that it has passed
  /// before they had brought anything: they are of no use any more. Once its
  /// own segment has ended it passes none, wherever it stands: what follows is
  /// for the others to bring.
  pub(crate) fn moved(&mut self, position: u64) -> Vec<SegmentId> {
    let Some(primary) = self.segments.get_mut(&PRIMARY) else {
      return Vec::new();
    };
    primary.next = primary.next.max(position);
    let passed = self.segments.iter_mut().filter(|(id, segment)| {
      **id != PRIMARY
        && segment.start <= position
        && segment.next == segment.start
        && segment.start < segment.end
    });
    let passed = passed.map(|(id, segment)| {
      segment.end = segment.start;
      *id
    });
    passed.collect()
  }

  /// A segment's answer is what was asked for.
  pub(crate) fn answered(&mut self) {
    self.is_proven = true;
  }

  /// A segment has received so many bytes. Returns how many of them, in front,
  /// are its own to keep; when not all are it has come to its end.
  pub(crate) fn take(&mut self, id: SegmentId, bytes: u64) -> u64 {
    let Some(segment) = self.segments.get_mut(&id) else {
      return 0;
    };
    let taken = bytes.min(segment.end.saturating_sub(segment.next));
    segment.next += taken;
    taken
  }

  /// Whether a segment has received all that it has to.
  pub(crate) fn is_at_end(&self, id: SegmentId) -> bool {
    let segment = self.segments.get(&id);
    segment.is_none_or(|segment| segment.next >= segment.end)
  }

  /// A segment is no more.
  pub(crate) fn ended(&mut self, id: SegmentId, how: SegmentEnd, now: Instant) {
    if self.segments.remove(&id).is_none() {
      return;
    }
    match how {
      SegmentEnd::Done if id == PRIMARY => {}
      SegmentEnd::Done => self.failures = 0,
      SegmentEnd::Refused => self.is_refused = true,
      SegmentEnd::Failed => {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10));
        self.not_before = Some(now + pause.min(MAX_PAUSE));
        self.failures += 1;
      }
    }
  }

  /// Whether there are, or may be, segments beside the attempt's own.
  pub(crate) fn is_refused(&self) -> bool {
    self.is_refused
  }

  /// What may be started now, where these bytes are stored. Nothing changes
  /// before it [is](SegmentPlanner::start).
  pub(crate) fn next(
    &mut self,
    stored: &Extents,
    now: Instant,
  ) -> Option<Proposal> {
    for segment in self.segments.values_mut() {
      segment.measure(now);
    }
    let others = self.segments.keys().filter(|id| **id != PRIMARY).count();
    let is_probing = !self.is_proven && others > 0;
    if self.is_refused
      || is_probing
      || self.segments.len() >= self.policy.max
      || self.not_before.is_some_and(|time| now < time)
    {
      return None;
    }
    let missing = self.missing(stored);
    self
      .propose_unowned(&missing)
      .or_else(|| self.propose_a_share(&missing))
  }

  /// Starts what was proposed. Returns who it is, and which other one has
  /// nothing left to do.
  pub(crate) fn start(
    &mut self,
    proposal: &Proposal,
    now: Instant,
  ) -> (SegmentId, Option<SegmentId>) {
    self.last_id += 1;
    let id = SegmentId(self.last_id);
    let mut overtaken = None;
    if let Some(owner) = proposal.owner.filter(|owner| *owner != PRIMARY)
      && let Some(segment) = self.segments.get_mut(&owner)
    {
      segment.end = segment.end.min(proposal.range.start);
      overtaken = (segment.next >= segment.end).then_some(owner);
    }
    let segment = Segment::new(proposal.range.clone(), now);
    self.segments.insert(id, segment);
    (id, overtaken)
  }

  /// Everything that is missing, in order, by who fetches it.
  fn missing(&self, stored: &Extents) -> Vec<Missing> {
    let others = self
      .segments
      .iter()
      .filter(|(id, s)| **id != PRIMARY && s.start < s.end);
    let mut others: Vec<_> = others.collect();
    others.sort_by_key(|(_, segment)| segment.start);
    let primary = self.segments.get(&PRIMARY).map(|segment| segment.next);
    let mut all = Vec::new();
    let mut push = |range: Range<u64>, owner: Option<SegmentId>| {
      let owner = match primary {
        // It continues until it comes to another one; what it has passed is
        // still to be written.
        Some(next) if owner.is_none() && range.start <= next => Some(PRIMARY),
        _ => owner,
      };
      if !range.is_empty() {
        all.push(Missing { range, owner });
      }
    };
    for gap in stored.gaps(self.length) {
      let mut from = gap.start;
      for (id, segment) in &others {
        let start = segment.start.clamp(from, gap.end);
        let end = segment.end.clamp(start, gap.end);
        push(from..start, None);
        push(start..end, Some(**id));
        from = end;
      }
      push(from..gap.end, None);
    }
    all
  }

  /// The rate of a segment; where it is not known, that of the others.
  fn rate(&self, segment: &Segment) -> f64 {
    segment.rate.unwrap_or_else(|| self.mean_rate())
  }

  /// What a new segment may be expected to have, in bytes a second.
  fn mean_rate(&self) -> f64 {
    let known = self.segments.values().filter_map(|segment| segment.rate);
    let (count, sum) = known.fold((0u32, 0.0), |(n, sum), r| (n + 1, sum + r));
    match count {
      // All are equal, so any will do.
      0 => 1.0,
      count => f64::max(sum / f64::from(count), 1.0),
    }
  }

  /// How many seconds all of it takes, when all come to their ends together.
  fn ideal_time(&self, missing: &[Missing]) -> f64 {
    let rest: u64 = missing.iter().map(|part| self.rest(part)).sum();
    let free = self.policy.max.saturating_sub(self.segments.len());
    let rates: f64 = self.segments.values().map(|s| self.rate(s)).sum();
    rest as f64 / (rates + free as f64 * self.mean_rate())
  }

  /// How much of a missing range is still to be received.
  fn rest(&self, part: &Missing) -> u64 {
    let owner = part.owner.and_then(|owner| self.segments.get(&owner));
    let next = owner.map_or(part.range.start, |segment| segment.next);
    part.range.end.saturating_sub(next.max(part.range.start))
  }

  /// So much as a new segment brings until all are at their ends; or all, when
  /// what would be left is not worth a request, or there is no segment to ask
  /// for it.
  fn piece(&self, range: Range<u64>, missing: &[Missing]) -> Range<u64> {
    let ideal = self.mean_rate() * self.ideal_time(missing);
    let piece = aligned(ideal).max(self.policy.min_size);
    let is_last = self.segments.len() + 1 >= self.policy.max;
    let least = piece.saturating_add(self.policy.min_size);
    match is_last || range.end - range.start < least {
      true => range,
      false => range.start..range.start + piece,
    }
  }

  fn propose_unowned(&self, missing: &[Missing]) -> Option<Proposal> {
    let unowned = missing.iter().find(|part| part.owner.is_none())?;
    Some(Proposal {
      range: self.piece(unowned.range.clone(), missing),
      owner: None,
    })
  }

  fn propose_a_share(&self, missing: &[Missing]) -> Option<Proposal> {
    let time = self.ideal_time(missing);
    let shares = missing.iter().filter_map(|part| {
      let owner = part.owner?;
      let share = self.share(owner, part, time)?;
      Some((share, owner))
    });
    let (share, owner) =
      shares.max_by_key(|(share, _)| share.end - share.start)?;
    Some(Proposal {
      range: self.piece(share, missing),
      owner: Some(owner),
    })
  }

  /// What the owner of a range gives away, if that is worth a request.
  fn share(
    &self,
    owner: SegmentId,
    part: &Missing,
    time: f64,
  ) -> Option<Range<u64>> {
    let segment = self.segments.get(&owner)?;
    let rest = self.rest(part);
    let (rate, mean) = (self.rate(segment), self.mean_rate());
    let min_size = self.policy.min_size.max(MIN_PIECE);
    let least = match owner {
      PRIMARY => MIN_PIECE,
      _ => 0,
    };
    let from = part.range.end - rest;
    let behind = |keep: f64| {
      let keep = aligned(keep).max(least).min(rest);
      from + keep..part.range.end
    };
    let share = behind(rate * time);
    if rest >= min_size.saturating_mul(2) && share.end - share.start >= min_size
    {
      return Some(share);
    }
    // It is alone with its rate: whether others are faster cannot be said before
    // it is known.
    segment.rate?;
    let alone = rest as f64 / rate;
    let helped = rest as f64 / (rate + mean);
    let share = behind(helped * rate);
    let is_straggler = alone - helped >= STRAGGLER.as_secs_f64();
    (is_straggler && share.end - share.start >= MIN_PIECE).then_some(share)
  }
}

/// Where a file system's block begins.
fn aligned(bytes: f64) -> u64 {
  const BLOCK: u64 = 4096;
  (bytes as u64).next_multiple_of(BLOCK)
}
