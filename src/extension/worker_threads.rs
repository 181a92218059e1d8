//! Service workers on threads of their own.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use deno_core::JsRuntime;
use deno_core::ModuleSpecifier;
use deno_core::PollEventLoopOptions;
use deno_core::RuntimeOptions;
use futures::future::BoxFuture;
use url::Url;

use super::extensions;
use super::lifecycle::begin_module;
use super::lifecycle::end_module;
use super::lifecycle::evaluate_classic;
use super::lifecycle::evaluation_of;
use super::lifecycle::realm;
use super::module_loader::WorkerModules;
use super::options::ExtensionOptions;
use crate::engine::Engine;
use crate::engine::RealmKind;
use crate::engine::RealmOptions;
use crate::engine::ServiceWorkerHost;
use crate::service_worker::InternalWorkerHandle;
use crate::service_worker::ScriptRequest;
use crate::service_worker::ScriptResponse;
use crate::service_worker::StartWorker;
use crate::service_worker::WorkerType;

/// The host that comes with this crate: it runs every service worker on a
/// thread of its own, in a runtime with what [`extensions`] gives it.
///
/// With V8, `JsRuntime::init_platform` has to be called on the main thread
/// before the first worker starts.
#[derive(Default)]
pub struct WorkerThreads {
  fetch_script: Option<FetchScript>,
  options: Option<MakeOptions>,
  report: Option<Report>,
}

type FetchScript = Box<
  dyn Fn(
      &ScriptRequest,
    ) -> Option<BoxFuture<'static, Result<ScriptResponse, String>>>
    + Send
    + Sync,
>;
type MakeOptions = Arc<dyn Fn(&Url) -> ExtensionOptions + Send + Sync>;
type Report = Box<dyn Fn(&Url, &str) + Send + Sync>;

opaque_debug!(WorkerThreads);

impl WorkerThreads {
  /// Workers whose scripts come from the network, and whose `console` writes to
  /// the process's streams.
  pub fn new() -> Self {
    Self::default()
  }

  /// Where scripts come from, see [`ServiceWorkerHost::fetch_script`].
  pub fn with_scripts(
    mut self,
    fetch_script: impl Fn(
      &ScriptRequest,
    ) -> Option<
      BoxFuture<'static, Result<ScriptResponse, String>>,
    > + Send
    + Sync
    + 'static,
  ) -> Self {
    self.fetch_script = Some(Box::new(fetch_script));
    self
  }

  /// What a worker's extensions are made with, further ones of the embedder's
  /// among them; called on its thread, with the URL of its script.
  pub fn with_options(
    mut self,
    options: impl Fn(&Url) -> ExtensionOptions + Send + Sync + 'static,
  ) -> Self {
    self.options = Some(Arc::new(options));
    self
  }

  /// Who hears of workers that fail, see [`ServiceWorkerHost::report`].
  pub fn with_report(
    mut self,
    report: impl Fn(&Url, &str) + Send + Sync + 'static,
  ) -> Self {
    self.report = Some(Box::new(report));
    self
  }
}

impl ServiceWorkerHost for WorkerThreads {
  fn start(&self, engine: Engine, worker: StartWorker) {
    let options = self.options.clone();
    // When no thread can be had, the worker is dropped, which says so.
    let spawned = std::thread::Builder::new()
      .name("service-worker".into())
      .stack_size(STACK_SIZE)
      .spawn(move || run(engine, worker, options));
    if let Err(error) = spawned {
      tracing::error!(%error, "a service worker's thread cannot be started");
    }
  }

  fn fetch_script(
    &self,
    request: &ScriptRequest,
  ) -> Option<BoxFuture<'static, Result<ScriptResponse, String>>> {
    self.fetch_script.as_ref().and_then(|fetch| fetch(request))
  }

  fn report(&self, script_url: &Url, message: &str) {
    match &self.report {
      Some(report) => report(script_url, message),
      None => {
        tracing::error!(%script_url, "a service worker has failed: {message}");
      }
    }
  }
}

/// In bytes: QuickJS recurses deeply.
const STACK_SIZE: usize = 16 * 1024 * 1024;

