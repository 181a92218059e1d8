//! A script in a realm of its own, on a thread of its own.

use std::cell::Cell;
use std::fmt::Display;
use std::future::poll_fn;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::NoWorkerForEvents;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmOptions;
use background_fetch::extension::Console;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::ReportError;
use background_fetch::extension::RunError;
use background_fetch::extension::extensions_before_engine;
use background_fetch::extension::open_document;
use background_fetch::extension::realm;
use background_fetch::extension::run_until_idle;
use background_fetch::extension::run_until_settled;
use deno_core::FsModuleLoader;
use deno_core::JsRuntime;
use deno_core::ModuleId;
use deno_core::ModuleLoader;
use deno_core::ModuleSpecifier;
use deno_core::PollEventLoopOptions;
use deno_core::RuntimeOptions;
use deno_core::error::CoreError;
use futures::FutureExt;
use futures::future::Fuse;
use futures::future::FusedFuture;
use futures::future::LocalBoxFuture;
use tokio::sync::oneshot;

use super::evaluations::Evaluation;
use super::evaluations::Evaluations;
use super::page;
use super::page::Page;
use crate::failure::Failure;
use crate::screen::Screen;

/// Deep recursion of a script needs more than a thread usually has.
const STACK: usize = 16 * 1024 * 1024;
/// Events wait until the script is evaluated, but no longer than this: one
/// that awaits an event at its top level would wait forever.
const TIMEOUT: Duration = Duration::from_secs(1);

type Evaluated = LocalBoxFuture<'static, Result<(), CoreError>>;

/// What is known of a script before there is an engine.
pub struct Script {
  pub path: PathBuf,
  pub realm_options: RealmOptions,
  pub screen: Arc<Screen>,
}

/// With what a script runs.
pub struct Surroundings {
  pub engine: Engine,
  pub evaluations: Evaluations,
  /// `Some` when it was run before.
  pub again: Option<Evaluation>,
}

/// A thread that makes the script's realm, and waits. It ends when this is
/// dropped.
pub struct Prepared {
  begin: mpsc::Sender<Surroundings>,
  ended: oneshot::Receiver<Result<bool, Failure>>,
}

/// What has to be done on the main thread before any script runs.
pub fn init_platform() {
  #[cfg(feature = "v8")]
  JsRuntime::init_platform(None);
}

/// Begins to make the script's realm, which takes about as long as opening a
/// store of thousands of background fetches.
///
/// # Errors
///
/// The thread could not be started.
pub fn prepare(script: Script) -> Result<Prepared, Failure> {
  let (begin, surroundings) = mpsc::channel();
  let (sender, ended) = oneshot::channel();
  std::thread::Builder::new()
    .name("script".into())
    .stack_size(STACK)
    .spawn(move || {
      let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
      let result = match runtime {
        Ok(runtime) => Ok(runtime.block_on(script.run(surroundings))),
        Err(error) => Err(Failure::failed(format!(
          "the script's event loop cannot be started: {error}"
        ))),
      };
      // Nothing waits for it any more when the program is being interrupted.
      let _ = sender.send(result);
    })
    .map_err(|error| {
      Failure::failed(format!("the script's thread cannot start: {error}"))
    })?;
  Ok(Prepared { begin, ended })
}

impl Prepared {
  /// Runs the script until it has nothing left to do, every background fetch of
  /// its scope has settled, and every event is handled. Errors are shown as
  /// they come; `false` when there was one.
  ///
  /// # Errors
  ///
  /// The thread has died.
  pub async fn run(self, surroundings: Surroundings) -> Result<bool, Failure> {
    // A thread that is gone already says why, or has died.
    let _ = self.begin.send(surroundings);
    self.ended.await.unwrap_or_else(|_| {
      Err(Failure::failed("the script's thread has died unexpectedly"))
    })
  }
}

