//! Parts of a response that are fetched beside its attempt.
//!
//! The attempt remains what it is without them: it appends where the stored
//! bytes end, and it alone decides over the record's result. Parts can only
//! help. They are of the representation that is stored, lie inside of its
//! length, and are added to what is stored of it. When the attempt comes to
//! bytes that are stored already it has nothing more to bring, and the record
//! is continued behind them.

use std::ops::Range;

use super::Action;
use super::FetchMachine;
use super::NotAppended;
use super::complete_a_record::State;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::Extents;
use crate::spec::Representation;
use crate::spec::Response;
use crate::spec::StrongValidator;
use crate::spec::Unusable;
use crate::spec::judge_a_part;

/// What can be fetched in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divisible {
  /// How long the whole is, in bytes.
  pub complete_length: u64,
  /// The strong entity tag, with its quotes, for `If-Range`.
  pub entity_tag: String,
  /// Where in the whole the next byte of the attempt belongs.
  pub position: u64,
}

impl FetchMachine {
  /// Whether parts of the record may be fetched beside the attempt, whose body
  /// arrives: it is a `GET` of something whose length is known, without a
  /// content coding, and with a strong entity tag, which alone proves that the
  /// answers of several servers are of one representation.
  pub fn divisible(&self, record: usize, attempt: u32) -> Option<Divisible> {
    let of = &self.background_fetch.records[record];
    let (state, data) = (&self.records[record], &of.response_data);
    let State::Fetching(fetching) = &state.state else {
      return None;
    };
    let is_arriving = state.attempt == attempt && fetching.head.is_some();
    let response = data.response.as_ref().filter(|r| r.is_ok())?;
    let representation = Representation::of(response);
    let Some(StrongValidator::EntityTag(tag)) = representation.validator()
    else {
      return None;
    };
    (is_arriving && of.request.is_get()).then_some(Divisible {
      complete_length: self.complete_length(record)?,
      entity_tag: tag.clone(),
      position: fetching.position + state.in_flight,
    })
  }

  /// Whether the body of `answer`, to a request for `range` of what is stored,
  /// may be added to it. `None` when the attempt is over.
  pub fn judge_part(
    &self,
    record: usize,
    attempt: u32,
    range: &Range<u64>,
    answer: &Response,
  ) -> Option<Result<(), Unusable>> {
    let whole = self.divisible(record, attempt)?;
    let data = &self.background_fetch.records[record].response_data;
    let stored = Representation::of(data.response.as_ref()?);
    Some(judge_a_part(&stored, whole.complete_length, range, answer))
  }

  /// Bytes of `range` were transmitted, for a part that is fetched beside the
  /// attempt.
  ///
  /// # Errors
  ///
  /// They may not be stored: the attempt is over, they do not belong to the
  /// whole, or *downloadTotal* has no room for them. The part ends, which is
  /// not a failure.
  pub fn part_transmitted(
    &mut self,
    record: usize,
    attempt: u32,
    range: &Range<u64>,
  ) -> Result<(), NotAppended> {
    let whole = self.divisible(record, attempt);
    let Some(whole) = whole.filter(|w| range.end <= w.complete_length) else {
      return Err(NotAppended::Terminated);
    };
    debug_assert!(range.end <= whole.complete_length);
    let length = range.end - range.start;
    let held = self.received() + self.in_flight + self.parts_in_flight;
    let download_total = self.background_fetch.download_total;
    if download_total > 0 && held.saturating_add(length) > download_total {
      return Err(NotAppended::Terminated);
    }
    self.records[record].parts_in_flight += length;
    self.parts_in_flight += length;
    Ok(())
  }

  /// Bytes that [`FetchMachine::part_transmitted`] allowed are written. Those
  /// of an attempt that was terminated meanwhile count, too; but no other may
  /// have begun.
  pub fn part_written(
    &mut self,
    record: usize,
    range: Range<u64>,
    actions: &mut Vec<Action>,
  ) {
    self.part_given_up(record, range.end - range.start);
    self.add_extent(record, range, actions);
    actions.push(Action::UpdateInstances);
  }

