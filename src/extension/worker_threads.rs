//! Service workers on threads of their own.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use deno_core::JsRuntime;
use deno_core::PollEventLoopOptions;
use deno_core::RuntimeOptions;
use deno_core::error::CoreError;
use futures::future::BoxFuture;
use url::Url;

use super::ExtensionOptions;
use super::extensions;
use super::module_loader::WorkerModules;
use super::realm;
use crate::engine::Engine;
use crate::engine::RealmFacts;
use crate::engine::ServiceWorkerHost;
use crate::service_worker::ScriptRequest;
use crate::service_worker::ScriptResponse;
use crate::service_worker::StartWorker;
use crate::service_worker::WorkerControl;
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

  /// What a worker's extensions are made with; called on its thread, with the
  /// URL of its script.
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
      return worker.control.evaluated(Err(message));
    }
  };
  let facts = RealmFacts::of_worker(&worker);
  let StartWorker {
    script_url,
    worker_type,
    scripts,
    control,
    ..
  } = worker;
  let options = options.map(|make| make(&script_url)).unwrap_or_default();
  tokio.block_on(async {
    let modules = Rc::new(WorkerModules::default());
    let mut runtime = JsRuntime::new(RuntimeOptions {
      extensions: extensions(&engine, facts, options),
      module_loader: Some(modules.clone()),
      ..RuntimeOptions::default()
    });
    // The realm has a share of its own.
    drop(engine);
    *modules.realm.lock() = Some(realm(&mut runtime));
    let isolate = runtime.v8_isolate().thread_safe_handle();
    control.interrupt_with(move || {
      isolate.terminate_execution();
    });
    let source = scripts.get(&script_url).cloned().unwrap_or_default();
    let evaluated = match worker_type {
      WorkerType::Classic => {
        let name = script_url.to_string();
        let result = runtime.execute_script(name, source);
        result.map(drop).map_err(|error| error.to_string())
      }
      WorkerType::Module => {
        let evaluated = evaluate(&mut runtime, &script_url, source);
        tokio::select! {
          result = evaluated => result.map_err(|error| error.to_string()),
          () = control.stopping() => Err("it was stopped".to_string()),
        }
      }
    };
    let works = evaluated.is_ok();
    control.evaluated(evaluated);
    if works {
      serve(&mut runtime, &control).await;
    }
    // The realm goes with the runtime, and both before the control, which
    // says that all has ended.
    *modules.realm.lock() = None;
    drop(runtime);
  });
  drop(tokio);
  drop(control);
}

async fn evaluate(
  runtime: &mut JsRuntime,
  script_url: &Url,
  source: String,
) -> Result<(), CoreError> {
  let module = runtime
    .load_main_es_module_from_code(script_url, source)
    .await?;
  let evaluation = runtime.mod_evaluate(module);
  runtime
    .run_event_loop(PollEventLoopOptions::default())
    .await?;
  evaluation.await
}

/// Runs the event loop until the worker has to stop. An error that no script
/// catches is reported, and ends nothing.
async fn serve(runtime: &mut JsRuntime, control: &WorkerControl) {
  let mut stopping = std::pin::pin!(control.stopping());
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
      Some(_) if control.is_stopping() => return,
      Some(error) => control.report(&error.to_string()),
    }
    tokio::task::yield_now().await;
  }
}
