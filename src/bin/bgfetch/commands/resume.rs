//! `bgfetch resume`

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::sync::Arc;

use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::RealmOptions;
use background_fetch::engine::RetryStatuses;
use background_fetch::network::NetworkPolicy;
use background_fetch::store::Store;
use background_fetch::store::StoredBackgroundFetch;
use futures::future::BoxFuture;
use futures::future::try_join_all;
use url::Url;

use super::list;
use super::run;
use crate::arguments::Resume;
use crate::attend;
use crate::download;
use crate::download::Ended;
use crate::download::Left;
use crate::failure::FAILED;
use crate::failure::Failure;
use crate::failure::SUCCESS;
use crate::files::Files;
use crate::interrupt::Interrupt;
use crate::logging;
use crate::paths;
use crate::screen::Screen;
use crate::scripts::script;
use crate::scripts::script::Script;
use crate::scripts::script::Surroundings;
use crate::session::Session;
use crate::session::Setup;
use crate::started_by::StartedBy;

/// Opens the store so that everything in it can be continued.
pub(super) fn open(
  mut arguments: Resume,
  screen: Arc<Screen>,
) -> Result<Session, Failure> {
  // Nothing else would try it again.
  let statuses = &mut arguments.engine.retry_statuses;
  statuses.get_or_insert(RetryStatuses::Programs);
  let out = arguments
    .out
    .as_deref()
    .map(paths::out_directory)
    .transpose()?;
  script::init_platform();
  logging::init(&screen);
  let urls = stored_urls(&arguments)?;
  let (secrets, cookies) =
    download::shown_again(&arguments.credentials, &urls)?;
  let setup = Setup {
    out,
    service_workers: true,
    handlers: arguments.handlers,
    secrets,
    cookies: Some(cookies),
    ..Setup::default()
  };
  Session::open(&arguments.engine, setup, screen)
}

pub async fn resume(arguments: Resume) -> Result<u8, Failure> {
  let interrupt = Interrupt::install()?;
  let screen = Arc::new(Screen::new(&arguments.engine));
  let session = open(arguments, screen)?;
  let scopes = scopes(&session);
  let files = Files::new(&session, None, NetworkPolicy::Server);
  let backlogs = files.backlogs();
  if scopes.is_empty() && backlogs.is_empty() {
    session.screen.note("nothing is unfinished");
  }
  let counts: HashSet<Url> = scopes.keys().cloned().collect();
  let is_script = |by: &StartedBy| !matches!(by, StartedBy::Download { .. });
  let scripts: HashSet<Url> = scopes
    .iter()
    .filter(|(_, (started_by, _))| is_script(started_by))
    .map(|(scope, _)| scope.clone())
    .collect();
  let all: Vec<_> = scopes
    .into_iter()
    .map(|(scope, (started_by, stored))| {
      resume_scope(&session, scope, started_by, stored)
    })
    .collect();
  redeliver(&session, &scripts).await?;
  let work = async {
    let (done, all_there) =
      futures::join!(try_join_all(all), files.get_backlogs(backlogs));
    match done?.into_iter().all(|taken| taken) && all_there {
      true => Ok(SUCCESS),
      false => Ok(FAILED),
    }
  };
  session
    .finish(&interrupt, work, |b| counts.contains(&b.scope))
    .await
}

/// Fires the events of these scopes again that could not be delivered.
pub(super) async fn redeliver(
  session: &Session,
  scopes: &HashSet<Url>,
) -> Result<(), Failure> {
  let all = session.engine.background_fetches();
  session
    .redeliver(all.iter().filter(|b| scopes.contains(&b.scope)))
    .await
}

