//! Bodies that no row knows: a process was killed before the row of a new body
//! was written, or before a body followed its row.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use crate::engine::context::Context;
use crate::engine::until::until;
use crate::ids::BodyId;
use crate::store::StoreError;

/// For how long nothing was written to a body before it is taken for one that
/// was left behind. That this process does not know it is not enough: another
/// one may be about to write its row.
const ORPHAN_AGE: Duration = Duration::from_secs(60 * 60);

/// Deletes what was left behind: now, and later what is too young now. `known`
/// is what the rows speak of.
pub(crate) async fn collect(
  context: &Arc<Context>,
  known: &HashSet<BodyId>,
) -> Result<(), StoreError> {
  let bodies = context.store.get()?.bodies.ids().await?.into_iter();
  let unknown: Vec<BodyId> = bodies.filter(|id| !known.contains(id)).collect();
  let now = context.platform.now();
  let is_old = |_, modified| is_old(modified, now);
  let mut young = delete_old(context, unknown, is_old).await;
  if !young.is_empty() {
    let context = context.clone();
    context.clone().spawn(async move {
      // This engine makes no body that was there before it. What is as it was
      // an hour ago is old, however the clock on the wall was set meanwhile.
      while !young.is_empty() {
        let later = tokio::time::sleep(ORPHAN_AGE);
        if until(&context.stopping, later).await.is_none() {
          return;
        }
        let bodies = young.keys().copied().collect();
        let is_old = |id, modified| young.get(&id) == Some(&modified);
        young = delete_old(&context, bodies, is_old).await;
      }
    });
  }
  Ok(())
}

/// Deletes those that are old by when they were last written to, and returns
/// the others.
async fn delete_old(
  context: &Context,
  bodies: Vec<BodyId>,
  is_old: impl Fn(BodyId, SystemTime) -> bool,
) -> BTreeMap<BodyId, SystemTime> {
  let mut old = Vec::new();
  let mut young = BTreeMap::new();
  let Ok(store) = context.store.get() else {
    return young;
  };
  for body in bodies {
    match store.bodies.modified(body).await {
      Ok(modified) if is_old(body, modified) => old.push(body),
      Ok(modified) => {
        young.insert(body, modified);
      }
      Err(error) => tracing::warn!(%error, "a body is left alone"),
    }
  }
  context.delete_bodies(old).await;
  young
}

/// A time that is still to come tells nothing about the age.
fn is_old(modified: SystemTime, now: SystemTime) -> bool {
  let age = now.duration_since(modified);
  age.is_ok_and(|age| age >= ORPHAN_AGE)
}
