//! An engine with a host, and windows on threads of their own.

use std::cell::RefCell;
use std::future::poll_fn;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::extension::Console;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::WorkerThreads;
use background_fetch::extension::extensions;
use background_fetch::service_worker::ServiceWorkerLimits;
use background_fetch::store::Store;
use deno_core::JsRuntime;
use deno_core::RuntimeOptions;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use support::FaultServer;
use support::Resource;

/// Nothing here takes longer, unless it hangs.
pub const BOUND: Duration = Duration::from_secs(240);

/// Assertions and helpers for scripts.
const PRELUDE: &str = r#"
const assert = (value, what) => {
  if (!value) throw new Error(`failed: ${what}`);
};
const assertEquals = (actual, expected, what) => {
  const a = JSON.stringify(actual), b = JSON.stringify(expected);
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
};
const assertRejects = async (promise, name, what) => {
  try {
    await promise;
  } catch (error) {
    assertEquals(error.name, name, `${what} (${error.message})`);
    return error;
  }
  throw new Error(`${what}: nothing was rejected`);
};
const reached = (worker, state) => new Promise((resolve) => {
  const look = () => { if (worker.state === state) resolve(worker); };
  worker.addEventListener("statechange", look);
  look();
});
const received = [];
let onReceived = () => {};
navigator.serviceWorker.onmessage = (event) => {
  received.push(event.data);
  onReceived();
};
const message = async (what) => {
  for (;;) {
    const found = received.findIndex((m) => m.what === what);
    if (found !== -1) return received.splice(found, 1)[0];
    await new Promise((resolve) => onReceived = resolve);
  }
};
const activated = async (url, options) => {
  const registration = await navigator.serviceWorker.register(url, options);
  const worker = registration.installing ?? registration.waiting ??
    registration.active;
  await reached(worker, "activated");
  return registration;
};
"#;

/// What workers and windows have written, and what the host was told.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>, Arc<tokio::sync::Notify>);

impl Log {
  pub fn write(&self, line: String) {
    self.0.lock().push(line);
    self.1.notify_waiters();
  }

  pub fn count(&self, part: &str) -> usize {
    self.lines().iter().filter(|l| l.contains(part)).count()
  }

  pub fn lines(&self) -> Vec<String> {
    self.0.lock().clone()
  }

  /// Waits until there is a line with `part` in it.
  pub fn wait_for(&self, part: &str) -> String {
    self.wait_for_more(part, 0)
  }

  /// Waits until there are more than `than` lines with `part` in them.
  pub fn wait_for_more(&self, part: &str, than: usize) -> String {
    let found = || {
      let mut lines = self.lines().into_iter();
      lines.by_ref().filter(|l| l.contains(part)).nth(than)
    };
    let tokio = tokio::runtime::Builder::new_current_thread()
      .enable_all()
      .build()
      .unwrap();
    let waiting = async {
      loop {
        let notified = self.1.notified();
        let mut notified = std::pin::pin!(notified);
        notified.as_mut().enable();
        if let Some(line) = found() {
          return line;
        }
        notified.await;
      }
    };
    let waited =
      tokio.block_on(async { tokio::time::timeout(BOUND, waiting).await });
    waited.unwrap_or_else(|_| {
      panic!("nothing like {part:?} was written: {:#?}", self.lines())
    })
  }
}

pub struct World {
  pub server: FaultServer,
  pub engine: Option<Engine>,
  pub log: Log,
  /// Those of the next engine.
  pub limits: ServiceWorkerLimits,
}

pub fn limits() -> ServiceWorkerLimits {
  ServiceWorkerLimits::default()
}

pub fn config(log: &Log, limits: ServiceWorkerLimits) -> EngineConfig {
  let (of_workers, reports) = (log.clone(), log.clone());
  let host = WorkerThreads::new()
    .with_options(move |url| {
      let end = End(of_workers.clone(), format!("stopped {}", url.path()));
      let options = options(&of_workers);
      let Console::Custom(write) = options.console else {
        unreachable!()
      };
      ExtensionOptions {
        console: Console::Custom(Rc::new(move |text: &str, is_error| {
          let _end = &end;
          write.write(text, is_error);
        })),
        ..ExtensionOptions::default()
      }
    })
    .with_report(move |url, message| {
      reports.write(format!("report {}: {message}", url.path()));
    });
  EngineConfig {
    service_worker_host: Some(Arc::new(host)),
    service_worker_limits: limits,
    ..EngineConfig::default()
  }
}

/// Writes a line when it is dropped: with the runtime that holds it.
struct End(Log, String);

impl Drop for End {
  fn drop(&mut self) {
    self.0.write(std::mem::take(&mut self.1));
  }
}

fn options(log: &Log) -> ExtensionOptions {
  let log = log.clone();
  ExtensionOptions {
    console: Console::Custom(Rc::new(move |text: &str, _| {
      log.write(text.trim_end().to_string());
    })),
    ..ExtensionOptions::default()
  }
}

impl World {
  pub fn new() -> Self {
    Self::with_limits(limits())
  }

  pub fn with_limits(limits: ServiceWorkerLimits) -> Self {
    start_platform();
    let log = Log::default();
    let config = config(&log, limits);
    let engine = Engine::builder()
      .config(config)
      .start_blocking(Store::in_memory())
      .unwrap();
    Self {
      server: FaultServer::start_blocking(),
      engine: Some(engine),
      log,
      limits,
    }
  }