  /// So many bytes that [`FetchMachine::part_transmitted`] allowed are not
  /// going to be written.
  pub fn part_given_up(&mut self, record: usize, length: u64) {
    let state = &mut self.records[record];
    let length = length.min(state.parts_in_flight);
    state.parts_in_flight -= length;
    self.parts_in_flight -= length;
  }

  /// The attempt has come to bytes that are stored already, and all that it
  /// brought is appended. The record continues behind them.
  pub fn reached_extent(
    &mut self,
    record: usize,
    attempt: u32,
    actions: &mut Vec<Action>,
  ) {
    if self.fetching(record, attempt).is_some() {
      // complete.15: result is the empty string: the rest is missing, if there
      // is one.
      self.complete_a_record(record, actions);
    }
  }

  /// Which bytes of the record's response are stored.
  pub fn extents(&self, record: usize) -> &Extents {
    &self.background_fetch.records[record].response_data.extents
  }

  /// How many bytes the attempt has to bring before the next that are stored,
  /// behind those that it has brought.
  pub(super) fn before_extent(
    &self,
    record: usize,
    attempt: u32,
  ) -> Option<u64> {
    let state = &self.records[record];
    let State::Fetching(fetching) = &state.state else {
      return None;
    };
    let extents = self.extents(record);
    let is_plain =
      extents.ahead().is_empty() && extents.prefix() <= fetching.position;
    if state.attempt != attempt || is_plain {
      return None;
    }
    let position = fetching.position + state.in_flight;
    Some(extents.next_stored(position)? - position)
  }

  /// Bytes of the record are stored. The prefix grows by more than them when
  /// that closes a gap.
  pub(super) fn add_extent(
    &mut self,
    record: usize,
    range: Range<u64>,
    actions: &mut Vec<Action>,
  ) {
    let data = &mut self.background_fetch.records[record].response_data;
    let before = (data.bytes(), data.extents.ahead_total());
    data.extents.add(range);
    let after = (data.bytes(), data.extents.ahead_total());
    self.records[record].has_stored(after.0);
    self.stored += after.0 - before.0;
    self.ahead = self.ahead + after.1 - before.1;
    // complete.11.response.6.1, for what was behind a gap.
    let download_total = self.background_fetch.download_total;
    let State::Fetching(_) = &self.records[record].state else {
      return;
    };
    if download_total > 0 && self.stored > download_total {
      let attempt = self.records[record].attempt;
      actions.push(Action::Terminate { record, attempt });
      let reason = BackgroundFetchFailureReason::DownloadTotalExceeded;
      self.fail(record, reason, actions);
    }
  }
}

/// The laws of parts, on every schedule:
///
/// 1. What is stored is what was appended and written, and the counts say so.
/// 2. No part passes the end of the whole, and none is allowed beyond
///    *downloadTotal*.
/// 3. The prefix never shrinks.
/// 4. The attempt is asked for no byte that is stored, and brings no other but
///    those before the next one that is.
/// 5. When all is there the record is verified, whatever brought it; before, it
///    never is.
/// 6. The result is the one that the attempt alone would have come to.
#[cfg(test)]
mod tests {
  use fastrand::Rng;

  use super::super::Wanted;
  use super::*;
  use crate::spec::BackgroundFetch;
  use crate::spec::BackgroundFetchRecord;
  use crate::spec::BackgroundFetchResponse;
  use crate::spec::RecordResult;
  use crate::spec::Request;
  use crate::spec::test_support::response;
  use crate::spec::test_support::url;

  const LENGTH: u64 = 60;
  const TAG: (&str, &str) = ("etag", "\"1\"");

  fn whole() -> Response {
    response(200, &[TAG, ("content-length", "60")])
  }

  fn part(range: &str) -> Response {
    response(206, &[TAG, ("content-range", range)])
  }

  /// A machine whose only record's first attempt has its head.
  fn machine(download_total: u64, stored: Extents) -> FetchMachine {
    let mut machine = FetchMachine::new(BackgroundFetch {
      download_total,
      ..BackgroundFetch::new(
        "id".into(),
        vec![BackgroundFetchRecord {
          request: Request::get(url("https://a.test/")).into(),
          response_data: BackgroundFetchResponse {
            response: (stored.total() > 0).then(whole),
            extents: stored,
            result: None,
          },
        }],
      )
    });
    machine.begin(&mut Vec::new());
    machine
  }

