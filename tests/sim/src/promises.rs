//! What was promised to scripts, and whether it was kept: the durability
//! contract, the right bytes, and that everything comes to an end.

use background_fetch::store::BackgroundFetchKey;

use crate::plan::FetchPlan;
use crate::plan::Plan;
use crate::plan::RecordPlan;
use crate::server::ServerState;

/// What the world's scripts were told.
pub struct Promises {
  plans: Vec<FetchPlan>,
  pub fetches: Vec<Promise>,
  /// The disk has failed to flush: then bytes may be lost.
  pub flushes_have_failed: bool,
  /// Changes of rows were refused.
  pub rows_have_failed: bool,
  /// They were refused for want of space.
  pub rows_were_full: bool,
  /// The disk was full for a while.
  pub disk_was_full: bool,
  /// How many bytes the next process has to find of a record, at least.
  pub bytes: Vec<(BackgroundFetchKey, usize, u64)>,
  /// The power has failed, and no process has continued yet.
  pub tails_are_uncertain: bool,
  /// Bodies may have gaps, so that their lengths say nothing.
  pub has_gaps: bool,
  /// What was not kept.
  pub broken: Vec<String>,
}

/// One background fetch.
#[derive(Clone, Debug, Default)]
pub struct Promise {
  /// `fetch()` was called, and has not answered.
  pub asked: bool,
  pub key: Option<BackgroundFetchKey>,
  /// `abort()` has answered `true`.
  pub aborted: bool,
  /// The event was handled.
  pub handled: bool,
  /// In which process, if no other one has begun since.
  pub handled_here: bool,
  /// What `pause()` and `unpause()` have answered last; `None` while one of
  /// them may be under way.
  pub paused: Option<bool>,
}

impl Promises {
  pub fn new(plan: &Plan) -> Self {
    Self {
      plans: plan.fetches.clone(),
      fetches: vec![Promise::default(); plan.fetches.len()],
      flushes_have_failed: false,
      rows_have_failed: false,
      rows_were_full: false,
      disk_was_full: false,
      bytes: Vec::new(),
      tails_are_uncertain: false,
      has_gaps: plan.settings.segments > 1,
      broken: Vec::new(),
    }
  }

  /// Whether nothing happens to the background fetch of this number that could
  /// be a reason for it to fail.
  pub fn cannot_fail(&self, number: usize, server: &ServerState) -> bool {
    let plan = &self.plans[number];
    let is_safe = |record: &RecordPlan| {
      record.upload.is_none() && !server.is_faulted(record.resource)
    };
    plan.download_total == 0
      && !self.flushes_have_failed
      && !self.rows_have_failed
      && !self.disk_was_full
      && plan.records.iter().all(is_safe)
  }

  /// Whether its failure may be that bytes of it are gone: the disk has failed
  /// to keep them, or they [have made room](Self::has_made_room).
  pub fn may_lack_bytes(&mut self, key: BackgroundFetchKey) -> bool {
    self.flushes_have_failed || self.has_made_room(key)
  }

  /// Whether bytes of it may be gone that were all there once: they were not
  /// needed any more (the event was handled, or others took their place), and
  /// have made room on a full disk for the row that says so.
  pub fn has_made_room(&mut self, key: BackgroundFetchKey) -> bool {
    let was_handled = self.of(key).is_some_and(|promise| promise.handled);
    self.rows_were_full || was_handled && self.rows_have_failed
  }

  pub fn of(&mut self, key: BackgroundFetchKey) -> Option<&mut Promise> {
    let mut all = self.fetches.iter_mut();
    all.find(|promise| promise.key == Some(key))
  }

  /// A process begins: what was asked of the one before is not answered.
  pub fn process_begins(&mut self) {
    for promise in &mut self.fetches {
      promise.handled_here = false;
    }
  }
}
