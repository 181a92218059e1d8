//! Subresource integrity of a body that is there as a whole.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Job;
use super::record_slot::Failure;
use crate::engine::context::Context;
use crate::engine::until::until;
use crate::network::NetworkError;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::IntegrityVerifier;
use crate::store::StoreError;

/// [Main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch), step 23, for
/// the stored body of `record`, which is whole. The network sees only the part
/// that it fetches, and not what a restart finds.
pub(crate) async fn verify(
  context: Arc<Context>,
  job: Arc<Job>,
  record: usize,
  attempt: u32,
  terminate: CancellationToken,
) {
  // The attempt that brought the last bytes may still have to end.
  let _attempts = job.records[record].attempts.lock().await;
  let request = &job.records[record].request;
  let is_match = match IntegrityVerifier::new(&request.integrity) {
    None => Ok(true),
    Some(verifier) => {
      let matches = stored_body_matches(&context, &job, record, verifier);
      match until(&terminate, matches).await {
        None => return,
        Some(is_match) => is_match,
      }
    }
  };
  match is_match {
    Ok(true) => {
      job.update(|p, actions| p.verified(record, attempt, true, actions));
    }
    Ok(false) => {
      let error = NetworkError::integrity_mismatch(&request.url);
      let failure = Failure::last(error.message);
      job.update_failed(record, failure, |p, actions| {
        p.verified(record, attempt, false, actions)
      });
    }
    Err(error) => {
      let url = &request.url;
      let failure = Failure::last(format!(
        "the integrity of {url} cannot be verified: {error}"
      ));
      let reason = BackgroundFetchFailureReason::FetchError;
      job.update_failed(record, failure, |p, actions| {
        p.bytes_lost(record, reason, actions)
      });
    }
  }
}

/// How much of the body is hashed at once, in bytes.
const CHUNK: usize = 256 * 1024;

async fn stored_body_matches(
  context: &Context,
  job: &Job,
  record: usize,
  mut verifier: IntegrityVerifier,
) -> Result<bool, StoreError> {
  let state = job.response_data(record).state();
  if let Some(body) = state.body {
    let store = context.store.get()?;
    let reader = store.open_complete(body, state.stored).await?;
    let mut offset = 0;
    while offset < state.stored {
      let bytes = reader.read_at(offset, CHUNK).await?;
      if bytes.is_empty() {
        return Ok(false);
      }
      verifier.update(&bytes);
      offset += bytes.len() as u64;
    }
  }
  Ok(verifier.matches())
}
