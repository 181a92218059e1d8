//! `bgfetch get`

pub mod look;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use background_fetch::engine::RetryStatuses;
use background_fetch::network::ClientEnvironment;
use background_fetch::network::NetworkPolicy;
use background_fetch::store::Store;
use parking_lot::Mutex;
use url::Url;

use crate::arguments::Get;
use crate::attend::sentence;
use crate::download::Item;
use crate::download::Order;
use crate::failure::FAILED;
use crate::failure::Failure;
use crate::failure::INTERRUPTED;
use crate::failure::SUCCESS;
use crate::files::Files;
use crate::handing_over::Given;
use crate::handing_over::Giving;
use crate::handing_over::Terms;
use crate::interrupt::Interrupt;
use crate::logging;
use crate::paths;
use crate::screen::Screen;
use crate::session::Session;
use crate::session::Setup;
use crate::session::pressed;

pub async fn get(mut arguments: Get) -> Result<u8, Failure> {
  // Nothing else would try it again.
  let statuses = &mut arguments.engine.retry_statuses;
  statuses.get_or_insert(RetryStatuses::Programs);
  let Order {
    items,
    secrets,
    cookies,
    to_stdout,
  } = Order::new(&arguments)?;
  let policy = arguments.engine.policy.into();
  let base = arguments.base.as_ref();
  for item in &items {
    may_register(item, policy, base)?;
  }
  let interrupt = Interrupt::install()?;
  let screen = Arc::new(Screen::new(&arguments.engine));
  screen.announce(items.len());
  logging::init(&screen);
  let setup = Setup {
    secrets,
    cookies: Some(cookies),
    to_stdout,
    wanted: items.clone(),
    max_per_host: arguments.max_per_host,
    ..Setup::default()
  };
  if arguments.spider || arguments.dry_run {
    return look::at_heads(&arguments, &items, setup, &screen).await;
  }
  let directory = paths::store_directory(&arguments.engine.store)?;
  let giving = Giving {
    directory: &directory,
    terms: Terms::of(&arguments.engine, arguments.max_per_host),
    base: arguments.base.clone(),
    policy,
    items: &items,
    screen: screen.clone(),
    own: own_process(&arguments, &setup),
    ended: Mutex::default(),
    given: Given::default(),
  };
  let store = match give_or_open(&giving, &arguments, &interrupt).await? {
    Opened::Store(store) => store,
    Opened::Left(status) => return Ok(status),
    Opened::Done => {
      return Ok(report(&screen, &items, &failures(&giving.ended.lock())));
    }
  };
  let session = Session::with_store(store, &arguments.engine, setup, screen)?;
  let files = Files::new(&session, arguments.base.clone(), policy)
    .of_so_many(items.len());
  let ended = &giving.ended;
  let work = async {
    let (getting, others) =
      (files.get_left(&items, ended), files.attend_others(&items));
    tokio::select! {
      () = getting => {
        Ok(report(&files.screen, &items, &failures(&ended.lock())))
      }
      never = others => never,
    }
  };
  // What is counted here is counted by the work itself.
  let status = session.finish(&interrupt, work, |_| false).await?;
  let ended = giving.ended.lock();
  if ended.len() < items.len() {
    report_left(&giving.screen, &items, &ended);
  }
  Ok(status)
}

/// The same when the command is left before all files have ended.
fn report_left(
  screen: &Screen,
  items: &[Arc<Item>],
  ended: &BTreeMap<usize, Option<String>>,
) {
  screen.clear();
  for (index, why) in &failures(ended) {
    screen.error(&sentence(&items[*index].typed, why));
  }
  let left = items.len() - ended.len();
  let (files, are) = if left == 1 {
    ("file", "is")
  } else {
    ("files", "are")
  };
  screen.note(&format!(
    "{left} {files} {are} not finished; what there is of them is kept, and the \
     same command or `bgfetch resume` continues"
  ));
}

/// What of a command no other process can do for it.
fn own_process(arguments: &Get, setup: &Setup) -> Vec<&'static str> {
  let (request, engine) = (&arguments.credentials, &arguments.engine);
  let all = [
    ("--output -", !setup.to_stdout.is_empty()),
    ("--trace", engine.network.trace.is_some()),
    ("--cookie", !request.cookies.is_empty()),
    (
      "what is secret in headers, URLs and .netrc",
      !setup.secrets.is_empty(),
    ),
  ];
  let own = all.into_iter().filter(|(_, is_used)| *is_used);
  own.map(|(name, _)| name).collect()
}

/// How a command comes to the store.
enum Opened {
  Store(Store),
  /// Another process has it, and has done everything.
  Done,
  /// The user does not wait any longer; the exit status.
  Left(u8),
}

/// Opens the store, or has another process do what there is to do.
async fn give_or_open(
  giving: &Giving<'_>,
  arguments: &Get,
  interrupt: &Interrupt,
) -> Result<Opened, Failure> {
  let out_of_time = async {
    match arguments.engine.max_time {
      Some(n) => tokio::time::sleep(Duration::from_secs(n.into())).await,
      None => std::future::pending().await,
    }
  };
  let screen = &giving.screen;
  let keys = async {
    giving.is_given().await;
    pressed::quit(giving, screen).await;
  };
  let opened = tokio::select! {
    biased;
    () = interrupt.interrupted() => Opened::Left(INTERRUPTED),
    () = out_of_time => {
      screen.error("the time that --max-time allows is over");
      Opened::Left(FAILED)
    }
    () = keys => Opened::Left(INTERRUPTED),
    store = giving.give_or_open() => match store? {
      Some(store) => Opened::Store(store),
      None => Opened::Done,
    },
  };
  if let Opened::Left(_) = opened {
    giving.leave();
  }
  Ok(opened)
}

/// Those that have failed, in the order of the command.
fn failures(ended: &BTreeMap<usize, Option<String>>) -> Vec<(usize, String)> {
  let failed = ended.iter();
  failed
    .filter_map(|(index, why)| Some((*index, why.clone()?)))
    .collect()
}

/// A message for each that failed; the exit status.
fn report(
  screen: &Screen,
  items: &[Arc<Item>],
  failed: &[(usize, String)],
) -> u8 {
  screen.clear();
  for (index, why) in failed {
    screen.error(&sentence(&items[*index].typed, why));
  }
  if items.len() > 1 {
    let (failed, all) = (failed.len(), items.len());
    let saved = all - failed;
    screen.note(&match failed {
      0 => format!("all {all} files are there"),
      failed => format!("{saved} of {all} files are there, {failed} failed"),
    });
  }
  if failed.is_empty() { SUCCESS } else { FAILED }
}

/// A URL that can never be fetched is a mistake in the command.
pub(super) fn may_register(
  item: &Item,
  policy: NetworkPolicy,
  base: Option<&Url>,
) -> Result<(), Failure> {
  let url = &item.download.url;
  let base = base.unwrap_or(url).clone();
  let environment = ClientEnvironment::new(base, policy);
  environment.may_register(url).map_err(Failure::usage)
}
