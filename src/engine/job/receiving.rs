//! What every stream on its way into the store has to do: keep within the byte
//! budget, and note what is written.

use bytes::Bytes;
use bytes::BytesMut;
use parking_lot::Mutex;

use super::fetch_params::Attempt;
use crate::engine::context::Context;
use crate::engine::journal::queue::Progress;
use crate::engine::schedule::byte_budget::ByteBudget;
use crate::ids::BodyId;
use crate::spec::Extents;
use crate::telemetry;

/// How many bytes are appended at once, at most. The stream is read no further
/// when so many wait, or when there is no room for more in the byte budget;
/// then TCP makes the server wait.
pub(super) const MAX_BATCH: usize = 2 * 1024 * 1024;

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
    is_download: job.is_download(),
  };
  context.journal.record_progress(job.key, body, progress);
}

/// How large a chunk is at most that is copied: as a frame of HTTP/2 is.
const SMALL: usize = 16 * 1024;

/// How many bytes of small chunks are copied together at most.
const MAX_COPIED: usize = 256 * 1024;

/// Chunks that are appended together, as a value.
///
/// A small chunk of the transport's may keep a buffer in memory that is twice
/// as large. So those after the first are copied together: what a batch takes
/// in memory is what it has in bytes.
#[derive(Default)]
pub(super) struct Batch {
  chunks: Vec<Bytes>,
  /// Small chunks that come after those.
  copied: BytesMut,
  length: usize,
}

impl Batch {
  pub(super) fn is_empty(&self) -> bool {
    self.length == 0
  }

  pub(super) fn has_room(&self, room: &Room<'_>) -> bool {
    self.length < MAX_BATCH && room.is_there()
  }

  pub(super) fn push(&mut self, chunk: Bytes) {
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
    let length = std::mem::take(&mut self.length) as u64;
    (std::mem::take(&mut self.chunks), length)
  }

  fn end_copy(&mut self) {
    if !self.copied.is_empty() {
      self.chunks.push(self.copied.split().freeze());
    }
  }
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
    let mut batch = Batch::default();
    let small = Bytes::from_static(&[1; 1000]);
    (0..1000).for_each(|_| batch.push(small.clone()));
    assert!(batch.take().0.len() < 20, "law 4");
  }
}
