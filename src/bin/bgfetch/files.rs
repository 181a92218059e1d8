//! The files of a command, from the servers or as the store has them.

mod queued;

use std::collections::HashMap;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use background_fetch::display::text;
use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::FetchError;
use background_fetch::engine::NewRecord;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::network::NetworkPolicy;
use background_fetch::store::BackgroundFetchKey;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use parking_lot::Mutex;
use url::Url;
use uuid::Uuid;

use crate::attend::attend_download;
use crate::attend::retry;
use crate::attend::take_events;
use crate::attend::worker_in;
use crate::commands::get::look::Look;
use crate::download::Download;
use crate::download::Downloads;
use crate::download::Ended;
use crate::download::Item;
use crate::download::Place;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::session::Session;
use crate::started_by::StartedBy;

/// With more files than this, those that have not changed are only counted.
const FEW: usize = 20;

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
  /// Where downloads of this command were: the engine remembers a scope, so
  /// that others have it after them.
  free_scopes: Mutex<Vec<Url>>,
  is_one_of_few: bool,
  /// The store's.
  directory: PathBuf,
  max_per_host: Option<u32>,
}

impl Files {
  pub fn new(
    session: &Session,
    base: Option<Url>,
    policy: NetworkPolicy,
  ) -> Self {
    let screen = session.screen.clone();
    Self::of_visitors(session).again(base, policy, usize::MAX, screen)
  }

  /// Those of commands that may come: each has them [again](Self::again).
  pub fn of_visitors(session: &Session) -> Self {
    Self {
      engine: session.engine.clone(),
      screen: session.screen.clone(),
      downloads: session.downloads.clone(),
      base: None,
      policy: NetworkPolicy::Server,
      look: Arc::new(Look::new(session.engine.network())),
      stored: HashMap::new(),
      ids: Arc::default(),
      free_scopes: Mutex::default(),
      is_one_of_few: false,
      directory: session.directory.clone(),
      max_per_host: session.max_per_host,
    }
  }

  /// The same for a command that has so many.
  pub fn of_so_many(self, count: usize) -> Self {
    Self {
      is_one_of_few: count <= FEW,
      ..self
    }
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
        StartedBy::parse(found.embedder_data.as_deref())
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
      free_scopes: Mutex::default(),
      is_one_of_few: count <= FEW,
      directory: self.directory.clone(),
      max_per_host: self.max_per_host,
    }
  }

  /// One file, from the first of its mirrors that has it.
  pub async fn get(&self, item: &Item) -> Ended {
    self.get_at(item, None).await
  }

  async fn get_at(&self, item: &Item, place: Option<&Arc<Place>>) -> Ended {
    let mut item = self.as_stored(item);
    loop {
      let ended = match self.unchanged(&item).await {
        Some(unchanged) => unchanged,
        None => self.fetch(&item, place).await,
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
  async fn fetch(&self, item: &Item, place: Option<&Arc<Place>>) -> Ended {
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
      None => match self.free_scope() {
        Ok(scope) => scope,
        Err(failure) => return Ended::Failed(failure.message),
      },
    };
    let realm = self.engine.attach(RealmOptions {
      policy: self.policy,
      embedder_data: Some(embedder_data),
      scope: scope.clone(),
      keep_failed: true,
      ..RealmOptions::new(
        RealmKind::ServiceWorker,
        base.cloned().unwrap_or_else(|| scope.clone()),
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
    if let Some(place) = place {
      self.downloads.at(key, place);
    }
    let ended = attend_download(&self.downloads, &realm, key).await;
    self.downloads.left(key);
    drop(realm);
    if matches!(ended, Ended::Saved(_)) {
      // Nothing is left in it.
      self.free_scopes.lock().push(scope);
    }
    ended
  }

  /// A scope that nothing is in.
  fn free_scope(&self) -> Result<Url, Failure> {
    match self.free_scopes.lock().pop() {
      Some(scope) => Ok(scope),
      None => new_scope(self.base.as_ref()),
    }
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
  /// that have failed may be retried at any time. Their ends are not waited for.
  pub async fn attend_others(
    &self,
    items: &[Arc<Item>],
  ) -> Result<u8, Failure> {
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
    let mut backlogs: FuturesUnordered<_> = self
      .backlogs()
      .left
      .into_iter()
      .map(|left| {
        left.without_those_of_others(|item| own.contains(&item.download))
      })
      .filter(|left| !left.items.is_empty())
      .map(|left| self.get_backlog(left, |_, _| {}))
      .collect();
    loop {
      tokio::select! {
        Some(()) = attended.next() => {}
        Some(_) = backlogs.next() => {}
        else => return std::future::pending().await,
      }
    }
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
