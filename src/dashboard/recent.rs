//! Those that have ended and are gone from the store.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

use crate::display::text;
use crate::engine::BackgroundFetchSnapshot;
use crate::engine::Engine;
use crate::ids::BackgroundFetchKey;
use crate::spec::BackgroundFetchResult;

/// How many are remembered.
const MAX: usize = 20;

/// Newest first.
#[derive(Default)]
pub(super) struct Recent(Mutex<VecDeque<Ended>>);

#[derive(Clone, Serialize)]
pub(super) struct Ended {
  key: BackgroundFetchKey,
  name: String,
  /// In bytes.
  downloaded: u64,
  succeeded: bool,
  why: String,
}

impl Recent {
  /// Hears of everything that ends, as long as this and the engine live.
  pub(super) fn follow(self: &Arc<Self>, engine: &Engine) {
    let observer = engine.observe();
    let weak = Arc::downgrade(self);
    engine.spawn_until_stopped(async move {
      loop {
        let b = observer.next().await;
        let Some(this) = weak.upgrade() else {
          return;
        };
        this.observed(&b);
      }
    });
  }

  fn observed(&self, b: &BackgroundFetchSnapshot) {
    let mut ended = self.0.lock();
    ended.retain(|one| one.key != b.key);
    if b.is_settled() {
      let succeeded = b.result == BackgroundFetchResult::Success;
      ended.push_front(Ended {
        key: b.key,
        name: text::name(b),
        downloaded: b.received,
        succeeded,
        why: match succeeded {
          true => String::new(),
          false => text::failure(b),
        },
      });
      ended.truncate(MAX);
    }
  }

  pub(super) fn all(&self) -> Vec<Ended> {
    self.0.lock().iter().cloned().collect()
  }
}
