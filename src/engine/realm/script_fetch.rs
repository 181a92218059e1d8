//! The global [`fetch()`](https://fetch.spec.whatwg.org/#fetch-method) of a
//! realm, behind the script's interface.

use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use bytes::BytesMut;
use futures::FutureExt;
use futures::StreamExt;
use futures::TryStreamExt;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Realm;
use super::options::RealmOptions;
use crate::engine::context::Context;
use crate::engine::until::until;
use crate::network::FetchParams;
use crate::network::FetchResponse;
use crate::network::HandleFetch;
use crate::network::NetworkError;
use crate::network::NetworkPolicy;
use crate::network::RequestBody;
use crate::service_worker::Handled;
use crate::service_worker::Payload;
use crate::service_worker::ScriptResponse;
use crate::service_worker::ScriptRole;
use crate::service_worker::WorkerEnvironment;
use crate::spec::Destination;
use crate::spec::RealmKind;
use crate::spec::Request;
use crate::spec::RequestMode;
use crate::spec::parse_csp_list;
use crate::spec::should_be_blocked_by_csp;

/// How many bytes of request bodies a realm may have on the wire that outlive
/// it: <https://fetch.spec.whatwg.org/#http-network-or-cache-fetch>, 8.10.
const KEEPALIVE_LIMIT: u64 = 64 * 1024;

/// A fetch that a script has started. Dropping it terminates it, unless the
/// request's keepalive is set.
pub struct OngoingFetch {
  response: oneshot::Receiver<Result<FetchResponse, NetworkError>>,
  terminate: CancellationToken,
  keepalive: bool,
}

opaque_debug!(OngoingFetch, FetchEventRequest, FetchEventAnswer);

impl OngoingFetch {
  /// Waits for the head of the response. Once only.
  ///
  /// # Errors
  ///
  /// A network error. With integrity metadata the body was checked, too.
  pub async fn response(&mut self) -> Result<FetchResponse, NetworkError> {
    let terminated = |_| Err(NetworkError::terminated());
    (&mut self.response).await.unwrap_or_else(terminated)
  }

  /// Ends the fetch when it is cancelled, also for a caller that waits for it.
  pub fn terminator(&self) -> CancellationToken {
    self.terminate.clone()
  }
}

impl Drop for OngoingFetch {
  fn drop(&mut self) {
    if !self.keepalive {
      self.terminate.cancel();
    }
  }
}

/// Bytes of request bodies that outlive the realm.
#[derive(Default)]
pub(crate) struct Keepalive(Arc<AtomicU64>);

/// Counted as long as this lives.
struct Inflight(Arc<AtomicU64>, u64);

impl Keepalive {
  fn begin(&self, bytes: u64) -> Result<Inflight, NetworkError> {
    let before = self.0.fetch_add(bytes, Ordering::Relaxed);
    let inflight = Inflight(self.0.clone(), bytes);
    if before + bytes > KEEPALIVE_LIMIT {
      return Err(NetworkError::not_allowed(format!(
        "the bodies of requests with keepalive may have {KEEPALIVE_LIMIT} \
         bytes together, and this one makes it {}",
        before + bytes
      )));
    }
    Ok(inflight)
  }
}

impl Drop for Inflight {
  fn drop(&mut self) {
    self.0.fetch_sub(self.1, Ordering::Relaxed);
  }
}

