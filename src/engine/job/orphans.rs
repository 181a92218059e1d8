//! Bodies that no row knows: a process was killed before the row of a new body
//! was written, or before a body followed its row.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use crate::engine::context::Context;
use crate::engine::until::until;
use crate::ids::BodyId;
use crate::store::StoreError;

/// For how long nothing was written to a body before it is taken for one that
/// was left behind. That nobody here knows it is not enough: somebody may be
/// about to write the row that does.
const ORPHAN_AGE: Duration = Duration::from_secs(60 * 60);

/// Deletes what was left behind: now, and later what is too young now. `known`
/// is what the rows speak of.
pub(crate) async fn collect(
  context: &Arc<Context>,
  known: &HashSet<BodyId>,
) -> Result<(), StoreError> {
  let bodies = context.store.bodies.ids().await?.into_iter();
  let unknown: Vec<BodyId> = bodies.filter(|id| !known.contains(id)).collect();
  let young = delete_old(context, unknown).await;
  if !young.is_empty() {
    let context = context.clone();
    context.clone().spawn(async move {
      // This engine makes no body that was there before it.
      let later = tokio::time::sleep(ORPHAN_AGE);
      if until(&context.stopping, later).await.is_some() {
        delete_old(&context, young).await;
      }
    });
  }
  Ok(())
}

/// Returns those that are too young.
async fn delete_old(context: &Context, mut bodies: Vec<BodyId>) -> Vec<BodyId> {
  let mut young = Vec::new();
  for body in std::mem::take(&mut bodies) {
    match context.store.bodies.modified(body).await {
      Ok(modified) if is_old(modified, context.platform.now()) => {
        bodies.push(body)
      }
      Ok(_) => young.push(body),
      Err(error) => tracing::warn!(%error, "a body is left alone"),
    }
  }
  context.delete_bodies(bodies).await;
  young
}

/// A time that is still to come tells nothing about the age.
fn is_old(modified: SystemTime, now: SystemTime) -> bool {
  let age = now.duration_since(modified);
  age.is_ok_and(|age| age >= ORPHAN_AGE)
}
