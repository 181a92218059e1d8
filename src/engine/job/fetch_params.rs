//! What an attempt asks the network for.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures::Stream;
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::Job;
use crate::engine::context::Context;
use crate::ids::BodyId;
use crate::network::FetchParams;
use crate::network::NetCheck;
use crate::network::RangeStart;
use crate::network::RequestBody;
use crate::spec::Destination;
use crate::spec::Request;
use crate::store::BodyReader;
use crate::store::StoreError;
use crate::telemetry;

/// Which attempt it is.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
  pub(crate) context: &'a Arc<Context>,
  pub(crate) job: &'a Arc<Job>,
  pub(crate) record: usize,
  pub(crate) number: u32,
  pub(crate) terminate: &'a CancellationToken,
  /// Asked before every hop of its requests.
  pub(crate) net_check: &'a Option<Arc<dyn NetCheck>>,
}

/// What to fetch of the attempt's request: all of it, or a range.
pub(crate) fn params(
  attempt: Attempt<'_>,
  identity: bool,
  range: Option<RangeStart>,
) -> FetchParams {
  let Attempt {
    context,
    job,
    record,
    number,
    net_check,
    ..
  } = attempt;
  let slot = &job.records[record];
  let weak = Arc::downgrade(job);
  // Where the body is sent again, it begins again.
  let counted = AtomicU64::new(0);
  FetchParams {
    request: Request::clone(&slot.request),
    destination: Destination::Empty,
    environment: job.stored.environment.clone(),
    range,
    identity,
    body: slot.request_body.map(|body| {
      request_body(context, body, slot.request.body_length.unwrap_or(0))
    }),
    transmitted: Arc::new(move |transmitted| {
      let before = counted.swap(transmitted, Ordering::Relaxed);
      telemetry::sent(transmitted.checked_sub(before).unwrap_or(transmitted));
      if let Some(job) = weak.upgrade() {
        job.update(|p, actions| {
          p.process_request_body(record, number, transmitted, actions)
        });
      }
    }),
    net_check: net_check.clone(),
  }
}

/// How much of a stored request body is read at once, in bytes. What is in
/// memory is read by the thread that sends it, and is in the processor's cache
/// when it is sent.
const REQUEST_BODY_CHUNK: usize = 512 * 1024;

fn request_body(
  context: &Arc<Context>,
  body: BodyId,
  length: u64,
) -> RequestBody {
  let store = context.store.clone();
  RequestBody {
    length: Some(length),
    open: Arc::new(move || {
      let store = store.clone();
      let opened = async move { store.get()?.bodies.open(body).await };
      futures::stream::once(opened)
        .flat_map(|reader| match reader {
          Ok(reader) => parts(reader).boxed(),
          Err(error) => futures::stream::iter([Err(error)]).boxed(),
        })
        .map(|part| part.map_err(std::io::Error::other))
        .boxed()
    }),
  }
}

/// All that `reader` has, from its beginning.
fn parts(
  reader: Box<dyn BodyReader>,
) -> impl Stream<Item = Result<Bytes, StoreError>> {
  futures::stream::try_unfold((reader, 0), |(reader, offset)| async move {
    let part = reader.read_at(offset, REQUEST_BODY_CHUNK).await?;
    let end = offset + part.len() as u64;
    Ok((!part.is_empty()).then_some((part, (reader, end))))
  })
}