fn run(engine: Engine, worker: StartWorker, options: Option<MakeOptions>) {
  let tokio = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build();
  let tokio = match tokio {
    Ok(tokio) => tokio,
    Err(error) => {
      let message = format!("its thread cannot be set up: {error}");
      return worker.handle.evaluated(Err(message));
    }
  };
  let realm_options = RealmOptions::for_worker(&worker);
  let StartWorker {
    script_url,
    worker_type,
    scripts,
    handle,
    ..
  } = worker;
  if handle.is_stopping() {
    return;
  }
  let options = options.map(|make| make(&script_url)).unwrap_or_default();
  tokio.block_on(async {
    let modules = Rc::new(WorkerModules::new(RealmKind::ServiceWorker));
    let mut runtime = JsRuntime::new(RuntimeOptions {
      extensions: extensions(&engine, realm_options, options),
      module_loader: Some(modules.clone()),
      ..RuntimeOptions::default()
    });
    // The realm has a share of its own.
    drop(engine);
    modules.set_realm(Some(realm(&mut runtime)));
    // Asked by `importScripts()`.
    runtime.op_state().borrow_mut().put(worker_type);
    let isolate = runtime.v8_isolate().thread_safe_handle();
    handle.interrupt_with(move || {
      isolate.terminate_execution();
    });
    if handle.is_stopping() {
      return;
    }
    let evaluated = match worker_type {
      WorkerType::Classic => {
        let source = scripts.get(&script_url).cloned().unwrap_or_default();
        let url = script_url.as_str();
        evaluate_classic(&mut runtime, url, &source).map_err(failed)
      }
      WorkerType::Module => {
        let evaluated = evaluate(&mut runtime, &script_url);
        tokio::select! {
          result = evaluated => result,
          () = handle.stopping() => Err(failed("it was stopped")),
        }
      }
    };
    let works = evaluated.is_ok();
    match evaluated {
      Ok(()) => handle.evaluated(Ok(())),
      Err(NotEvaluated::Failed(message)) => handle.evaluated(Err(message)),
      Err(NotEvaluated::Refused(message)) => handle.refused(message),
    }
    if works {
      serve(&mut runtime, &handle).await;
    }
    // The realm goes with the runtime, and both before the control, which
    // says that all has ended.
    modules.set_realm(None);
    drop(runtime);
  });
  drop(tokio);
  drop(handle);
}

/// Evaluates the module at `script_url`, which is in the worker's script
/// resource map.
async fn evaluate(
  runtime: &mut JsRuntime,
  script_url: &Url,
) -> Result<(), NotEvaluated> {
  let module = runtime
    .load_main_es_module_from_code(
      &ModuleSpecifier::parse("background-fetch:module").map_err(failed)?,
      evaluation_of(script_url.as_str()),
    )
    .await
    .map_err(failed)?;
  begin_module(runtime);
  let evaluation = runtime.mod_evaluate(module);
  if end_module(runtime) {
    return Ok(());
  }
  // What it has thrown at once is there after one turn.
  let mut evaluation = std::pin::pin!(evaluation);
  let thrown = poll_fn(|cx| {
    let options = PollEventLoopOptions::default();
    let turn = runtime.poll_event_loop(cx, options);
    Poll::Ready(match (evaluation.as_mut().poll(cx), turn) {
      (Poll::Ready(Err(error)), _) | (_, Poll::Ready(Err(error))) => {
        Some(error)
      }
      _ => None,
    })
  })
  .await;
  match thrown {
    Some(error) => Err(failed(error)),
    // https://w3c.github.io/ServiceWorker/#update-algorithm: a script for
    // which Is Async Module is true rejects the job.
    None => Err(NotEvaluated::Refused(
      "it, or a module that it imports, has a top-level await, which no \
       service worker may have"
        .to_string(),
    )),
  }
}

/// Why a script was not evaluated to its end.
enum NotEvaluated {
  /// It throws, or cannot be had.
  Failed(String),
  /// No service worker may have it.
  Refused(String),
}

fn failed(error: impl ToString) -> NotEvaluated {
  NotEvaluated::Failed(error.to_string())
}

/// Runs the event loop until the worker has to stop. An error that no script
/// catches is reported, and ends nothing.
async fn serve(runtime: &mut JsRuntime, handle: &InternalWorkerHandle) {
  let mut stopping = std::pin::pin!(handle.stopping());
  loop {
    let error = poll_fn(|cx| {
      if stopping.as_mut().poll(cx).is_ready() {
        return Poll::Ready(None);
      }
      let options = PollEventLoopOptions::default();
      match runtime.poll_event_loop(cx, options) {
        Poll::Ready(Err(error)) => Poll::Ready(Some(error)),
        // What the engine has to tell keeps no event loop alive, and still
        // wakes it.
        Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
      }
    })
    .await;
    match error {
      None => return,
      Some(_) if handle.is_stopping() => return,
      Some(error) => handle.report(&error.to_string()),
    }
    tokio::task::yield_now().await;
  }
}
