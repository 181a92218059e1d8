//! `bgfetch retry`

use std::sync::Arc;

use background_fetch::control;
use background_fetch::control::Client;
use background_fetch::control::ControlError;
use background_fetch::control::Outcome;
use background_fetch::display::text::printable;
use background_fetch::engine;
use background_fetch::engine::RetryOutcome;
use background_fetch::engine::RetryStatuses;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::Store;
use background_fetch::store::StoredBackgroundFetch;
use url::Url;

use super::list::started_by;
use super::queued;
use crate::arguments::Retry;
use crate::attend;
use crate::download;
use crate::failure::FAILED;
use crate::failure::Failure;
use crate::failure::SUCCESS;
use crate::interrupt::Interrupt;
use crate::logging;
use crate::paths;
use crate::screen::Screen;
use crate::session::Session;
use crate::session::Setup;
use crate::started_by::StartedBy;

/// The download that is continued, and where.
struct Continued {
  key: BackgroundFetchKey,
  scope: Url,
  /// Where it is to be had now; `None` for where it was.
  moved: Option<engine::Moved>,
  typed: String,
  url: Url,
  secret: Option<(String, String)>,
}

pub async fn retry(mut arguments: Retry) -> Result<u8, Failure> {
  // Nothing else would try it again.
  let statuses = &mut arguments.engine.retry_statuses;
  statuses.get_or_insert(RetryStatuses::Programs);
  let continued = Continued::find(&arguments)?;
  if let Some((user, password)) = &continued.secret {
    arguments.credentials.user = Some(format!("{user}:{password}"));
  }
  let directory = paths::store_directory(&arguments.engine.store)?;
  match Client::connect(&directory).await {
    Ok(client) => continued.hand_over(client, &arguments).await,
    Err(ControlError::NotServed) => continued.here(&arguments).await,
    Err(error) => Err(Failure::failed(error)),
  }
}

impl Continued {
  fn find(arguments: &Retry) -> Result<Self, Failure> {
    let directory = paths::store_directory(&arguments.engine.store)?;
    let rows = Store::read_directory(&directory)?.into_iter().flatten();
    let named =
      |row: &StoredBackgroundFetch| row.background_fetch.id == arguments.id;
    let mut named: Vec<_> = rows.filter(named).collect();
    if named.iter().any(|row| row.retained.is_some()) {
      named.retain(|row| row.retained.is_some());
    }
    let id = printable(&arguments.id);
    let Some(row) = named.pop() else {
      return Err(queued::no_such(&directory, &arguments.id));
    };
    if row.retained.is_none() {
      return Err(Failure::failed(format!(
        "{id} has not failed; `bgfetch resume` continues what is unfinished"
      )));
    }
    let Some(StartedBy::Download {
      typed,
      mut download,
      options,
    }) = started_by(&row)
    else {
      return Err(Failure::failed(format!(
        "{id} is not a download of `bgfetch get`; `bgfetch resume` hands it \
         to its script"
      )));
    };
    let mut this = Self {
      key: row.key,
      scope: row.scope,
      moved: None,
      typed,
      url: download.url.clone(),
      secret: None,
    };
    if let Some(url) = &arguments.url {
      let (url, typed, secret) = download::parse_url(url)?;
      download.url.clone_from(&url);
      this.typed.clone_from(&typed);
      this.url.clone_from(&url);
      this.secret = secret;
      let started_by = StartedBy::Download {
        typed,
        download,
        options,
      };
      let embedder_data = started_by.to_json()?;
      this.moved = Some(engine::Moved { url, embedder_data });
    }
    Ok(this)
  }

  /// Another process works on the store, and continues it.
  async fn hand_over(
    self,
    mut client: Client,
    arguments: &Retry,
  ) -> Result<u8, Failure> {
    let id = printable(&arguments.id);
    let moved = self.moved.map(|moved| control::Moved {
      url: moved.url,
      embedder_data: moved.embedder_data,
    });
    let key = self.key;
    let asked = client.ask(control::Command::Retry { key, moved }).await;
    match asked.map_err(Failure::failed)? {
      control::Answer::Outcome {
        outcome: Outcome::Done,
      } => {
        if !arguments.engine.quiet {
          crate::output::line(&format!(
            "{id} continues in the process that works on the store"
          ));
        }
        Ok(SUCCESS)
      }
      _ => Err(Failure::failed(format!("{id} is not one that has failed"))),
    }
  }

  /// No process works on the store.
  async fn here(self, arguments: &Retry) -> Result<u8, Failure> {
    let interrupt = Interrupt::install()?;
    let screen = Arc::new(Screen::new(&arguments.engine));
    logging::init(&screen);
    let urls = [self.url.clone()];
    let (secrets, cookies) =
      download::shown_again(&arguments.credentials, &urls)?;
    let setup = Setup {
      secrets,
      cookies: Some(cookies),
      ..Setup::default()
    };
    let session = Session::open(&arguments.engine, setup, screen)?;
    let engine = session.engine.clone();
    let (downloads, screen) =
      (session.downloads.clone(), session.screen.clone());
    let work = async {
      let realm = engine.attach(attend::worker_in(&self.scope));
      let retried = match self.moved {
        None => engine.retry(self.key).await?,
        Some(moved) => engine.retry_at(self.key, moved).await?,
      };
      if retried != RetryOutcome::Retried {
        let id = printable(&arguments.id);
        let gone = format!("{id} is not there any more");
        return Err(Failure::failed(gone));
      }
      let ended = attend::attend_download(&downloads, &realm, self.key).await;
      let Some(why) = ended.why() else {
        return Ok(SUCCESS);
      };
      screen.error(&attend::sentence(&self.typed, why));
      Ok(FAILED)
    };
    session.finish(&interrupt, work, |_| false).await
  }
}
