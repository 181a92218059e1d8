//! [Main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch), step 23, for
//! a body that is not held in memory.

use futures::StreamExt;
use futures::stream;
use url::Url;

use super::Body;
use super::NetworkError;
use crate::spec::IntegrityVerifier;

/// The same bytes, and an error after the last of them when they are not the
/// ones that the author's integrity metadata names. Anyone who stores them must
/// not call them whole before the stream has ended.
pub(super) fn verify(
  body: Body,
  verifier: IntegrityVerifier,
  url: Url,
) -> Body {
  let state = (body, Some(verifier));
  stream::unfold(state, move |(mut body, verifier)| {
    let url = url.clone();
    async move {
      let mut verifier = verifier?;
      match body.next().await {
        Some(Ok(bytes)) => {
          verifier.update(&bytes);
          Some((Ok(bytes), (body, Some(verifier))))
        }
        Some(Err(error)) => Some((Err(error), (body, None))),
        None if verifier.matches() => None,
        None => {
          Some((Err(NetworkError::integrity_mismatch(&url)), (body, None)))
        }
      }
    }
  })
  .boxed()
}