/// What there is to continue with. Where several commands have used a scope,
/// the latest one has it.
pub(super) fn scopes(
  session: &Session,
) -> BTreeMap<Url, (StartedBy, BackgroundFetchSnapshot)> {
  let mut scopes = BTreeMap::new();
  let mut strangers = 0;
  for background_fetch in session.engine.background_fetches() {
    match StartedBy::parse(background_fetch.embedder_data.as_deref()) {
      Some(started_by) => {
        let scope = background_fetch.scope.clone();
        scopes.insert(scope, (started_by, background_fetch));
      }
      None => strangers += 1,
    }
  }
  if strangers > 0 {
    session.screen.error(&format!(
      "{strangers} background fetches in the store were started by another \
       program, which has to take their events"
    ));
  }
  scopes
}

/// Whether a worker was there to take the events.
pub(super) fn resume_scope(
  session: &Session,
  scope: Url,
  started_by: StartedBy,
  stored: BackgroundFetchSnapshot,
) -> BoxFuture<'static, Result<bool, Failure>> {
  let engine = session.engine.clone();
  match started_by {
    StartedBy::Get { .. } => Box::pin(async move {
      attend::retry(&engine, &stored)
        .await
        .map_err(Failure::failed)?;
      attend::attend(&engine.attach(attend::worker_in(&scope))).await;
      Ok(true)
    }),
    StartedBy::Download { typed, .. } => {
      let realm = engine.attach(attend::worker_in(&scope));
      let downloads = session.downloads.clone();
      let screen = session.screen.clone();
      Box::pin(async move {
        let ended = match attend::retry(&engine, &stored).await {
          Ok(()) => {
            attend::attend_download(&downloads, &realm, stored.key).await
          }
          Err(why) => Ended::Failed(why),
        };
        if let Some(why) = ended.why() {
          screen.error(&attend::sentence(&typed, why));
        }
        Ok(ended.is_success())
      })
    }
    // Its worker is woken by itself: its scripts are in the store. The page is
    // as gone as one that was closed.
    StartedBy::Run {
      sw: Some(sw), base, ..
    } => {
      let served = session.worker_files.serve(&base, &sw);
      let screen = session.screen.clone();
      Box::pin(async move {
        served?;
        if let Err(stuck) = engine.until_settled(&scope).await {
          screen.error(&stuck.to_string());
          return Ok(false);
        }
        // A worker that is being updated comes to its end.
        engine.service_workers().idle().await;
        Ok(true)
      })
    }
    StartedBy::Run {
      ref script,
      ref base,
      policy,
      ..
    } => {
      let path = script.clone();
      let base = base.clone();
      let script = Script {
        path: path.clone(),
        realm_options: RealmOptions {
          scope,
          ..run::realm_options(
            base,
            policy,
            started_by.to_json().unwrap_or_default(),
          )
        },
        screen: session.screen.clone(),
      };
      let surroundings = Surroundings {
        engine,
        evaluations: session.evaluations.clone(),
        again: Some(session.evaluations.begin()),
      };
      let screen = session.screen.clone();
      Box::pin(async move {
        // Without its handlers its events would be lost.
        if let Err(Failure { message, .. }) = paths::script(&path) {
          screen.error(&format!("{message}; its events wait for it"));
          return Ok(false);
        }
        // It says itself what goes wrong with it. How the background fetches
        // end is what counts here.
        script::prepare(script)?.run(surroundings).await?;
        Ok(true)
      })
    }
  }
}

/// The URLs of the downloads in the store.
fn stored_urls(arguments: &Resume) -> Result<Vec<Url>, Failure> {
  let directory = paths::store_directory(&arguments.engine.store)?;
  if !directory.exists() {
    return Ok(Vec::new());
  }
  let rows = Store::read_directory(&directory)?.into_iter().flatten();
  let url = |row: StoredBackgroundFetch| match list::started_by(&row)? {
    StartedBy::Download { download, .. } => Some(download.url),
    _ => None,
  };
  let begun = rows.filter_map(url);
  let left = Left::read(&directory, |_| {}).into_iter();
  let left = left
    .flat_map(|left| left.items)
    .map(|i| i.download.url.clone());
  Ok(begun.chain(left).collect())
}
