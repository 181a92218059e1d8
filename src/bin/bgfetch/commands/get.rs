//! `bgfetch get`

use std::sync::Arc;

use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::FetchRejection;
use background_fetch::engine::NewRecord;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmFacts;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmMessage;
use background_fetch::engine::RetryStatuses;
use background_fetch::spec::Request;
use url::Url;
use uuid::Uuid;

use crate::arguments::Get;
use crate::failure::Failure;
use crate::failure::SUCCESS;
use crate::file_names::file_name;
use crate::interrupt::Interrupt;
use crate::logging;
use crate::paths;
use crate::screen::Screen;
use crate::session::ServiceWorkers;
use crate::session::Session;
use crate::started_by::StartedBy;

pub async fn get(mut arguments: Get) -> Result<u8, Failure> {
  // Nobody is there who could try it again.
  let statuses = &mut arguments.engine.retry_statuses;
  statuses.get_or_insert(RetryStatuses::Programs);
  let base = arguments.base.as_ref();
  let urls = arguments.urls.iter().map(|text| parse(text, base));
  let urls = urls.collect::<Result<Vec<Url>, Failure>>()?;
  let started_by = StartedBy::Get {
    urls: urls.clone(),
    out: paths::out_directory(&arguments.out)?,
  };
  let interrupt = Interrupt::install()?;
  let screen = Arc::new(Screen::new(&arguments.engine));
  logging::init(&screen);
  let session =
    Session::open(&arguments.engine, None, ServiceWorkers::None, screen)?;

  let unfinished = unfinished(&session.engine, &started_by);
  let scope = match &unfinished {
    Some(unfinished) => unfinished.scope.clone(),
    None => new_scope(base)?,
  };
  let realm = session.engine.attach(RealmFacts {
    scope: scope.clone(),
    policy: arguments.engine.policy.into(),
    embedder_data: started_by.to_json()?,
    keep_failed: true,
    ..RealmFacts::new(
      RealmKind::ServiceWorker,
      base.cloned().unwrap_or_else(|| scope.clone()),
    )
  });
  let work = async {
    match unfinished {
      // It has failed, and continues.
      Some(failed) if failed.retained.is_some() => {
        let retried = realm.engine().retry(failed.key).await;
        retried.map_err(Failure::failed)?;
      }
      Some(_) => {}
      None => start(&realm, &urls).await?,
    }
    attend(&realm).await;
    Ok(SUCCESS)
  };
  session
    .finish(&interrupt, work, |other| other.scope == scope)
    .await
}

fn parse(text: &str, base: Option<&Url>) -> Result<Url, Failure> {
  let url = match base {
    Some(base) => base.join(text),
    None => Url::parse(text),
  };
  url.map_err(|error| {
    let hint = match error {
      url::ParseError::RelativeUrlWithoutBase => {
        "; write it with its scheme, or give --base"
      }
      _ => "",
    };
    Failure::usage(format!("{text} is not a URL: {error}{hint}"))
  })
}

/// The background fetch that an earlier process has started for the same URLs
/// into the same directory.
fn unfinished(
  engine: &Engine,
  started_by: &StartedBy,
) -> Option<BackgroundFetchSnapshot> {
  let same = |embedder_data: &str| {
    StartedBy::parse(embedder_data).as_ref() == Some(started_by)
  };
  let mut all = engine.background_fetches().into_iter();
  all.find(|found| same(&found.embedder_data))
}

/// Each `get` is a service worker registration of its own, so that it can be
/// waited for alone.
fn new_scope(base: Option<&Url>) -> Result<Url, Failure> {
  let base = base.map_or("http://localhost/", Url::as_str);
  let directory = format!(".bgfetch/{}/", Uuid::now_v7());
  Url::parse(base)
    .and_then(|base| base.join(&directory))
    .map_err(|error| {
      Failure::usage(format!("{base} cannot be a base URL: {error}"))
    })
}

async fn start(realm: &Realm, urls: &[Url]) -> Result<(), Failure> {
  let records = urls.iter().map(|url| NewRecord {
    request: Request::get(url.clone()),
    body: None,
  });
  let options = BackgroundFetchOptions::default();
  let result = realm.fetch(id(urls), records.collect(), options).await;
  match result {
    Ok(_) => Ok(()),
    Err(
      refused @ (FetchRejection::Type(_)
      | FetchRejection::NotAllowed
      | FetchRejection::MayNotReach(_)),
    ) => Err(Failure::usage(refused)),
    Err(refused) => Err(Failure::failed(refused)),
  }
}

fn id(urls: &[Url]) -> String {
  let first = urls.first().map(file_name).unwrap_or_default();
  match urls.len() {
    0 | 1 => first,
    n => format!("{first} and {} more", n - 1),
  }
}

/// Takes the events of a realm that has no script, until its scope has
/// nothing unfinished.
pub async fn attend(realm: &Realm) {
  realm.start_worker();
  let events = async {
    loop {
      // The files are saved already, so there is nothing left to do.
      if let RealmMessage::Event { delivery, .. } = realm.next_message().await {
        realm.event_handled(delivery);
      }
    }
  };
  tokio::select! {
    () = events => {}
    () = realm.idle() => {}
  }
}
