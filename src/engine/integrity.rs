//! Subresource integrity of a body that came in parts.

use super::run::Run;
use super::shared::Shared;
use crate::network::NetworkError;
use crate::network::NetworkErrorKind;
use crate::spec::IntegrityVerifier;
use crate::store::StoreError;

/// Step 23 of [main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch)
/// for the stored body of `record`, which is whole. The network sees only the
/// part that it fetches, so it verifies no part.
pub(super) async fn verify_stored_body(
  shared: &Shared,
  run: &Run,
  record: usize,
) -> Result<(), NetworkError> {
  let request = &run.records[record].request;
  let Some(verifier) = IntegrityVerifier::new(&request.integrity) else {
    return Ok(());
  };
  match stored_body_matches(shared, run, record, verifier).await {
    Ok(true) => Ok(()),
    Ok(false) => Err(NetworkError::integrity_mismatch(&request.url)),
    Err(error) => Err(NetworkError {
      kind: NetworkErrorKind::Refused,
      message: format!(
        "the integrity of {} cannot be verified: {error}",
        request.url
      ),
    }),
  }
}

/// How much of the body is hashed at once, in bytes.
const CHUNK: usize = 256 * 1024;

async fn stored_body_matches(
  shared: &Shared,
  run: &Run,
  record: usize,
  mut verifier: IntegrityVerifier,
) -> Result<bool, StoreError> {
  let state = run.response_data(record).state();
  if let Some(body) = state.body {
    let reader = shared.store.bodies.open(body).await?;
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
