//! `bgfetch get`

pub mod look;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use background_fetch::display::text;
use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::FetchError;
use background_fetch::engine::NewRecord;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmMessage;
use background_fetch::engine::RealmOptions;
use background_fetch::engine::RetryStatuses;
use background_fetch::network::ClientEnvironment;
use background_fetch::network::NetworkPolicy;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::Store;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use parking_lot::Mutex;
use url::Url;
use uuid::Uuid;

use self::look::Look;
use super::stored;
use crate::arguments::Get;
use crate::download::Download;
use crate::download::Downloads;
use crate::download::Ended;
use crate::download::Item;
use crate::download::Order;
use crate::failure::FAILED;
use crate::failure::Failure;
use crate::failure::INTERRUPTED;
use crate::failure::SUCCESS;
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
use crate::started_by::StartedBy;

/// With more files than this, those that have not changed are only counted.
const FEW: usize = 20;

pub async fn get(mut arguments: Get) -> Result<u8, Failure> {
  // Nobody is there who could try it again.
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
  logging::init(&screen);
  let setup = Setup {
    secrets,
    cookies: Some(cookies),
    to_stdout,
    save_options: items
      .iter()
      .map(|item| (item.download.clone(), item.options.clone()))
      .collect(),
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
  let files = Files::new(&session, arguments.base.clone(), policy)?;
  let files = Files {
    is_one_of_few: items.len() <= FEW,
    ..files
  };
  let ended = &giving.ended;
  let work = async {
    let (getting, others) =
      (files.get_all(&items, ended), files.attend_others(&items));
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
  items: &[Item],
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
fn report(screen: &Screen, items: &[Item], failed: &[(usize, String)]) -> u8 {
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

/// Why a download has failed, with its URL as the user has typed it.
pub fn sentence(typed: &str, why: &str) -> String {
  let typed = text::printable(typed);
  // The network names it without its query, which may be a secret.
  let place = typed.split(['?', '#']).next().unwrap_or_default();
  match why.strip_prefix(place) {
    Some(rest) if rest.starts_with(' ') => format!("{typed}{rest}"),
    _ => format!("{typed}: {why}"),
  }
}

/// A URL that can never be fetched is a mistake in the command.
pub(super) fn may_register(
  item: &Item,
  policy: NetworkPolicy,
  base: Option<&Url>,
) -> Result<(), Failure> {
  let url = &item.download.url;
  let environment = ClientEnvironment {
    url: base.unwrap_or(url).clone(),
    policy,
    csp: Vec::new(),
    referrer_policy: String::new(),
  };
  environment.may_register(url).map_err(Failure::usage)
}

/// The files of one command.
pub struct Files {
  pub engine: Engine,
  pub screen: Arc<Screen>,
  pub downloads: Arc<Downloads>,
  base: Option<Url>,
  policy: NetworkPolicy,
  look: Arc<Look>,
  /// What the store has of earlier commands.
  stored: HashMap<Download, BackgroundFetchSnapshot>,
  /// The ids that are used already; those of all commands of the process.
  ids: Arc<Mutex<HashSet<String>>>,
  is_one_of_few: bool,
}

impl Files {
  pub fn new(
    session: &Session,
    base: Option<Url>,
    policy: NetworkPolicy,
  ) -> Result<Self, Failure> {
    let template = Self {
      engine: session.engine.clone(),
      screen: session.screen.clone(),
      downloads: session.downloads.clone(),
      base: None,
      policy,
      look: Arc::new(Look::new(session.network()?)),
      stored: HashMap::new(),
      ids: Arc::default(),
      is_one_of_few: false,
    };
    Ok(template.again(base, policy, usize::MAX, session.screen.clone()))
  }

  /// Those of another command on the same store, which may have changed.
  pub fn again(
    &self,
    base: Option<Url>,
    policy: NetworkPolicy,
    count: usize,
    screen: Arc<Screen>,
  ) -> Self {
    let mut stored = HashMap::new();
    let mut ids = self.ids.lock();
    for found in self.engine.background_fetches() {
      ids.insert(found.id.clone());
      if let Some(StartedBy::Download { download, .. }) =
        StartedBy::parse(&found.embedder_data)
      {
        stored.insert(download, found);
      }
    }
    drop(ids);
    Self {
      engine: self.engine.clone(),
      screen,
      downloads: self.downloads.clone(),
      base,
      policy,
      look: self.look.clone(),
      stored,
      ids: self.ids.clone(),
      is_one_of_few: count <= FEW,
    }
  }

  /// Gets those of `items` that have not ended, each by itself, and notes why
  /// one has no file.
  async fn get_all(
    &self,
    items: &[Item],
    noted: &Mutex<BTreeMap<usize, Option<String>>>,
  ) {
    let left: Vec<usize> = {
      let noted = noted.lock();
      (0..items.len())
        .filter(|i| !noted.contains_key(i))
        .collect()
    };
    let mut under_way: FuturesUnordered<_> = left
      .into_iter()
      .map(async |index| (index, self.get(&items[index]).await))
      .collect();
    while let Some((index, ended)) = under_way.next().await {
      noted.lock().insert(index, ended.why().map(str::to_string));
    }
  }

  /// One file, from the first of its mirrors that has it.
  pub async fn get(&self, item: &Item) -> Ended {
    let mut item = self.as_stored(item);
    loop {
      let ended = match self.unchanged(&item).await {
        Some(unchanged) => unchanged,
        None => self.fetch(&item).await,
      };
      let is_there = ended.is_success() || matches!(ended, Ended::Unsaved(_));
      if is_there || item.options.mirrors.is_empty() {
        return ended;
      }
      if let Some(why) = ended.why() {
        let next = &item.options.mirrors[0];
        self.screen.note(&format!(
          "{}: {why}; trying {next}",
          text::printable(&item.typed)
        ));
      }
      item.download.url = item.options.mirrors.remove(0);
    }
  }

  /// The mirror that the store has something of, or else the first.
  fn as_stored(&self, item: &Item) -> Item {
    let mut first = item.clone();
    while !self.stored.contains_key(&first.download) {
      if first.options.mirrors.is_empty() {
        return item.clone();
      }
      first.download.url = first.options.mirrors.remove(0);
    }
    first
  }

  /// `Some` when the file was saved by an earlier command, and the server has
  /// the same still.
  async fn unchanged(&self, item: &Item) -> Option<Ended> {
    if item.options.replace || self.stored.contains_key(&item.download) {
      return None;
    }
    let entry = self.downloads.saved().unchanged(&item.download)?;
    if !self.look.is_unchanged(item, &entry).await {
      return None;
    }
    if self.is_one_of_few {
      let name = text::printable(&item.options.url_name);
      self.screen.unchanged(&name, &item.typed, &entry.path);
    }
    Some(Ended::Unchanged(entry.path))
  }

  /// Continues what is stored of it, or starts it, and waits for its end.
  async fn fetch(&self, item: &Item) -> Ended {
    let stored = self.stored.get(&item.download);
    let started_by = StartedBy::Download {
      typed: item.typed.clone(),
      download: item.download.clone(),
      options: item.options.clone(),
    };
    let embedder_data = match started_by.to_json() {
      Ok(embedder_data) => embedder_data,
      Err(failure) => return Ended::Failed(failure.message),
    };
    let base = self.base.as_ref();
    let scope = match stored {
      Some(stored) => stored.scope.clone(),
      None => match new_scope(base) {
        Ok(scope) => scope,
        Err(failure) => return Ended::Failed(failure.message),
      },
    };
    let realm = self.engine.attach(RealmOptions {
      policy: self.policy,
      embedder_data,
      scope: scope.clone(),
      keep_failed: true,
      ..RealmOptions::new(
        RealmKind::ServiceWorker,
        base.cloned().unwrap_or(scope),
      )
    });
    let key = match stored {
      Some(stored) => match retry(&self.engine, stored).await {
        Ok(()) => stored.key,
        Err(why) => return Ended::Failed(why),
      },
      None => match self.start(&realm, item).await {
        Ok(key) => key,
        Err(refused) => return Ended::Failed(refused.to_string()),
      },
    };
    attend_download(&self.downloads, &realm, key).await
  }

  async fn start(
    &self,
    realm: &Realm,
    item: &Item,
  ) -> Result<BackgroundFetchKey, FetchError> {
    let record = NewRecord {
      request: item.request(),
      body: None,
    };
    let id = self.new_id(&item.options.url_name);
    let options = BackgroundFetchOptions::default();
    let started = realm.fetch(id, vec![record], options).await?;
    Ok(started.key)
  }

  /// By its id a user names a download, so that no two should have the same.
  fn new_id(&self, name: &str) -> String {
    let mut ids = self.ids.lock();
    let numbers = std::iter::once(name.to_string())
      .chain((2..).map(|number| format!("{name} ({number})")));
    let mut free = numbers.filter(|id| !ids.contains(id));
    let id = free.next().unwrap_or_default();
    ids.insert(id.clone());
    id
  }

  /// Downloads that earlier commands have left continue beside these, and those
  /// that have failed may be retried at any time. Nobody waits for their ends.
  async fn attend_others(&self, items: &[Item]) -> Result<u8, Failure> {
    let own: HashSet<_> = items
      .iter()
      .map(|item| self.as_stored(item).download)
      .collect();
    let others = self.stored.iter().filter(|(d, _)| !own.contains(d));
    let attended = others.map(async |(_, other)| {
      let realm = self.engine.attach(worker_in(&other.scope));
      take_events(&realm).await;
    });
    let mut attended: FuturesUnordered<_> = attended.collect();
    while attended.next().await.is_some() {}
    std::future::pending().await
  }
}

/// Continues a download that has failed.
///
/// # Errors
///
/// It is quarantined, or the store cannot remember it.
pub async fn retry(
  engine: &Engine,
  stored: &BackgroundFetchSnapshot,
) -> Result<(), String> {
  if stored.quarantined {
    return Err(stored::quarantined(&text::printable(&stored.id)));
  }
  match stored.retained {
    Some(_) => engine.retry(stored.key).await.map(drop),
    None => Ok(()),
  }
  .map_err(|error| error.to_string())
}

/// The realm that takes the event of a download in `scope`.
pub fn worker_in(scope: &Url) -> RealmOptions {
  RealmOptions {
    scope: scope.clone(),
    keep_failed: true,
    ..RealmOptions::new(RealmKind::ServiceWorker, scope.clone())
  }
}

/// Each download is a service worker registration of its own, so that it can
/// be waited for alone. Without a page it is an origin of its own, too: realms
/// of one origin hear of each other's registrations, which thousands should
/// not.
fn new_scope(base: Option<&Url>) -> Result<Url, Failure> {
  let id = Uuid::now_v7();
  let scope = match base {
    Some(base) => base.join(&format!(".bgfetch/{id}/")),
    None => Url::parse(&format!("http://{id}.bgfetch.localhost/")),
  };
  scope.map_err(|error| {
    Failure::usage(format!("the base URL cannot be used: {error}"))
  })
}

/// Waits until a download is saved, has failed, or cannot be saved.
pub async fn attend_download(
  downloads: &Downloads,
  realm: &Realm,
  key: BackgroundFetchKey,
) -> Ended {
  tokio::select! {
    () = attend(realm) => {}
    () = downloads.unsaved(key) => {}
  }
  match downloads.ended(key) {
    Some(Ended::Unsaved(why)) => Ended::Unsaved(format!(
      "it cannot be saved as {why}; the store keeps it: make room, then run \
       the same command, or `bgfetch resume` with a usable --out"
    )),
    Some(ended) => ended,
    None => Ended::Failed("it was aborted".to_string()),
  }
}

/// Takes the events of a realm that has no script, until its scope has
/// nothing unfinished.
pub async fn attend(realm: &Realm) {
  tokio::select! {
    () = take_events(realm) => {}
    () = realm.idle() => {}
  }
}

/// Takes the events of a realm that has no script, forever.
pub(super) async fn take_events(realm: &Realm) {
  realm.start_worker();
  loop {
    // The files are saved already, so there is nothing left to do.
    if let RealmMessage::Event { lease, .. } = realm.next_message().await {
      realm.event_handled(lease);
    }
  }
}
