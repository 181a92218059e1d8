//! How many fetches may be on the wire for each host.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;

/// A limit for every host by itself.
pub(crate) struct HostLimits {
  limit: Option<usize>,
  /// Of the hosts that are used or waited for.
  hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl HostLimits {
  pub(crate) fn new(limit: Option<usize>) -> Self {
    Self {
      limit: limit.map(|limit| limit.clamp(1, Semaphore::MAX_PERMITS)),
      hosts: Mutex::default(),
    }
  }

  /// Waits until `host` may be asked. `Some(None)` where there is no limit.
  pub(crate) async fn acquire(
    &self,
    host: &str,
  ) -> Option<Option<OwnedSemaphorePermit>> {
    let Some(limit) = self.limit else {
      return Some(None);
    };
    let semaphore = {
      let mut hosts = self.hosts.lock();
      // Nobody holds or awaits a permit of what only the map knows.
      hosts.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
      let new = || Arc::new(Semaphore::new(limit));
      hosts.entry(host.to_string()).or_insert_with(new).clone()
    };
    semaphore.acquire_owned().await.ok().map(Some)
  }
}

#[cfg(test)]
mod tests {
  use futures::FutureExt;

  use super::*;

  #[test]
  fn each_host_has_its_own_limit() {
    let limits = HostLimits::new(Some(1));
    let get = |host| limits.acquire(host).now_or_never().flatten().flatten();
    let a = get("a");
    assert!(a.is_some() && get("b").is_some());
    assert!(get("a").is_none());
    drop(a);
    assert!(get("a").is_some());
    assert!(limits.hosts.lock().len() <= 2);
  }
}
