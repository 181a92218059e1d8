//! Who runs service workers.

use futures::future::BoxFuture;
use url::Url;

use crate::engine::Engine;
use crate::service_worker::ScriptRequest;
use crate::service_worker::ScriptResponse;
use crate::service_worker::StartWorker;

/// Who runs service workers. The one that comes with this crate is
/// [`WorkerThreads`](crate::extension::WorkerThreads).
pub trait ServiceWorkerHost: Send + Sync + 'static {
  /// Starts `worker` on a thread of its own and returns at once. The realm's
  /// options are [`RealmOptions::for_worker`](crate::engine::RealmOptions::for_worker); the
  /// thread says what comes of it by [`StartWorker::handle`], which it keeps
  /// until it has let go of the engine.
  fn start(&self, engine: Engine, worker: StartWorker);

  /// Where scripts come from. `None`, which is the default, stands for the
  /// network, under the policy of the client that has registered the worker.
  /// An error is a human-readable message.
  fn fetch_script(
    &self,
    request: &ScriptRequest,
  ) -> Option<BoxFuture<'static, Result<ScriptResponse, String>>> {
    let _ = request;
    None
  }

  /// A worker has failed, and no script could be notified. Logs, by default.
  fn report(&self, script_url: &Url, message: &str) {
    tracing::error!(%script_url, "a service worker has failed: {message}");
  }
}
