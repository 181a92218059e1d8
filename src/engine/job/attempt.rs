//! One fetch of one record: from the state machine's `Fetch` to the end of the
//! response's stream.

use std::sync::Arc;
use std::time::SystemTime;

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::Run;
use super::record_slot::Attempts;
use super::retry::note_failure;
use super::retry::note_status;
use super::transfer;
use super::transfer::Place;
use crate::engine::context::Shared;
use crate::ids::BodyId;
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
use crate::spec::Request;
use crate::spec::Response;
use crate::spec::Unavailability;
use crate::spec::Unusable;
use crate::spec::Verdict;
use crate::spec::retry_after;
use crate::store::Fact;

/// Runs the attempt until it ends or `terminate` is cancelled.
pub(crate) async fn run(
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
  let place = Place {
    shared: &shared,
    run: &run,
    record,
    attempt,
    terminate: &terminate,
  };
  let fetch = shared.network.fetch(params(place, &start, net_check));
  let fetch = async {
    if !run.records[record].request.is_get() {
      note_that_it_is_sent(&shared, &run, record).await?;
    }
    fetch.await
  };
  match until(&terminate, fetch).await {
    None => {}
    Some(Err(error)) => {
      let unavailability =
        note_failure(&shared, &run, record, &mut attempts, &error);
      run.tell(|p, actions| {
        p.process_network_error(record, attempt, false, unavailability, actions)
      });
    }
    Some(Ok(fetched)) => answered(place, &mut attempts, fetched).await,
  }
  run.tell(|p, _| p.attempt_over(record));
}

/// complete.11, from the response's head to the end of its body.
async fn answered(
  place: Place<'_>,
  attempts: &mut Attempts,
  fetched: FetchResponse,
) {
  let Place {
    shared,
    run,
    record,
    attempt,
    terminate,
  } = place;
  let FetchResponse { response, body } = fetched;
  attempts.retries.online();
  shared.online.answered();
  if asks_to_come_back(place, attempts, &response) {
    let temporary = Unavailability::Temporary;
    return run.tell(|p, actions| {
      p.process_network_error(record, attempt, false, temporary, actions)
    });
  }
  let Some(verdict) = run.look(|p| p.judge(record, attempt, &response)) else {
    return;
  };
  if let Verdict::Interrupted(unusable) = &verdict {
    let error = NetworkError {
      kind: NetworkErrorKind::Interrupted,
      message: sent(&response, unusable),
    };
    let unavailability = note_failure(shared, run, record, attempts, &error);
    return run.tell(|p, actions| {
      p.process_unusable_response(
        record,
        attempt,
        unusable,
        unavailability,
        actions,
      )
    });
  }
  // The reason of an earlier failure is no longer one.
  *run.records[record].diagnostic.lock() = reason(&verdict, &response);
  if run.records[record].waiting.lock().take().is_some() {
    shared.tell_observers(run);
  }
  let head = response.clone();
  run.tell(|p, actions| p.process_response(record, attempt, response, actions));
  if !terminate.is_cancelled() {
    transfer::transfer(place, attempts, &head, body).await;
  }
}

/// Deviation E20: whether the response is one that the retry policy takes for
/// a resource that is temporarily unavailable, and there is a try left.
fn asks_to_come_back(
  place: Place<'_>,
  attempts: &mut Attempts,
  response: &Response,
) -> bool {
  let Place {
    shared,
    run,
    record,
    ..
  } = place;
  let policy = &shared.config.retry;
  let is_temporary = policy
    .statuses
    .contains(response.status, run.environment.policy);
  if !is_temporary || !run.records[record].request.is_get() {
    return false;
  }
  let after = retry_after(response, SystemTime::now());
  note_status(run, record, attempts, policy, after, bad_status(response))
}

/// Why a response with this verdict makes its record fail, or did so much as
/// to be asked for in another way, for people.
fn reason(verdict: &Verdict, response: &Response) -> String {
  match verdict {
    Verdict::Begin(_) if !response.is_ok() => bad_status(response),
    Verdict::Fail(_, Unusable::Status(_)) => bad_status(response),
    Verdict::AskForTheWhole(unusable)
    | Verdict::Interrupted(unusable)
    | Verdict::Fail(_, unusable) => sent(response, unusable),
    Verdict::Begin(_) | Verdict::Continue(_) | Verdict::Complete => {
      String::new()
    }
  }
}

/// The sentence for something unusable that the server sent.
pub(crate) fn sent(response: &Response, unusable: &Unusable) -> String {
  format!("{} sent {unusable}", server(response))
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

/// The status of a response, for people.
fn bad_status(response: &Response) -> String {
  let Response {
    status,
    status_message,
    ..
  } = response;
  let server = server(response);
  let answered = format!("{server} answered {status} {status_message}");
  answered.trim_end().to_string()
}

/// Where a response came from, for people.
fn server(response: &Response) -> String {
  let url = response.url_list.last().map(without_secrets);
  url.unwrap_or_else(|| "the server".to_string())
}

/// `future`'s output, or `None` when `token` is cancelled first.
pub(crate) async fn until<T>(
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
  place: Place<'_>,
  start: &FetchStart,
  net_check: Option<NetCheck>,
) -> FetchParams {
  let Place {
    shared,
    run,
    record,
    attempt,
    ..
  } = place;
  let slot = &run.records[record];
  let weak = Arc::downgrade(run);
  FetchParams {
    request: Request::clone(&slot.request),
    destination: Destination::Empty,
    environment: run.environment.clone(),
    range: (start.range_start > 0).then(|| RangeStart {
      first_byte: start.range_start,
      validator: start.validator.clone(),
    }),
    identity: start.identity,
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
    length: Some(length),
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
