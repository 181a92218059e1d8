//! [Dedicated workers](https://html.spec.whatwg.org/multipage/workers.html#dedicated-workers-and-the-worker-interface),
//! on threads of their own.

use std::borrow::Cow;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::task::Poll;

use deno_core::Extension;
use deno_core::JsRuntime;
use deno_core::OpState;
use deno_core::PollEventLoopOptions;
use deno_core::Resource;
use deno_core::ResourceId;
use deno_core::RuntimeOptions;
use deno_core::op2;
use deno_core::v8::IsolateHandle;
use deno_web::JsMessageData;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::dom_exception::DomException;
use crate::engine::Engine;
use crate::engine::Realm;
use crate::engine::RealmKind;
use crate::engine::RealmOptions;
use crate::extension::console::Console;
use crate::extension::error::OpError;
use crate::extension::lifecycle::evaluate_classic;
use crate::extension::lifecycle::realm;
use crate::extension::module_loader::WorkerModules;
use crate::extension::options::ReportError;
use crate::extension::payload::JsPayload;
use crate::extension::payload::payload;
use crate::service_worker::Payload;
use crate::service_worker::ScriptRole;

/// In bytes: QuickJS recurses deeply.
const STACK_SIZE: usize = 16 * 1024 * 1024;

/// How many workers a realm may have at once, with the workers of its workers:
/// each has a thread and a runtime.
const MAX_WORKERS: u64 = 32;

/// What a worker tells the realm that has made it.
enum FromWorker {
  Message(Payload),
  /// A text of its console, and whether it is an error.
  Console(String, bool),
  /// What no script of the worker has handled.
  Error(String),
  /// It has nothing to do, after so many messages.
  Idle(u64),
  /// It has ended.
  Closed,
}

/// The realm's end of a worker. When it is dropped, the worker is terminated.
struct OwnedWorker {
  messages: mpsc::UnboundedSender<Payload>,
  from_worker: tokio::sync::Mutex<mpsc::UnboundedReceiver<FromWorker>>,
  stop: Arc<Stop>,
}

impl Resource for OwnedWorker {
  fn name(&self) -> Cow<'_, str> {
    "worker".into()
  }

  fn close(self: Rc<Self>) {
    self.stop.stop();
  }
}

impl Drop for OwnedWorker {
  fn drop(&mut self) {
    self.stop.stop();
  }
}

/// Stops a worker, whatever it is doing.
#[derive(Default)]
struct Stop {
  token: CancellationToken,
  isolate: Mutex<Option<IsolateHandle>>,
}

impl Stop {
  fn stop(&self) {
    self.token.cancel();
    if let Some(isolate) = &*self.isolate.lock() {
      isolate.terminate_execution();
    }
  }
}

/// The worker's own end.
struct OwnEnd {
  name: String,
  is_module: bool,
  to_owner: mpsc::UnboundedSender<FromWorker>,
  messages: Rc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Payload>>>,
  taken: Arc<AtomicU64>,
  stop: Arc<Stop>,
}

/// How many workers a realm has: one count for it and all below it.
#[derive(Clone, Default)]
struct Count(Arc<AtomicU64>);

struct Counted(Arc<AtomicU64>);

impl Drop for Counted {
  fn drop(&mut self) {
    self.0.fetch_sub(1, Ordering::Relaxed);
  }
}

/// Makes the extensions of a worker's realm, on its thread: where its console
/// writes and its errors go is the worker's.
#[derive(Clone)]
pub(crate) struct RealmExtensions(pub(crate) Arc<MakeExtensions>);

type MakeExtensions = dyn Fn(&Engine, RealmOptions, Console, Rc<dyn ReportError>) -> Vec<Extension>
  + Send
  + Sync;

/// What a worker is started with.
struct Start {
  script_url: Url,
  /// That of a `blob:` or `data:` URL, which only the realm can read.
  source: Option<String>,
  is_module: bool,
  name: String,
  realm_options: RealmOptions,
  extensions: RealmExtensions,
  to_owner: mpsc::UnboundedSender<FromWorker>,
  messages: mpsc::UnboundedReceiver<Payload>,
  stop: Arc<Stop>,
  count: Count,
  _counted: Counted,
}