impl Realm {
  /// Starts a [fetch](https://fetch.spec.whatwg.org/#concept-fetch) for a
  /// script of this realm: with the realm's environment, by its service worker
  /// where it has one, and on the engine's threads.
  pub fn start_fetch(
    &self,
    request: Request,
    body: Option<RequestBody>,
  ) -> OngoingFetch {
    let context = self.engine().context();
    let terminate = CancellationToken::new();
    let keepalive = request.keepalive;
    let (sender, response) = oneshot::channel();
    let length = body.as_ref().and_then(|body| body.length).unwrap_or(0);
    let inflight = keepalive
      .then(|| self.attached.keepalive.begin(length))
      .transpose();
    let has_integrity = !request.integrity.is_empty();
    let params = FetchParams {
      request,
      destination: Destination::Empty,
      environment: self.environment(),
      identity: false,
      range: None,
      body,
      transmitted: Arc::new(|_| {}),
      net_check: self.net_check(),
    };
    let service_worker = self.service_worker_fetch();
    let network = context.network.clone();
    let fetch = async move {
      let _inflight = inflight?;
      let fetched = network.fetch_for_script(params, service_worker).await?;
      // Main fetch, 23.2: "fully read" before the response is there.
      if has_integrity {
        return whole(fetched).await;
      }
      Ok(fetched)
    };
    let (stop, stopping) = (terminate.clone(), context.stopping.clone());
    let weak = Arc::downgrade(context);
    let task = async move {
      let fetched = until(&stopping, until(&stop, fetch)).await.flatten();
      if let Some(context) = weak.upgrade() {
        match &fetched {
          Some(Ok(_)) => context.online.answered(),
          Some(Err(error)) => context.online.failed(error.kind),
          None => {}
        }
      }
      if let Some(fetched) = fetched {
        // A script that has ended does not wait for it.
        let _ = sender.send(fetched);
      }
    };
    match keepalive {
      true => context.spawn_keepalive(task),
      false => context.spawn(task),
    }
    OngoingFetch {
      response,
      terminate,
      keepalive,
    }
  }

  /// Fetches a script of a dedicated worker in this realm.
  ///
  /// # Errors
  ///
  /// A human-readable message.
  pub async fn fetch_script(
    &self,
    url: Url,
    role: ScriptRole,
  ) -> Result<String, String> {
    self.worker_script(url, role).await
  }

  /// The same for a thread that may be blocked.
  ///
  /// # Errors
  ///
  /// As above.
  pub fn fetch_script_blocking(
    &self,
    url: Url,
    role: ScriptRole,
  ) -> Result<String, String> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let script = self.worker_script(url, role);
    self.engine().context().spawn(async move {
      let _ = sender.send(script.await);
    });
    let ended = |_| Err("the engine has ended".to_string());
    receiver.recv().unwrap_or_else(ended)
  }

  /// A script of the dedicated worker that this is the realm of: the service
  /// worker that controls it is asked first.
  fn worker_script(
    &self,
    url: Url,
    role: ScriptRole,
  ) -> impl Future<Output = Result<String, String>> + Send + use<> {
    let service_workers = self.engine().context().service_workers.clone();
    let environment = self.worker_environment();
    let service_worker = self.service_worker_fetch();
    async move {
      let answer = match service_worker {
        None => None,
        Some(ask) => {
          let request = Request {
            mode: match role {
              ScriptRole::Main => RequestMode::SameOrigin,
              ScriptRole::ClassicImport => RequestMode::NoCors,
              ScriptRole::ModuleImport => RequestMode::Cors,
            },
            ..Request::get(url.clone())
          };
          ask(request, None)
            .await
            .map_err(|error| error.to_string())?
        }
      };
      let answer = match answer {
        None => None,
        Some(FetchResponse { response, body }) => {
          let body: BytesMut = body
            .try_collect()
            .await
            .map_err(|error: NetworkError| error.to_string())?;
          Some(ScriptResponse {
            status: response.status,
            headers: response.headers,
            body: body.freeze(),
          })
        }
      };
      service_workers
        .script_of_worker(&environment, &url, role, answer)
        .await
    }
  }

  /// The options of a dedicated worker that this realm's script makes.
  pub fn worker_facts(&self, url: Url) -> RealmOptions {
    let environment = self.environment();
    RealmOptions {
      kind: RealmKind::DedicatedWorker,
      csp: environment.csp,
      url,
      net_check: self.net_check(),
      worker: None,
      client_id: None,
      ..self.options().clone()
    }
  }

  fn worker_environment(&self) -> WorkerEnvironment {
    WorkerEnvironment {
      client: self.environment(),
      net_check: self.net_check(),
      net_check_lost: false,
      embedder_data: self.options().embedder_data.clone(),
    }
  }

  /// Whether the realm's Content Security Policy lets a script connect to
  /// `url`. The error is a human-readable message.
  ///
  /// # Errors
  ///
  /// It does not.
  pub fn may_connect(&self, url: &Url) -> Result<(), String> {
    let environment = self.environment();
    if environment.policy != NetworkPolicy::Browser {
      return Ok(());
    }
    let policies = parse_csp_list(&environment.csp);
    let empty = Destination::Empty;
    let blocked =
      should_be_blocked_by_csp(&policies, &environment.url, empty, url, 0);
    match blocked {
      None => Ok(()),
      Some(directive) => Err(format!(
        "the Content Security Policy's {directive} does not allow {url}"
      )),
    }
  }

  /// How the service worker that controls this realm is asked. A service
  /// worker's own requests go to the network.
  fn service_worker_fetch(&self) -> Option<HandleFetch> {
    if self.own_worker().is_some() {
      return None;
    }
    let context = Arc::downgrade(self.engine().context());
    let realm = FetchClient::Realm(self.attached.id);
    Some(Arc::new(move |request, body| {
      ask_service_worker(context.clone(), realm.clone(), request, body).boxed()
    }))
  }
}

