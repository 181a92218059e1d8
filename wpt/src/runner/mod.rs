//! Runs pages of tests, several at once.

mod frame;
mod host;
mod interrupt;
mod loader;
mod log;
mod mime_type;
mod modules;
mod outcome;
mod page;
mod realm;
mod run;
mod world;

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::Url;
use tokio::runtime::Handle;

use self::interrupt::Interrupt;
pub use self::loader::Loader;
pub use self::loader::Route;
pub use self::page::elements;
use crate::discover::Test;
use crate::results::Results;
use crate::results::Status;

/// What every page is run with.
pub struct Setting {
  /// Multi-threaded; engines run on it.
  pub runtime: Handle,
  pub loader: Loader,
  pub route: Route,
  pub http: Url,
  pub https: Url,
  /// Where HTTP/2 is spoken, if it is.
  pub h2: Option<Url>,
  /// How much longer than in a browser a page may take.
  pub timeout_multiplier: f64,
}

impl Setting {
  fn base(&self, test: &Test) -> &Url {
    match (&self.h2, test) {
      (Some(h2), Test { h2: true, .. }) => h2,
      (_, Test { https: true, .. } | Test { h2: true, .. }) => &self.https,
      _ => &self.http,
    }
  }

  /// After this long the runner ends what the harness has not ended.
  fn bound(&self, test: &Test) -> Duration {
    let harness = if test.long_timeout { 60.0 } else { 10.0 };
    Duration::from_secs_f64(harness * self.timeout_multiplier)
      + Duration::from_secs(5)
  }
}

/// Runs the tests on `jobs` threads, and hands over the results in the order
/// of `tests`.
pub fn run_all(
  tests: Vec<Test>,
  setting: Setting,
  jobs: usize,
  mut each: impl FnMut(&Results),
) -> Vec<Results> {
  let setting = Arc::new(setting);
  let count = tests.len();
  let queue = Arc::new(Mutex::new(tests.into_iter().enumerate()));
  let (sender, receiver) = mpsc::channel();
  for _ in 0..jobs.min(count) {
    let (queue, setting) = (queue.clone(), setting.clone());
    let sender = sender.clone();
    thread::spawn(move || {
      loop {
        let next = queue.lock().next();
        let Some((index, test)) = next else { break };
        if sender.send((index, run_bounded(test, &setting))).is_err() {
          break;
        }
      }
    });
  }
  drop(sender);
  let mut results: Vec<Option<Results>> = vec![None; count];
  let mut shown = 0;
  for (index, result) in receiver {
    results[index] = Some(result);
    while let Some(Some(result)) = results.get(shown) {
      each(result);
      shown += 1;
    }
  }
  results.into_iter().flatten().collect()
}

/// Runs a test on a thread of its own. A script that does not return is
/// stopped; where even that does not help, the thread is left behind.
fn run_bounded(test: Test, setting: &Arc<Setting>) -> Results {
  let bound = setting.bound(&test) + GRACE;
  let (sender, receiver) = mpsc::sync_channel(1);
  let interrupt = Interrupt::default();
  let (setting, name) = (setting.clone(), test.clone());
  let of_page = interrupt.clone();
  let thread = thread::Builder::new()
    .name(test.id.clone())
    .stack_size(STACK)
    .spawn(move || {
      let _ = sender.send(run::run(&name, &setting, &of_page));
    });
  let without_results = |status, message: String| Results {
    test,
    status,
    message: Some(message),
    subtests: Vec::new(),
    duration: bound,
    console: String::new(),
    is_abandoned: status == Status::Timeout,
  };
  if let Err(error) = thread {
    let message = format!("no thread for it: {error}");
    return without_results(Status::Crash, message);
  }
  let panicked = || "the realm's thread panicked".to_string();
  match receiver.recv_timeout(bound) {
    Ok(results) => return results,
    Err(mpsc::RecvTimeoutError::Disconnected) => {
      return without_results(Status::Crash, panicked());
    }
    Err(mpsc::RecvTimeoutError::Timeout) => interrupt.stop(),
  }
  match receiver.recv_timeout(GRACE) {
    Ok(results) => Results {
      status: Status::Timeout,
      message: Some("a script did not return, and was stopped".into()),
      ..results
    },
    Err(mpsc::RecvTimeoutError::Disconnected) => {
      without_results(Status::Crash, panicked())
    }
    Err(mpsc::RecvTimeoutError::Timeout) => {
      let message = "a script did not return, and could not be stopped";
      without_results(Status::Timeout, message.into())
    }
  }
}

/// In bytes. JavaScript engines need more than a thread has by default.
const STACK: usize = 16 * 1024 * 1024;
/// What an orderly end may take on top of the bound.
const GRACE: Duration = Duration::from_secs(10);