/// Starts a worker; returns its resource.
#[op2]
#[smi]
pub(super) fn op_worker_start(
  state: &mut OpState,
  #[string] url: &str,
  #[string] source: Option<String>,
  is_module: bool,
  #[string] name: String,
) -> Result<ResourceId, OpError> {
  let script_url =
    Url::parse(url).map_err(|error| DomException::Type(error.to_string()))?;
  if !state.has::<Count>() {
    state.put(Count::default());
  }
  let count = state.borrow::<Count>().clone();
  let counted = Counted(count.0.clone());
  if count.0.fetch_add(1, Ordering::Relaxed) >= MAX_WORKERS {
    return Err(
      DomException::Type(format!(
        "no more than {MAX_WORKERS} workers can run at once"
      ))
      .into(),
    );
  }
  let owner = state.borrow::<Realm>().clone();
  let (to_owner, from_worker) = mpsc::unbounded_channel();
  let (messages, inbox) = mpsc::unbounded_channel();
  let stop = Arc::new(Stop::default());
  let start = Start {
    realm_options: owner.worker_facts(script_url.clone()),
    extensions: state.borrow::<RealmExtensions>().clone(),
    script_url,
    source,
    is_module,
    name,
    to_owner,
    messages: inbox,
    stop: stop.clone(),
    count,
    _counted: counted,
  };
  let engine = owner.engine().clone();
  std::thread::Builder::new()
    .name("worker".into())
    .stack_size(STACK_SIZE)
    .spawn(move || run(engine, start))
    .map_err(|error| {
      DomException::Type(format!("the worker's thread cannot start: {error}"))
    })?;
  Ok(state.resource_table.add(OwnedWorker {
    messages,
    from_worker: tokio::sync::Mutex::new(from_worker),
    stop,
  }))
}

#[op2]
pub(super) fn op_worker_post(
  state: &mut OpState,
  #[smi] rid: ResourceId,
  #[serde] message: JsMessageData,
) -> Result<(), OpError> {
  let payload = payload(state, message)?;
  let worker = state.resource_table.get::<OwnedWorker>(rid)?;
  // One that has ended hears nothing.
  let _ = worker.messages.send(payload);
  Ok(())
}

/// Messages to `js/browser/worker.js`.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) enum JsFromWorker {
  Message { data: Option<JsPayload> },
  Error { message: String },
  Idle { taken: f64 },
  Closed,
}

#[op2]
#[serde]
pub(super) async fn op_worker_next(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<JsFromWorker, OpError> {
  let worker = state.borrow().resource_table.get::<OwnedWorker>(rid)?;
  let mut from_worker = worker.from_worker.lock().await;
  loop {
    // What a worker has said before its end is heard.
    return Ok(match from_worker.recv().await {
      Some(FromWorker::Console(text, is_error)) => {
        let console = state.borrow().borrow::<Console>().clone();
        console.write(&text, is_error);
        continue;
      }
      Some(FromWorker::Message(payload)) => JsFromWorker::Message {
        data: JsPayload::new(&mut state.borrow_mut(), payload),
      },
      Some(FromWorker::Error(message)) => JsFromWorker::Error { message },
      Some(FromWorker::Idle(taken)) => JsFromWorker::Idle {
        taken: taken as f64,
      },
      Some(FromWorker::Closed) | None => JsFromWorker::Closed,
    });
  }
}

/// What the worker's own global object has to know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsOwnEnd {
  name: String,
  is_module: bool,
}

/// `None` in a realm that an embedder has made.
#[op2]
#[serde]
pub(super) fn op_worker_own(state: &mut OpState) -> Option<JsOwnEnd> {
  state.try_borrow::<OwnEnd>().map(|own| JsOwnEnd {
    name: own.name.clone(),
    is_module: own.is_module,
  })
}

/// Waits for a message of the owner.
#[op2]
#[serde]
pub(super) async fn op_worker_receive(
  state: Rc<RefCell<OpState>>,
) -> Option<JsPayload> {
  let (messages, taken) = {
    let state = state.borrow();
    let own = state.try_borrow::<OwnEnd>()?;
    (own.messages.clone(), own.taken.clone())
  };
  let next = messages.lock().await.recv().await;
  let Some(payload) = next else {
    return std::future::pending().await;
  };
  taken.fetch_add(1, Ordering::Relaxed);
  JsPayload::new(&mut state.borrow_mut(), payload)
}

#[op2]
pub(super) fn op_worker_post_to_owner(
  state: &mut OpState,
  #[serde] message: JsMessageData,
) -> Result<(), OpError> {
  let payload = payload(state, message)?;
  if let Some(own) = state.try_borrow::<OwnEnd>() {
    let _ = own.to_owner.send(FromWorker::Message(payload));
  }
  Ok(())
}

/// `close()`
#[op2(fast)]
pub(super) fn op_worker_close(state: &mut OpState) {
  if let Some(own) = state.try_borrow::<OwnEnd>() {
    own.stop.token.cancel();
  }
}

/// The source of a script for `importScripts()`, which blocks.
#[op2]
#[string]
pub(super) fn op_worker_import(
  state: &mut OpState,
  #[string] url: &str,
) -> Result<String, DomException> {
  let url = Url::parse(url)
    .map_err(|error| DomException::Network(error.to_string()))?;
  let realm = state.borrow::<Realm>();
  realm
    .fetch_script_blocking(url, ScriptRole::ClassicImport)
    .map_err(DomException::Network)
}

/// Tells the owner that the worker has ended, and whether it was by a panic:
/// no owner waits for a worker that is gone.
struct SayClosed(mpsc::UnboundedSender<FromWorker>);

impl Drop for SayClosed {
  fn drop(&mut self) {
    if std::thread::panicking() {
      let message = "the worker's thread has failed".to_string();
      let _ = self.0.send(FromWorker::Error(message));
    }
    let _ = self.0.send(FromWorker::Closed);
  }
}

