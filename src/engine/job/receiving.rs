//! What every stream on its way into the store has to do: keep within the byte
//! budget, and note what is written.

use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::fetch_params::Attempt;
use crate::engine::context::Context;
use crate::engine::journal::queue::Progress;
use crate::engine::schedule::byte_budget::ByteBudget;
use crate::ids::BodyId;
use crate::spec::Extents;
use crate::store::APPEND_UNIT;
use crate::telemetry;

/// How long received bytes wait for more, so that they are appended together.
const GATHER: Duration = Duration::from_millis(20);

/// Appends end at multiples of this if they can, in bytes: as disks have it.
const BLOCK: u64 = 4096;

/// What the transfer holds of the byte budget: its batch, and what is being
/// appended.
pub(super) struct Room<'a> {
  budget: &'a Mutex<ByteBudget>,
  held: u64,
}

impl<'a> Room<'a> {
  pub(super) fn new(context: &'a Context) -> Self {
    context.byte_budget.lock().begin();
    Self {
      budget: &context.byte_budget,
      held: 0,
    }
  }

  pub(super) fn is_there(&self) -> bool {
    self.budget.lock().has_room(self.held)
  }

  pub(super) fn received(&mut self, bytes: u64) {
    telemetry::received(bytes);
    self.held += bytes;
    self.budget.lock().received(bytes);
  }

  pub(super) fn released(&mut self, bytes: u64) {
    self.held -= bytes;
    self.budget.lock().released(bytes);
  }
}

impl Drop for Room<'_> {
  fn drop(&mut self) {
    self.budget.lock().end(self.held);
  }
}

/// `more` bytes of the record were written to `body`, of which `extents` are
/// stored now. An attempt and its segments are one task, so that what is
/// recorded of a record keeps its order.
pub(super) fn record_progress(
  attempt: Attempt<'_>,
  body: BodyId,
  extents: Extents,
  more: u64,
) {
  let Attempt {
    context,
    job,
    record,
    ..
  } = attempt;
  job.response_data(record).set_stored(extents.prefix());
  let progress = Progress {
    record,
    extents,
    more,
  };
  context.journal.record_progress(job.key, body, progress);
}

/// How large a chunk is at most that is copied: as a frame of HTTP/2 is.
const SMALL: usize = 16 * 1024;

/// How many bytes of small chunks are copied together at most.
const MAX_COPIED: usize = 256 * 1024;

/// Chunks that are appended together, as a value. The stream is read no further
/// when a batch is full, or when there is no room for more in the byte budget;
/// then TCP makes the server wait.
///
/// A small chunk of the transport's may keep a buffer in memory that is twice
/// as large. So those after the first are copied together: what a batch takes
/// in memory is what it has in bytes.
#[derive(Default)]
pub(super) struct Batch {
  chunks: Vec<Bytes>,
  /// Small chunks that come after those.
  copied: BytesMut,
  /// In bytes.
  length: usize,
  /// When the first of them came.
  since: Option<Instant>,
}

impl Batch {
  pub(super) fn is_empty(&self) -> bool {
    self.length == 0
  }

  /// In bytes.
  pub(super) fn length(&self) -> u64 {
    self.length as u64
  }

  pub(super) fn has_room(&self, room: &Room<'_>) -> bool {
    (self.length as u64) < APPEND_UNIT && room.is_there()
  }

  /// Whether it is enough to be appended to a body of `stored` bytes.
  pub(super) fn is_full(&self, stored: u64) -> bool {
    whole(stored, self.length, APPEND_UNIT).is_some()
  }

  /// When it does not wait for more any longer.
  pub(super) fn due(&self) -> Instant {
    self.since.unwrap_or_else(Instant::now) + GATHER
  }

  pub(super) fn push(&mut self, chunk: Bytes) {
    self.since.get_or_insert_with(Instant::now);
    let length = chunk.len();
    if length > SMALL || self.is_empty() {
      self.end_copy();
      self.chunks.push(chunk);
    } else {
      if self.copied.capacity() - self.copied.len() < length {
        self.end_copy();
        self.copied.reserve(self.length.clamp(length, MAX_COPIED));
      }
      self.copied.extend_from_slice(&chunk);
    }
    self.length += length;
  }

  /// All of it, and how many bytes that is.
  pub(super) fn take(&mut self) -> (Vec<Bytes>, u64) {
    self.end_copy();
    self.since = None;
    let length = std::mem::take(&mut self.length) as u64;
    (std::mem::take(&mut self.chunks), length)
  }