  /// The attempt begins, and is answered. Returns whether it did.
  fn head(machine: &mut FetchMachine, attempt: u32) -> bool {
    let Some(start) = machine.start_fetch(0, attempt) else {
      return false;
    };
    let answer = match start.range_start {
      0 => whole(),
      first => part(&format!("bytes {first}-59/60")),
    };
    machine.process_response(0, attempt, answer, &mut Vec::new());
    true
  }

  struct World {
    machine: FetchMachine,
    actions: Vec<Action>,
    attempt: u32,
    /// Received by the attempt and by parts, in that order, not written yet.
    in_flight: u64,
    parts: Vec<Range<u64>>,
    has_ended: bool,
  }

  impl World {
    fn update<T>(
      &mut self,
      what: impl FnOnce(&mut FetchMachine, &mut Vec<Action>) -> T,
    ) -> T {
      let before = self.machine.extents(0).prefix();
      let answer = what(&mut self.machine, &mut self.actions);
      let extents = self.machine.extents(0);
      assert!(extents.prefix() >= before, "law 3");
      assert!(extents.end() <= LENGTH, "law 2");
      assert_eq!(self.machine.received(), extents.total(), "law 1");
      answer
    }

    fn receive(&mut self, length: u64) {
      let attempt = self.attempt;
      let position =
        self.machine.divisible(0, attempt).map_or(0, |d| d.position);
      let next = self.machine.extents(0).next_stored(position);
      let length = length.min(LENGTH - position);
      let answer =
        self.update(|p, a| p.bytes_transmitted(0, attempt, length, a));
      match answer {
        Err(_) => self.has_ended = true,
        Ok(Wanted::All) => {
          assert!(next.is_none_or(|n| n > position + length), "law 4");
          self.in_flight += length;
        }
        Ok(Wanted::UpToExtent(wanted)) => {
          assert_eq!(next, Some(position + wanted), "law 4");
          self.in_flight += wanted;
          self.append(u64::MAX);
          self.next_attempt();
        }
      }
    }

    fn append(&mut self, length: u64) {
      let length = length.min(self.in_flight);
      self.in_flight -= length;
      self.update(|p, a| p.bytes_appended(0, length, a));
    }

    fn receive_part(&mut self, range: Range<u64>) {
      let attempt = self.attempt;
      let fits = range.end <= LENGTH;
      let answer = self.update(|p, _| p.part_transmitted(0, attempt, &range));
      assert!(fits || answer.is_err(), "law 2");
      if answer.is_ok() {
        self.parts.push(range);
      }
    }

    fn write_part(&mut self, index: usize) {
      let range = self.parts.remove(index);
      self.update(|p, a| p.part_written(0, range, a));
    }

    /// The attempt has come to an extent. Its parts end before it does.
    fn next_attempt(&mut self) {
      for _ in 0..self.parts.len() {
        self.write_part(0);
      }
      let attempt = self.attempt;
      self.update(|p, a| p.reached_extent(0, attempt, a));
      self.machine.end_attempt(0);
      self.attempt += 1;
      self.has_ended = !head(&mut self.machine, self.attempt);
    }

    fn result(&self) -> Option<RecordResult> {
      self.machine.background_fetch().records[0]
        .response_data
        .result
    }
  }