const WORKER_HAS_FAILED: &str =
  "the service worker that controls the page has failed";

/// Whose service worker is asked.
#[derive(Clone)]
pub(super) enum FetchClient {
  /// The one that controls this realm.
  Realm(u64),
  /// The one whose registration the URL of the document matches that is to be
  /// this client.
  Reserved(String),
}

pub(super) async fn ask_service_worker(
  context: Weak<Context>,
  client: FetchClient,
  request: Request,
  body: Option<RequestBody>,
) -> Result<Option<FetchResponse>, NetworkError> {
  let service_workers = context.upgrade().map(|s| s.service_workers.clone());
  let Some(service_workers) = service_workers else {
    return Err(NetworkError::terminated());
  };
  let (responder, answer) = oneshot::channel();
  let (waiting, abandoned) = oneshot::channel();
  let url = request.url.clone();
  let event = |client_id, resulting_client_id| {
    Payload(Box::new(FetchEventRequest {
      request,
      body,
      client_id,
      resulting_client_id,
      abandoned,
      responder,
    }))
  };
  let answered = async {
    let handled = match client {
      FetchClient::Realm(realm) => {
        let event = |client| event(client, String::new());
        service_workers.handle_fetch(realm, event).await
      }
      FetchClient::Reserved(client) => {
        let event = || event(String::new(), client);
        service_workers.handle_navigation(&url, event).await
      }
    };
    match handled {
      Handled::Fired => Some(answer.await),
      Handled::NoController => None,
      Handled::Failed => {
        Some(Ok(FetchEventAnswer::NetworkError(WORKER_HAS_FAILED.into())))
      }
    }
  };
  let answered = answered.await;
  // When this is dropped before, nothing waits for the answer any more.
  let _ = waiting.send(());
  match answered {
    None => Ok(None),
    Some(answer) => match answer {
      Ok(FetchEventAnswer::NotHandled) => Ok(None),
      Ok(FetchEventAnswer::Response(response)) => Ok(Some(*response)),
      Ok(FetchEventAnswer::NetworkError(message)) => {
        Err(NetworkError::not_allowed(message))
      }
      // The worker has ended.
      Err(_) => Err(NetworkError::not_allowed(WORKER_HAS_FAILED)),
    },
  }
}

/// A request, as a service worker gets it.
pub struct FetchEventRequest {
  /// What is requested.
  pub request: Request,
  /// The body of the request.
  pub body: Option<RequestBody>,
  /// The id of the client that requests it; empty for a document.
  pub client_id: String,
  /// The id of the client that the document is to be; empty for what is not
  /// one.
  pub resulting_client_id: String,
  /// Resolves with an error when the client has terminated the fetch before
  /// it was answered.
  pub abandoned: oneshot::Receiver<()>,
  responder: oneshot::Sender<FetchEventAnswer>,
}

impl FetchEventRequest {
  /// Gives the answer to who has asked. When this is dropped instead, that is
  /// a network error.
  pub fn respond(self, answer: FetchEventAnswer) {
    // Who has asked may have given up.
    let _ = self.responder.send(answer);
  }
}

/// What came of a `fetch` event.
pub enum FetchEventAnswer {
  /// No handler has called `respondWith()`: the network is asked.
  NotHandled,
  /// A human-readable message.
  NetworkError(String),
  /// A response.
  Response(Box<FetchResponse>),
}

async fn whole(fetched: FetchResponse) -> Result<FetchResponse, NetworkError> {
  let FetchResponse { response, body } = fetched;
  let chunks: Vec<Bytes> = body.try_collect().await?;
  let body = futures::stream::iter(chunks.into_iter().map(Ok)).boxed();
  Ok(FetchResponse { response, body })
}
