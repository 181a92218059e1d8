//! How much of the store an origin uses, and may use.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use url::Origin;

use super::error::FetchError;
use super::policy::Policies;

/// What one origin's background fetches hold in the store: request bodies and
/// response bodies, in bytes. It is counted again from the rows at every start.
#[derive(Debug)]
pub(crate) struct Quota {
  limit: Option<u64>,
  used: AtomicU64,
}

impl Quota {
  /// Counts `more` bytes. Returns false when that is more than the origin may
  /// use; they are counted all the same, until [`Quota::give_back`].
  pub(super) fn take(&self, more: u64) -> bool {
    let used = self.change(|used| used.saturating_add(more));
    self.limit.is_none_or(|limit| used <= limit)
  }

  pub(super) fn give_back(&self, fewer: u64) {
    self.change(|used| used.saturating_sub(fewer));
  }

  /// Returns what is used afterwards.
  fn change(&self, to: impl Fn(u64) -> u64) -> u64 {
    let changed =
      self
        .used
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
          Some(to(used))
        });
    // It never refuses.
    to(changed.unwrap_or_default())
  }

  /// How much is used, and how much there may be when the store can take
  /// `available` bytes more.
  pub(super) fn estimate(&self, available: Option<u64>) -> StorageEstimate {
    let usage = self.used.load(Ordering::Relaxed);
    let room = available.map(|available| usage.saturating_add(available));
    StorageEstimate {
      usage,
      quota: self.limit.or(room),
    }
  }

  /// Whether `requested` more bytes would fit, and why not.
  pub(super) fn check(&self, requested: u64) -> Result<(), FetchError> {
    self.check_within(requested, None)
  }

  /// The same when the store can take `available` bytes more.
  pub(super) fn check_within(
    &self,
    requested: u64,
    available: Option<u64>,
  ) -> Result<(), FetchError> {
    let StorageEstimate {
      usage: used,
      quota: Some(limit),
    } = self.estimate(available)
    else {
      return Ok(());
    };
    if used.saturating_add(requested) <= limit {
      return Ok(());
    }
    Err(FetchError::QuotaExceeded {
      message: format!(
        "{requested} bytes more than the {used} in use would exceed the \
         origin's quota of {limit} bytes"
      ),
      quota: Some(limit),
      requested: Some(used.saturating_add(requested)),
    })
  }

  /// The store had no room for `requested` bytes more, and `message` says so.
  /// None of them is counted, or in the store, any more.
  pub(super) fn no_room(
    &self,
    message: String,
    requested: u64,
    available: Option<u64>,
  ) -> FetchError {
    let used = self.used.load(Ordering::Relaxed);
    let wanted = used.saturating_add(requested);
    // The origin's limit does not count where the disk is smaller.
    let quota = available.map(|available| {
      let room = used.saturating_add(available);
      self.limit.map_or(room, |limit| limit.min(room))
    });
    // A file and a row need more space than what is in them.
    let at_least = quota.map_or(0, |quota| quota.saturating_add(1));
    FetchError::QuotaExceeded {
      message,
      quota,
      requested: Some(wanted.max(at_least)),
    }
  }
}

/// How much of the store an origin uses, and may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageEstimate {
  /// In bytes.
  pub usage: u64,
  /// In bytes, with what is used. Without a limit by
  /// [`EngineConfig::quota`](super::EngineConfig::quota) it is what the disk
  /// can take; `None` when that is not known.
  pub quota: Option<u64>,
}

/// Every origin's.
#[derive(Default)]
pub(crate) struct Quotas(Mutex<HashMap<Origin, Arc<Quota>>>);

impl Quotas {
  pub(super) fn of(&self, origin: &Origin, policies: &Policies) -> Arc<Quota> {
    let new = || {
      Arc::new(Quota {
        limit: policies.quota.limit(origin),
        used: AtomicU64::new(0),
      })
    };
    let mut quotas = self.0.lock();
    match quotas.get(origin) {
      Some(quota) => quota.clone(),
      None => {
        let quota = new();
        quotas.insert(origin.clone(), quota.clone());
        quota
      }
    }
  }
}

/// Bytes that are counted as long as this lives.
pub(crate) struct Reservation {
  quota: Arc<Quota>,
  bytes: u64,
}

impl Reservation {
  pub(super) fn empty(quota: Arc<Quota>) -> Self {
    Self { quota, bytes: 0 }
  }

  /// The origin's.
  pub(super) fn quota(&self) -> &Arc<Quota> {
    &self.quota
  }

  /// From now on it is `bytes` in all. Returns false when that is more than
  /// the origin may use.
  pub(super) fn set(&mut self, bytes: u64) -> bool {
    let before = std::mem::replace(&mut self.bytes, bytes);
    if bytes >= before {
      return self.quota.take(bytes - before);
    }
    self.quota.give_back(before - bytes);
    true
  }

  /// Anyone who has the bytes now gives them back.
  pub(super) fn keep(&mut self) {
    self.bytes = 0;
  }

  /// The same, unless that is more than the origin may use.
  pub(super) fn grow_to(&mut self, bytes: u64) -> Result<(), FetchError> {
    self.quota.check(bytes.saturating_sub(self.bytes))?;
    self.set(bytes);
    Ok(())
  }
}

impl Drop for Reservation {
  fn drop(&mut self) {
    self.quota.give_back(self.bytes);
  }
}