fn run(engine: Engine, start: Start) {
  let to_owner = start.to_owner.clone();
  let _say_closed = SayClosed(to_owner.clone());
  let tokio = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build();
  match tokio {
    Ok(tokio) => tokio.block_on(work(engine, start)),
    Err(error) => {
      let message = format!("the worker cannot be set up: {error}");
      let _ = to_owner.send(FromWorker::Error(message));
    }
  }
}

async fn work(engine: Engine, start: Start) {
  let Start {
    script_url,
    source,
    is_module,
    name,
    realm_options,
    extensions,
    to_owner,
    messages,
    stop,
    count,
    _counted,
  } = start;
  let lines = to_owner.clone();
  let console = Rc::new(move |text: &str, is_error| {
    let _ = lines.send(FromWorker::Console(text.to_string(), is_error));
  });
  let errors = to_owner.clone();
  let report_error: Rc<dyn ReportError> = Rc::new(move |text: &str| {
    let _ = errors.send(FromWorker::Error(text.to_string()));
  });
  let modules = Rc::new(WorkerModules::new(RealmKind::DedicatedWorker));
  let console = Console::Custom(console);
  let mut runtime = JsRuntime::try_new(RuntimeOptions {
    extensions: extensions.0(&engine, realm_options, console, report_error),
    module_loader: Some(modules.clone()),
    ..RuntimeOptions::default()
  });
  let runtime = match &mut runtime {
    Ok(runtime) => runtime,
    Err(error) => {
      let _ = to_owner.send(FromWorker::Error(error.to_string()));
      return;
    }
  };
  // The realm has a share of its own.
  drop(engine);
  let realm = realm(runtime);
  modules.set_realm(Some(realm.clone()));
  let taken = Arc::new(AtomicU64::new(0));
  runtime.op_state().borrow_mut().put(count);
  runtime.op_state().borrow_mut().put(OwnEnd {
    name,
    is_module,
    to_owner: to_owner.clone(),
    messages: Rc::new(tokio::sync::Mutex::new(messages)),
    taken: taken.clone(),
    stop: stop.clone(),
  });
  *stop.isolate.lock() = Some(runtime.v8_isolate().thread_safe_handle());
  let work = async {
    let source = match source {
      Some(source) => Ok(source),
      None => {
        realm
          .fetch_script(script_url.clone(), ScriptRole::Main)
          .await
      }
    };
    match source {
      Ok(source) => {
        evaluate(runtime, &script_url, source, is_module, &to_owner).await
      }
      Err(message) => {
        let _ = to_owner.send(FromWorker::Error(message));
        return;
      }
    }
    serve(runtime, &taken, &to_owner).await;
  };
  tokio::select! {
    biased;
    () = stop.token.cancelled() => {}
    () = work => {}
  }
  *stop.isolate.lock() = None;
  modules.set_realm(None);
}

async fn evaluate(
  runtime: &mut JsRuntime,
  url: &Url,
  source: String,
  is_module: bool,
  to_owner: &mpsc::UnboundedSender<FromWorker>,
) {
  let start = "globalThis[Symbol.for('background_fetch.startWorker')]?.()";
  let evaluated = async {
    runtime.execute_script("ext:worker", start)?;
    if !is_module {
      evaluate_classic(runtime, url.as_str(), &source)?;
      return Ok(());
    }
    let module = runtime.load_main_es_module_from_code(url, source).await?;
    let mut evaluation = std::pin::pin!(runtime.mod_evaluate(module));
    poll_fn(|cx| {
      let options = PollEventLoopOptions::default();
      if let Poll::Ready(Err(error)) = runtime.poll_event_loop(cx, options) {
        return Poll::Ready(Err(error));
      }
      evaluation.as_mut().poll(cx)
    })
    .await
  };
  let evaluated: Result<(), deno_core::error::CoreError> = evaluated.await;
  if let Err(error) = evaluated {
    let _ = to_owner.send(FromWorker::Error(error.to_string()));
  }
}

/// Runs the event loop until the worker is stopped.
async fn serve(
  runtime: &mut JsRuntime,
  taken: &AtomicU64,
  to_owner: &mpsc::UnboundedSender<FromWorker>,
) {
  let mut told = None;
  loop {
    let error = poll_fn(|cx| {
      let options = PollEventLoopOptions::default();
      match runtime.poll_event_loop(cx, options) {
        Poll::Ready(Err(error)) => Poll::Ready(error),
        Poll::Ready(Ok(())) => {
          let now = taken.load(Ordering::Relaxed);
          if told.replace(now) != Some(now) {
            let _ = to_owner.send(FromWorker::Idle(now));
          }
          // A message of the owner keeps no event loop alive, and still wakes
          // it.
          Poll::Pending
        }
        Poll::Pending => {
          told = None;
          Poll::Pending
        }
      }
    })
    .await;
    let _ = to_owner.send(FromWorker::Error(error.to_string()));
    tokio::task::yield_now().await;
  }
}
