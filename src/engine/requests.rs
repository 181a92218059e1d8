//! What an embedder sees of the requests of a background fetch.

use super::Engine;
use crate::ids::BackgroundFetchKey;
use crate::snapshot::RequestSnapshot;

impl Engine {
  /// The first `limit` requests of a background fetch, in order; none when
  /// there is no such background fetch.
  pub fn requests(
    &self,
    key: BackgroundFetchKey,
    limit: usize,
  ) -> Vec<RequestSnapshot> {
    let Some(job) = self.context().job(key) else {
      return Vec::new();
    };
    let slots = job.records.iter().take(limit);
    // Not under the lock of the state machine, which is held while these are
    // written.
    let diagnostics = slots.map(|slot| slot.diagnostic.lock().clone());
    let diagnostics: Vec<_> = diagnostics.collect();
    job.inspect(|machine| {
      let records = machine.background_fetch().records.iter();
      records
        .zip(diagnostics)
        .map(|(record, why)| RequestSnapshot::new(record, why))
        .collect()
    })
  }
}