  pub fn on_disk(directory: &Path) -> Self {
    let world = Self::new();
    let log = Log::default();
    let config = config(&log, limits());
    let engine = Engine::builder()
      .config(config)
      .open_blocking(directory)
      .unwrap();
    Self {
      engine: Some(engine),
      log,
      ..world
    }
  }

  /// Ends the engine, and begins a new one on the same store, with a new log.
  pub fn reopen(&mut self, directory: &Path) {
    let engine = self.engine.take().unwrap();
    self.bounded(engine.shutdown());
    self.log = Log::default();
    let config = config(&self.log, self.limits);
    self.engine = Some(
      Engine::builder()
        .config(config)
        .open_blocking(directory)
        .unwrap(),
    );
  }

  pub fn engine(&self) -> &Engine {
    self.engine.as_ref().unwrap()
  }

  /// Waits until nothing of the scope `/` is running any more.
  pub fn until_settled(&self) {
    let scope = self.server.url("/").parse().unwrap();
    self.bounded(self.engine().until_settled(&scope)).unwrap();
  }

  /// Waits until no service worker is being updated any more.
  pub fn idle(&self) {
    self.bounded(self.engine().service_workers().idle());
  }

  pub fn bounded<T>(&self, future: impl Future<Output = T>) -> T {
    let server = &self.server;
    let bounded = async { tokio::time::timeout(BOUND, future).await };
    server.block_on(bounded).unwrap()
  }

  pub fn script(&self, target: &str, source: &str) {
    let script = Resource::text(source).content_type("text/javascript");
    self.server.serve(target, script);
  }

  /// Lets the request at `path` continue, which is held or will be.
  pub fn release(&self, path: &str) {
    let server = &self.server;
    server.block_on(server.wait_until_stalled(path, BOUND));
    server.release(path);
  }

  /// Runs `script` as the body of an async function in a window at `path`, to
  /// its end; panics with what it throws.
  pub fn window(&self, path: &str, script: &str) {
    self.open(path, script).wait();
  }

  /// The same, on a thread of its own: it runs on when the script is at its
  /// end, until it is closed.
  pub fn open(&self, path: &str, script: &str) -> Window {
    let url = format!("{}{path}", self.server.origin());
    self.open_with(
      RealmOptions::new(RealmKind::Window, url.parse().unwrap()),
      script,
    )
  }

  /// The same with facts of its own.
  pub fn open_with(&self, realm_options: RealmOptions, script: &str) -> Window {
    let engine = self.engine().clone();
    let log = self.log.clone();
    let closing = CancellationToken::new();
    let closed = closing.clone();
    let script = script.to_string();
    let (sender, done) = mpsc::channel();
    let thread = std::thread::Builder::new()
      .stack_size(16 * 1024 * 1024)
      .spawn(move || {
        run_window(engine, realm_options, &log, &script, closed, sender)
      })
      .unwrap();
    Window {
      log: self.log.clone(),
      done,
      closing,
      thread: Some(thread),
    }
  }
}

pub struct Window {
  log: Log,
  done: mpsc::Receiver<Result<(), String>>,
  closing: CancellationToken,
  thread: Option<JoinHandle<()>>,
}

impl Window {
  /// Waits for the end of its script, and closes it.
  pub fn wait(self) {
    self.finish();
  }

  /// Waits for the end of its script, and keeps it open.
  pub fn finish(&self) {
    match self.done.recv_timeout(BOUND) {
      Ok(Ok(())) => {}
      Ok(Err(error)) => panic!("in the window: {error}"),
      Err(error) => panic!(
        "the window's script did not end ({error}): {:#?}",
        self.log.lines()
      ),
    }
  }
}

impl Drop for Window {
  fn drop(&mut self) {
    self.closing.cancel();
    if let Some(thread) = self.thread.take()
      && !std::thread::panicking()
    {
      thread.join().unwrap();
    }
  }
}

fn run_window(
  engine: Engine,
  realm_options: RealmOptions,
  log: &Log,
  script: &str,
  closing: CancellationToken,
  done: mpsc::Sender<Result<(), String>>,
) {
  let tokio = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build()
    .unwrap();
  tokio.block_on(async {
    let ended = Rc::new(RefCell::new(false));
    let (flag, log) = (ended.clone(), log.clone());
    let options = ExtensionOptions {
      console: Console::Custom(Rc::new(move |text: &str, _| {
        match text.trim_end() {
          "the script is at its end" => *flag.borrow_mut() = true,
          text => log.write(text.to_string()),
        }
      })),
      ..ExtensionOptions::default()
    };
    let mut runtime = JsRuntime::new(RuntimeOptions {
      extensions: extensions(&engine, realm_options, options),
      ..Default::default()
    });
    drop(engine);
    let script = format!(
      "{PRELUDE}(async () => {{ {script}\n }})()
        .then(() => console.log('the script is at its end'));"
    );
    if let Err(error) = runtime.execute_script("window.js", script) {
      let _ = done.send(Err(error.to_string()));
      return;
    }
    let mut told = false;
    let closed = closing.cancelled();
    let mut closed = std::pin::pin!(closed);
    poll_fn(|cx| {
      let polled = runtime.poll_event_loop(cx, Default::default());
      if let Poll::Ready(Err(error)) = polled {
        let _ = done.send(Err(error.to_string()));
        return Poll::Ready(());
      }
      if *ended.borrow() && !told {
        told = true;
        let _ = done.send(Ok(()));
      }
      closed.as_mut().poll(cx)
    })
    .await;
  });
}

/// V8 wants to be set up before the first thread uses it.
fn start_platform() {
  static ONCE: std::sync::Once = std::sync::Once::new();
  ONCE.call_once(|| JsRuntime::init_platform(None));
}
