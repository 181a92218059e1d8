//! One fetch of one record: from the state machine's `Fetch` to the end of the
//! response's stream.

use std::sync::Arc;

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::integrity::verify_stored_body;
use super::retry::note_failure;
use super::run::Run;
use super::shared::Shared;
use super::transfer;
use crate::network::FetchParams;
use crate::network::FetchResponse;
use crate::network::NetCheck;
use crate::network::NetworkError;
use crate::network::NetworkErrorKind;
use crate::network::RangeStart;
use crate::network::RequestBody;
use crate::network::without_secrets;
use crate::spec::Destination;
use crate::spec::FetchStart;
use crate::spec::Perform;
use crate::spec::Response;
use crate::store::BodyId;
use crate::store::Fact;

/// Runs the attempt until it ends or `terminate` is cancelled.
pub(super) async fn run(
  shared: Arc<Shared>,
  run: Arc<Run>,
  record: usize,
  attempt: u32,
  terminate: CancellationToken,
) {
  let net_check = run.net_check(&shared, record);
  let Some(net_check) = until(&terminate, net_check).await else {
    return;
  };
  // The permits are taken in one order by all: first the background fetch's,
  // then the host's, then the engine's.
  let places = async {
    let own = run.concurrency.acquire().await.ok()?;
    let host = run.records[record].request.url.host_str();
    let host = shared.hosts.acquire(host.unwrap_or_default()).await?;
    let in_all = shared.concurrency.acquire().await.ok()?;
    Some((own, host, in_all))
  };
  let Some(_places) = until(&terminate, places).await.flatten() else {
    return;
  };
  // The attempt before this one may still be appending its last bytes.
  let mut attempts = run.records[record].attempts.lock().await;
  let Some(start) = run.tell(|p, _| p.start_fetch(record, attempt)) else {
    return;
  };
  let fetch = shared
    .network
    .fetch(params(&shared, &run, record, attempt, &start, net_check));
  let fetch = async {
    if !run.records[record].request.is_get() {
      note_that_it_is_sent(&shared, &run, record).await?;
    }
    let fetched = fetch.await?;
    let end = |p: &Perform| p.is_end_of_record(record, &fetched.response);
    if run.look(end) {
      verify_stored_body(&shared, &run, record).await?;
    }
    Ok::<_, NetworkError>(fetched)
  };
  let fetched = until(&terminate, fetch).await;
  match fetched {
    None => {}
    Some(Err(error)) => {
      let unavailability =
        note_failure(&shared, &run, record, &mut attempts, &error);
      run.tell(|p, actions| {
        p.process_network_error(record, attempt, false, unavailability, actions)
      });
    }
    Some(Ok(FetchResponse { response, body })) => {
      attempts.retries.online();
      if run.records[record].waiting.lock().take().is_some() {
        shared.tell_observers(&run);
      }
      let head = response.clone();
      if !head.is_ok() {
        *run.records[record].diagnostic.lock() = bad_status(&head);
      }
      run.tell(|p, actions| {
        p.process_response(record, attempt, response, actions)
      });
      if !terminate.is_cancelled() {
        let place = transfer::Place {
          shared: &shared,
          run: &run,
          record,
          attempt,
          terminate: &terminate,
        };
        transfer::transfer(place, &mut attempts, body).await;
      }
    }
  }
  run.tell(|p, _| p.attempt_over(record));
}

/// A request that is no `GET` must not be sent again after a crash, since it
/// may have reached the server.
async fn note_that_it_is_sent(
  shared: &Shared,
  run: &Run,
  record: usize,
) -> Result<(), NetworkError> {
  let key = run.key;
  let written = shared.checkpoint.write(&[Fact::Sent { key, record }]).await;
  written.map_err(|error| NetworkError {
    kind: NetworkErrorKind::Refused,
    message: error.to_string(),
  })
}

/// Why a response with this head makes its record fail, for people.
fn bad_status(head: &Response) -> String {
  let url = head.url_list.last().map(without_secrets);
  let url = url.as_deref().unwrap_or("the server");
  let Response {
    status,
    status_message,
    ..
  } = head;
  format!("{url} answered {status} {status_message}")
    .trim_end()
    .to_string()
}

/// `future`'s output, or `None` when `token` is cancelled first.
pub(super) async fn until<T>(
  token: &CancellationToken,
  future: impl Future<Output = T>,
) -> Option<T> {
  tokio::select! {
    biased;
    _ = token.cancelled() => None,
    output = future => Some(output),
  }
}

fn params(
  shared: &Arc<Shared>,
  run: &Arc<Run>,
  record: usize,
  attempt: u32,
  start: &FetchStart,
  net_check: Option<NetCheck>,
) -> FetchParams {
  let slot = &run.records[record];
  let weak = Arc::downgrade(run);
  FetchParams {
    request: slot.request.clone(),
    destination: Destination::Empty,
    environment: run.environment.clone(),
    range: (start.range_start > 0).then(|| RangeStart {
      first_byte: start.range_start,
      validator: start.validator.clone(),
    }),
    body: slot.request_body.map(|body| {
      request_body(shared, body, slot.request.body_length.unwrap_or(0))
    }),
    transmitted: Arc::new(move |transmitted| {
      if let Some(run) = weak.upgrade() {
        run.tell(|p, actions| {
          p.process_request_body(record, attempt, transmitted, actions)
        });
      }
    }),
    net_check,
  }
}

/// How much of a stored request body is read at once, in bytes.
const REQUEST_BODY_CHUNK: usize = 256 * 1024;

fn request_body(
  shared: &Arc<Shared>,
  body: BodyId,
  length: u64,
) -> RequestBody {
  let bodies = shared.store.bodies.clone();
  RequestBody {
    length,
    open: Arc::new(move || {
      let bodies = bodies.clone();
      let opened = async move { bodies.open(body).await };
      futures::stream::once(opened)
        .flat_map(|reader| match reader {
          Ok(reader) => futures::stream::unfold(
            (reader, 0),
            |(reader, offset)| async move {
              match reader.read_at(offset, REQUEST_BODY_CHUNK).await {
                Ok(bytes) if bytes.is_empty() => None,
                Ok(bytes) => {
                  let next = offset + bytes.len() as u64;
                  Some((Ok(bytes), (reader, next)))
                }
                Err(error) => {
                  // An error ends the stream: the next read is at the end.
                  Some((Err(std::io::Error::other(error)), (reader, u64::MAX)))
                }
              }
            },
          )
          .boxed(),
          Err(error) => {
            futures::stream::iter([Err(std::io::Error::other(error))]).boxed()
          }
        })
        .boxed()
    }),
  }
}