  #[test]
  fn the_laws_hold_on_every_schedule() {
    for seed in 0..20_000 {
      let mut rng = Rng::with_seed(seed);
      let mut stored = Extents::default();
      if rng.bool() {
        let prefix = rng.u64(1..LENGTH - 1);
        stored.add(0..prefix);
        let start = rng.u64(prefix + 1..LENGTH);
        stored.add(start..rng.u64(start..=LENGTH));
      }
      let total = match rng.u8(0..4) {
        0 => rng.u64(1..LENGTH),
        1 => LENGTH,
        _ => 0,
      };
      let total = if stored.total() > total { 0 } else { total };
      let mut world = World {
        machine: machine(total, stored),
        actions: Vec::new(),
        attempt: 1,
        in_flight: 0,
        parts: Vec::new(),
        has_ended: false,
      };
      world.has_ended = !head(&mut world.machine, 1);
      for _ in 0..400 {
        if world.has_ended {
          break;
        }
        match rng.u8(0..6) {
          0 | 1 => world.receive(rng.u64(1..20)),
          2 => world.append(rng.u64(0..20)),
          3 => {
            // As a planner does: ahead of what the attempt has.
            let position = world.machine.divisible(0, world.attempt);
            let start = position.map_or(0, |d| d.position) + rng.u64(1..20);
            world.receive_part(start..start + rng.u64(1..20));
          }
          _ if world.parts.is_empty() => {}
          _ => world.write_part(rng.usize(0..world.parts.len())),
        }
        let all = world.machine.extents(0).prefix() == LENGTH;
        if all && world.in_flight == 0 && !world.has_ended {
          world.next_attempt();
          assert!(world.has_ended, "law 5, seed {seed}");
        }
      }
      let all = world.machine.extents(0).prefix() == LENGTH;
      let exceeded = RecordResult::Failure(
        BackgroundFetchFailureReason::DownloadTotalExceeded,
      );
      let verified = world
        .actions
        .iter()
        .any(|action| matches!(action, Action::Verify { .. }));
      if total > 0 && total < LENGTH {
        assert!(!verified, "law 6, seed {seed}");
        assert!(
          !world.has_ended || world.result() == Some(exceeded),
          "law 6, seed {seed}"
        );
      } else {
        assert_eq!(verified, world.has_ended && all, "law 5, seed {seed}");
        assert_eq!(world.result(), None, "law 6, seed {seed}");
      }
    }
  }

  #[test]
  fn only_a_strong_entity_tag_and_a_length_make_parts_possible() {
    let divisible = |head: Response| {
      let mut machine = machine(0, Extents::default());
      machine.start_fetch(0, 1).unwrap();
      machine.process_response(0, 1, head, &mut Vec::new());
      machine.divisible(0, 1)
    };
    let length = ("content-length", "60");
    let found = divisible(response(200, &[TAG, length])).unwrap();
    assert_eq!((found.complete_length, found.position), (60, 0));
    assert_eq!(found.entity_tag, TAG.1);
    let weak = ("etag", "W/\"1\"");
    let modified = ("last-modified", "Sun, 06 Sep 2026 10:00:00 GMT");
    let date = ("date", "Sun, 06 Sep 2026 11:00:00 GMT");
    for head in [
      response(200, &[TAG]),
      response(200, &[length]),
      response(200, &[weak, length]),
      response(200, &[modified, date, length]),
      response(404, &[TAG, length]),
    ] {
      assert_eq!(divisible(head.clone()), None, "{head:?}");
    }
    let mut coded = response(200, &[TAG, length]);
    coded.decoded = true;
    assert_eq!(divisible(coded), None);
  }

  #[test]
  fn a_part_proves_all_that_it_is() {
    let mut machine = machine(0, Extents::default());
    assert!(head(&mut machine, 1));
    let judge =
      |answer: &Response| machine.judge_part(0, 1, &(30..40), answer).unwrap();
    assert_eq!(judge(&part("bytes 30-39/60")), Ok(()));
    assert_eq!(judge(&part("bytes 30-34/60")), Ok(()));
    for bad in [
      whole(),
      response(416, &[TAG, ("content-range", "bytes */60")]),
      response(206, &[("content-range", "bytes 30-39/60")]),
      response(
        206,
        &[("etag", "\"2\""), ("content-range", "bytes 30-39/60")],
      ),
      response(206, &[TAG]),
      part("bytes 30-39/61"),
      part("bytes 30-39/*"),
      part("bytes 29-39/60"),
      part("bytes 30-40/60"),
      response(
        206,
        &[
          TAG,
          ("content-range", "bytes 30-39/60"),
          ("content-length", "11"),
        ],
      ),
    ] {
      assert!(judge(&bad).is_err(), "{bad:?}");
    }
  }
}