  /// The same when more is to come: as much as ends where it is best for a body
  /// of `stored` bytes to end. The rest is the batch from now on.
  pub(super) fn take_whole(&mut self, stored: u64) -> (Vec<Bytes>, u64) {
    let units = [APPEND_UNIT, BLOCK].into_iter();
    let wanted = units.map(|unit| whole(stored, self.length, unit));
    let Some(wanted) = wanted.flatten().next() else {
      return self.take();
    };
    let mut excess = self.length - wanted;
    let (mut chunks, _) = self.take();
    let mut rest = Vec::new();
    while excess > 0
      && let Some(mut chunk) = chunks.pop()
    {
      let end = chunk.len().saturating_sub(excess);
      excess -= chunk.len() - end;
      rest.push(chunk.split_off(end));
      chunks.extend((end > 0).then_some(chunk));
    }
    rest.into_iter().rev().for_each(|chunk| self.push(chunk));
    (chunks, wanted as u64)
  }

  fn end_copy(&mut self) {
    if !self.copied.is_empty() {
      self.chunks.push(self.copied.split().freeze());
    }
  }
}

/// How many of `length` bytes behind `stored` ones end with the last of them
/// that is a multiple of `unit`; `None` when there is none.
fn whole(stored: u64, length: usize, unit: u64) -> Option<usize> {
  let end = stored + length as u64;
  let past = usize::try_from(end % unit).ok()?;
  length.checked_sub(past).filter(|whole| *whole > 0)
}

#[cfg(test)]
mod tests {
  use fastrand::Rng;

  use super::*;

  /// A batch:
  ///
  /// 1. What is taken are the bytes that were pushed, in their order.
  /// 2. The length is theirs.
  /// 3. A large chunk, and one that is alone, is not copied.
  /// 4. Small chunks that come one after the other are few when they are taken.
  /// 5. What is taken while more is to come ends at the last multiple of the
  ///    unit, else of a block, that there is; the rest comes next.
  #[test]
  fn the_laws_hold_whatever_comes() {
    for seed in 0..300 {
      let mut rng = Rng::with_seed(seed);
      let mut batch = Batch::default();
      for _ in 0..3 {
        let mut pushed = Vec::new();
        let mut uncopied = Vec::new();
        for _ in 0..rng.usize(0..200) {
          let length = match rng.bool() {
            true => rng.usize(1..=SMALL),
            false => rng.usize(1..=2 * SMALL),
          };
          let chunk = Bytes::from(vec![rng.u8(..); length]);
          if length > SMALL || pushed.is_empty() {
            uncopied.push(chunk.as_ptr());
          }
          pushed.extend_from_slice(&chunk);
          batch.push(chunk);
          assert_eq!(batch.length, pushed.len(), "law 2, seed {seed}");
        }
        let (chunks, length) = batch.take();
        assert_eq!(chunks.concat(), pushed, "law 1, seed {seed}");
        assert_eq!(length, pushed.len() as u64, "law 2, seed {seed}");
        let is_there = |start| chunks.iter().any(|c| c.as_ptr() == start);
        assert!(uncopied.into_iter().all(is_there), "law 3, seed {seed}");
        assert!(batch.is_empty(), "law 2, seed {seed}");
      }
    }
    for seed in 0..300 {
      let mut rng = Rng::with_seed(seed);
      let mut batch = Batch::default();
      let mut stored = rng.u64(0..2 * APPEND_UNIT);
      let (mut pushed, mut taken) = (Vec::new(), Vec::new());
      for _ in 0..20 {
        for _ in 0..rng.usize(0..10) {
          let most = 1 << rng.u32(1..20);
          let length = rng.usize(1..=most);
          let chunk = Bytes::from(vec![rng.u8(..); length]);
          pushed.extend_from_slice(&chunk);
          batch.push(chunk);
        }
        let end = stored + batch.length as u64;
        let is_full = batch.is_full(stored);
        let (chunks, length) = batch.take_whole(stored);
        taken.extend(chunks.concat());
        let units = [APPEND_UNIT, BLOCK, 1].map(|unit| end - end % unit);
        let whole = units.into_iter().find(|whole| *whole > stored);
        stored += length;
        assert_eq!(stored, whole.unwrap_or(end), "law 5, seed {seed}");
        let is_unit = length > 0 && stored.is_multiple_of(APPEND_UNIT);
        assert_eq!(is_full, is_unit, "law 5, seed {seed}");
        assert_eq!(end - stored, batch.length as u64, "law 2, seed {seed}");
        assert!(pushed.starts_with(&taken), "law 1, seed {seed}");
      }
      taken.extend(batch.take().0.concat());
      assert!(pushed == taken, "law 1, seed {seed}");
    }
    let mut batch = Batch::default();
    let small = Bytes::from_static(&[1; 1000]);
    (0..1000).for_each(|_| batch.push(small.clone()));
    assert!(batch.take().0.len() < 20, "law 4");
  }
}
