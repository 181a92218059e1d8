//! One page of tests, from its first script to its results.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use background_fetch::extension::deliver_events;
use reqwest::Url;

use super::Setting;
use super::host::Host;
use super::interrupt::Interrupt;
use super::log::Log;
use super::outcome::Outcome;
use super::realm::open_page;
use super::realm::open_worker;
use super::realm::realm;
use super::realm::until;
use super::world::World;
use crate::discover::Scope;
use crate::discover::Test;
use crate::results::Results;
use crate::results::Status;
use crate::results::Subtest;

/// Runs `test` on the current thread, which has to have a stack that is large
/// enough for JavaScript.
pub fn run(
  test: &Test,
  setting: &Arc<Setting>,
  interrupt: &Interrupt,
) -> Results {
  let start = Instant::now();
  let log = Log::default();
  let outcome = Rc::new(RefCell::new(Outcome::default()));
  let result = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build()
    .map_err(|error| error.to_string())
    .and_then(|tokio| {
      tokio.block_on(open_and_wait(test, setting, &log, &outcome, interrupt))
    });
  let Outcome {
    ended, complete, ..
  } = outcome.take();
  let (status, message, tests) = match (complete, result) {
    (Some(complete), _) => {
      let again = |name: &str| complete.tests.iter().any(|t| t.name == name);
      // Those that had ended when the engine was restarted.
      let mut tests = ended;
      tests.retain(|test| !again(&test.name));
      tests.extend(complete.tests);
      (Status::of_harness(complete.status), complete.message, tests)
    }
    (None, Ok(())) => {
      let message = "the harness did not come to its end in time";
      (Status::Timeout, Some(message.into()), ended)
    }
    (None, Err(error)) => (Status::Crash, Some(error), ended),
  };
  let subtests = tests.into_iter().map(|test| Subtest {
    name: test.name,
    status: Status::of_subtest(test.status),
    message: test.message,
  });
  Results {
    test: test.clone(),
    status,
    message,
    subtests: subtests.collect(),
    duration: start.elapsed(),
    console: log.take(),
    is_abandoned: false,
  }
}

async fn open_and_wait(
  test: &Test,
  setting: &Arc<Setting>,
  log: &Log,
  outcome: &Rc<RefCell<Outcome>>,
  interrupt: &Interrupt,
) -> Result<(), String> {
  let url = setting.base(test);
  let url = url.join(&test.entry).map_err(|error| error.to_string())?;
  let mut world = World::new(setting.clone(), test.scope, log.clone())?;
  loop {
    let visit = visit(test, &world, url.clone(), outcome, interrupt);
    let result = match tokio::time::timeout(setting.bound(test), visit).await {
      Ok(result) => result,
      Err(_) => Ok(()),
    };
    if !std::mem::take(&mut outcome.borrow_mut().restart) {
      world.engine.shutdown().await;
      return result;
    }
    world = world.restart().await?;
  }
}

/// Opens the page, or the worker, until it is complete or wants a restart.
async fn visit(
  test: &Test,
  world: &World,
  url: Url,
  outcome: &Rc<RefCell<Outcome>>,
  interrupt: &Interrupt,
) -> Result<(), String> {
  let host = Host::new(world.clone(), outcome.clone(), None);
  let loader = &world.setting.loader;
  let source = loader.load_source(url.clone()).await?;
  let mut runtime = realm(test.scope, url.clone(), &source, None, host);
  let isolate = runtime.v8_isolate().thread_safe_handle();
  interrupt.set(move || {
    isolate.terminate_execution();
  });
  match test.scope {
    Scope::Window => open_page(&mut runtime, loader, url, &source).await?,
    _ => open_worker(&mut runtime, test, url, &source).await?,
  }
  deliver_events(&mut runtime);
  until(&mut runtime, || {
    let outcome = outcome.borrow();
    outcome.complete.is_some() || outcome.restart
  })
  .await
}
