//! `bgfetch run`

use std::collections::HashSet;
use std::sync::Arc;

use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::engine::RetryStatuses;
use background_fetch::network::NetworkPolicy;
use url::Url;

use crate::arguments::Run;
use crate::failure::FAILED;
use crate::failure::Failure;
use crate::failure::SUCCESS;
use crate::interrupt::Interrupt;
use crate::logging;
use crate::paths;
use crate::screen::Screen;
use crate::scripts::page::is_page;
use crate::scripts::registered;
use crate::scripts::script;
use crate::scripts::script::Script;
use crate::scripts::script::Surroundings;
use crate::session::Session;
use crate::session::Setup;
use crate::started_by::StartedBy;

pub async fn run(arguments: Run) -> Result<u8, Failure> {
  run_until(arguments, &Interrupt::install()?).await
}

/// The same until it is interrupted.
pub async fn run_until(
  mut arguments: Run,
  interrupt: &Interrupt,
) -> Result<u8, Failure> {
  let statuses = &mut arguments.engine.retry_statuses;
  // Those that `get` has left or hands over; the script tries its own again.
  statuses.get_or_insert(RetryStatuses::Downloads);
  let path = paths::script(&arguments.script)?;
  let sw = arguments.sw.as_deref().map(paths::script).transpose()?;
  let out = arguments
    .out
    .as_deref()
    .map(paths::out_directory)
    .transpose()?;
  let base = arguments.base.clone();
  let started_by = StartedBy::Run {
    script: path.clone(),
    sw: sw.clone(),
    base: base.clone(),
    out,
    policy: arguments.engine.policy.into(),
  };
  let embedder_data = started_by.to_json()?;
  let realm_options = RealmOptions {
    kind: match sw.is_some() || is_page(&path) {
      true => RealmKind::Window,
      false => RealmKind::ServiceWorker,
    },
    ..realm_options(
      base.clone(),
      arguments.engine.policy.into(),
      embedder_data.clone(),
    )
  };
  script::init_platform();
  let screen = Arc::new(Screen::new(&arguments.engine));
  logging::init(&screen);
  let setup = Setup {
    service_workers: sw.is_some(),
    handlers: arguments.handlers,
    ..Setup::default()
  };
  let kind = realm_options.kind;
  let scope = realm_options.scope.clone();
  let script = script::prepare(Script {
    path,
    realm_options,
    screen: screen.clone(),
  })?;
  let session = Session::open(&arguments.engine, setup, screen)?;
  let mut stored = session.engine.background_fetches();
  stored.retain(|b| b.scope == scope);
  is_free(&stored, &started_by, &scope)?;
  session.redeliver(&stored).await?;
  drop(stored);
  let scope_of = scope.clone();
  let worker_url = sw
    .map(|sw| session.worker_files.serve(&base, &sw))
    .transpose()?;
  let surroundings = Surroundings {
    engine: session.engine.clone(),
    evaluations: session.evaluations.clone(),
    again: None,
  };
  let engine = session.engine.clone();
  let (screen, worker_files) =
    (session.screen.clone(), session.worker_files.clone());
  let work = async move {
    let workers = engine.service_workers();
    match &worker_url {
      Some(worker_url) => {
        let updated = registered::update(&workers, &scope_of, worker_url);
        if let Err(error) = updated.await
          && !worker_files.has_failed()
        {
          worker_files.report(&screen, worker_url, &error.to_string());
        }
      }
      None if kind == RealmKind::Window => {}
      // The script is the scope's only worker.
      None => registered::unregister(&workers, &scope_of).await,
    }
    let succeeded = script.run(surroundings).await?;
    if let Some(worker_url) = worker_url
      && !registered::any(&workers, &base)
    {
      screen.note(&format!(
        "no service worker is registered; a page does it with \
         navigator.serviceWorker.register(\"{}\")",
        worker_url.path()
      ));
    }
    match succeeded && !worker_files.has_failed() {
      true => Ok(SUCCESS),
      false => Ok(FAILED),
    }
  };
  session
    // A page may register workers for other scopes, too.
    .finish(interrupt, work, |other| {
      other.scope == scope
        || other.embedder_data.as_ref() == Some(&embedder_data)
    })
    .await
}

/// The realm of a script at `base`.
pub fn realm_options(
  base: Url,
  policy: NetworkPolicy,
  embedder_data: String,
) -> RealmOptions {
  RealmOptions {
    policy,
    embedder_data: Some(embedder_data),
    ..RealmOptions::new(RealmKind::ServiceWorker, base)
  }
}

/// The events of a scope go to its one script; those of another one must not.
fn is_free(
  of_scope: &[BackgroundFetchSnapshot],
  started_by: &StartedBy,
  scope: &Url,
) -> Result<(), Failure> {
  let StartedBy::Run { script, sw, .. } = started_by else {
    return Ok(());
  };
  // Thousands may have been started by the same one.
  let starters: HashSet<&str> = of_scope
    .iter()
    .filter_map(|b| b.embedder_data.as_deref())
    .collect();
  for starter in starters {
    let Some(StartedBy::Run {
      script: other,
      sw: other_sw,
      ..
    }) = StartedBy::parse(Some(starter))
    else {
      continue;
    };
    if other != *script || other_sw != *sw {
      return Err(Failure::usage(format!(
        "the scope {scope} has an unfinished background fetch of {}; finish \
         it with `bgfetch resume`, or choose another --base or --store",
        other.display()
      )));
    }
  }
  Ok(())
}
