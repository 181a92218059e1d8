//! `bgfetch run`

use std::sync::Arc;

use background_fetch::engine::Engine;
use background_fetch::engine::RealmFacts;
use background_fetch::engine::RealmKind;
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
use crate::script;
use crate::script::Script;
use crate::session::Session;
use crate::started_by::StartedBy;

pub async fn run(arguments: Run) -> Result<u8, Failure> {
  run_until(arguments, &Interrupt::install()?).await
}

/// The same until it is interrupted.
pub async fn run_until(
  arguments: Run,
  interrupt: &Interrupt,
) -> Result<u8, Failure> {
  let path = paths::script(&arguments.script)?;
  let out = arguments
    .out
    .as_deref()
    .map(paths::out_directory)
    .transpose()?;
  let started_by = StartedBy::Run {
    script: path.clone(),
    base: arguments.base.clone(),
    out,
    policy: arguments.engine.policy.into(),
  };
  let facts = facts(
    arguments.base,
    arguments.engine.policy.into(),
    started_by.to_json()?,
  );
  script::init_platform();
  let screen = Arc::new(Screen::new(&arguments.engine));
  logging::init(&screen);
  let session = Session::open(&arguments.engine, None, screen)?;
  is_free(&session.engine, &started_by, &facts.scope)?;
  let scope = facts.scope.clone();
  let script = Script {
    path,
    facts,
    engine: session.engine.clone(),
    screen: session.screen.clone(),
    evaluations: session.evaluations.clone(),
    again: None,
  };
  let work = async {
    match script::run(script).await? {
      true => Ok(SUCCESS),
      false => Ok(FAILED),
    }
  };
  session
    .finish(interrupt, work, |other| *other == scope)
    .await
}

/// The realm of a script at `base`.
pub fn facts(
  base: Url,
  policy: NetworkPolicy,
  embedder_data: String,
) -> RealmFacts {
  RealmFacts {
    policy,
    embedder_data,
    ..RealmFacts::new(RealmKind::ServiceWorker, base)
  }
}

/// The events of a scope go to its one script; those of another one must not.
fn is_free(
  engine: &Engine,
  started_by: &StartedBy,
  scope: &Url,
) -> Result<(), Failure> {
  let StartedBy::Run { script, .. } = started_by else {
    return Ok(());
  };
  for background_fetch in engine.background_fetches() {
    let StartedBy::Run { script: other, .. } =
      (match StartedBy::parse(&background_fetch.embedder_data) {
        Some(other) if background_fetch.scope == *scope => other,
        _ => continue,
      })
    else {
      continue;
    };
    if other != *script {
      return Err(Failure::usage(format!(
        "the scope {scope} has an unfinished background fetch of {}; finish \
         it with `bgfetch resume`, or choose another --base or --store",
        other.display()
      )));
    }
  }
  Ok(())
}