impl Script {
  async fn run(self, begin: mpsc::Receiver<Surroundings>) -> bool {
    let screen = self.screen.clone();
    let console = Console::Custom(Rc::new(move |text: &str, is_error| {
      screen.console(text, is_error);
    }));
    let has_failed = Rc::new(Cell::new(false));
    let options = ExtensionOptions {
      console,
      report_error: Some(self.report_error(has_failed.clone())),
      ..ExtensionOptions::default()
    };
    let mut page = match page::is_page(&self.path) {
      true => match page::read(&self.path, &self.realm_options.url) {
        Ok(page) => Some(page),
        Err(error) => {
          if begin.recv().is_ok() {
            self.report(&error);
          }
          return false;
        }
      },
      false => None,
    };
    let mut realm_options = self.realm_options.clone();
    let modules: Rc<dyn ModuleLoader> = match &mut page {
      Some(page) => {
        realm_options.csp.append(&mut page.csp);
        Rc::new(std::mem::take(&mut page.loader))
      }
      None => Rc::new(FsModuleLoader),
    };
    let surroundings = Rc::new(Cell::new(None));
    let begun = surroundings.clone();
    let engine = move || {
      let surroundings = begin.recv().ok()?;
      let engine = surroundings.engine.clone();
      begun.set(Some(surroundings));
      Some(engine)
    };
    let runtime = JsRuntime::try_new(RuntimeOptions {
      module_loader: Some(modules),
      extensions: extensions_before_engine(realm_options, options, engine),
      ..RuntimeOptions::default()
    });
    // The script is not to run after all.
    let Some(Surroundings {
      engine,
      evaluations,
      again,
    }) = surroundings.take()
    else {
      return false;
    };
    let mut runtime = match runtime {
      Ok(runtime) => runtime,
      Err(error) => {
        self.report(&error);
        return false;
      }
    };
    let realm = realm(&mut runtime);
    let is_whole = page.as_ref().is_none_or(|page| page.missing.is_empty());
    let module = match self.load(&mut runtime, page).await {
      Ok(module) => module,
      // Nothing has run, so no script would handle an event: what is owed stays
      // owed.
      Err(error) => {
        self.report(&error);
        return false;
      }
    };
    let mut succeeded = is_whole;
    let mut evaluation = runtime.mod_evaluate(module).boxed_local().fuse();
    let patience = tokio::time::sleep(TIMEOUT);
    let mut patience = std::pin::pin!(patience);
    loop {
      let result = tokio::select! {
        biased;
        result = turn(&mut runtime, &mut evaluation) => result,
        () = &mut patience => break,
      };
      if let Err(error) = &result {
        succeeded = false;
        self.report(error);
      }
      if evaluation.is_terminated() {
        break;
      }
    }
    // While it is still being evaluated, so are the others that are run again.
    drop(again);
    evaluations.none().await;
    loop {
      let is_evaluated = evaluation.is_terminated();
      let until_its_end = async {
        match is_evaluated {
          true => run_until_settled(&mut runtime, &realm).await,
          // A timer may be what its evaluation waits for.
          false => run_until_idle(&mut runtime, &realm).await,
        }
      };
      let (result, is_end) = tokio::select! {
        biased;
        result = &mut evaluation, if !evaluation.is_terminated() => {
          (result.map_err(RunError::from), false)
        }
        result = until_its_end => (result, true),
        stuck = stuck(&realm) => {
          self.screen.error(&stuck.to_string());
          return false;
        }
      };
      match &result {
        Ok(()) => {}
        Err(RunError::NoWorker(stuck)) => {
          self.screen.error(&stuck.to_string());
          return false;
        }
        // What has shut the engine down reports why.
        Err(RunError::Stopped) => return false,
        Err(error) => {
          succeeded = false;
          self.report(error);
        }
      }
      // What is under way outlives an error of the script.
      if is_end && (result.is_ok() || realm.is_idle()) {
        break;
      }
    }
    if !evaluation.is_terminated() {
      // It may have ended in the last turn.
      match (&mut evaluation).now_or_never() {
        Some(Ok(())) => {}
        Some(Err(error)) => {
          succeeded = false;
          self.report(&error);
        }
        None => {
          succeeded = false;
          self.report(
            &"its top-level await never ends: nothing is under way any more \
              that could end it",
          );
        }
      }
    }
    // A page may have gone on to its end while its worker is being installed.
    engine.service_workers().idle().await;
    succeeded && !has_failed.get()
  }

  /// Shows what event listeners throw, and takes note of it.
  fn report_error(&self, has_failed: Rc<Cell<bool>>) -> Rc<dyn ReportError> {
    let (screen, name) = (self.screen.clone(), self.name());
    Rc::new(move |text: &str| {
      has_failed.set(true);
      screen.error(&format!("{name}: {text}"));
    })
  }

  async fn load(
    &self,
    runtime: &mut JsRuntime,
    page: Option<Page>,
  ) -> Result<ModuleId, CoreError> {
    let specifier = match page {
      None => self.specifier()?,
      Some(page) => {
        for missing in &page.missing {
          self.report(missing);
        }
        open_document(runtime, page.document)?;
        page.specifier
      }
    };
    runtime.load_main_es_module(&specifier).await
  }

  fn specifier(&self) -> Result<ModuleSpecifier, CoreError> {
    ModuleSpecifier::from_file_path(&self.path).map_err(|()| {
      let path = self.path.display();
      let error = std::io::Error::other(format!("{path} is not absolute"));
      CoreError::from(error)
    })
  }

  fn report(&self, error: &dyn Display) {
    self.screen.error(&format!("{}: {error}", self.name()));
  }

  fn name(&self) -> String {
    let name = self.path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
  }
}

/// Waits until events are left that no service worker can take.
async fn stuck(realm: &Realm) -> NoWorkerForEvents {
  match realm.until_settled().await {
    Err(stuck) => stuck,
    // The script may have more to do.
    Ok(()) => std::future::pending().await,
  }
}

/// Runs the event loop until the evaluation is over, or an error is thrown. A
/// promise that is rejected at the script's top level is one of the latter.
async fn turn(
  runtime: &mut JsRuntime,
  evaluation: &mut Fuse<Evaluated>,
) -> Result<(), CoreError> {
  poll_fn(|cx| {
    let options = PollEventLoopOptions::default();
    if let Poll::Ready(Err(error)) = runtime.poll_event_loop(cx, options) {
      return Poll::Ready(Err(error));
    }
    evaluation.poll_unpin(cx)
  })
  .await
}
