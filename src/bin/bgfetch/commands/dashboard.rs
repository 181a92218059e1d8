//! `bgfetch dashboard`

use std::collections::HashSet;
use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use background_fetch::control::Client;
use background_fetch::dashboard;
use background_fetch::dashboard::Token;
use background_fetch::engine::Engine;
use background_fetch::network::NetworkPolicy;
use clap::Parser;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use url::Url;

use super::get;
use super::resume;
use crate::arguments::Arguments;
use crate::arguments::Command;
use crate::arguments::Dashboard;
use crate::attend;
use crate::download::Download;
use crate::download::Ended;
use crate::download::Item;
use crate::download::Order;
use crate::failure::Failure;
use crate::failure::INTERRUPTED;
use crate::files::Files;
use crate::interrupt::Interrupt;
use crate::output;
use crate::paths;
use crate::screen::Screen;
use crate::session::Session;
use crate::started_by::StartedBy;

/// A URL that a user has typed, and where the answer goes.
struct Added {
  url: String,
  begun: oneshot::Sender<Result<(), String>>,
}

pub async fn dashboard(arguments: Dashboard) -> Result<u8, Failure> {
  let interrupt = Interrupt::install()?;
  let directory = paths::store_directory(&arguments.resume.engine.store)?;
  let served = Served::listen(&arguments).await?;
  let is_owned = async || Client::connect(&directory).await.is_ok();
  if arguments.attach || is_owned().await {
    return attach(served, &directory, &interrupt).await;
  }
  let screen = Arc::new(Screen::new(&arguments.resume.engine));
  let out = arguments.resume.out.clone().unwrap_or_else(|| ".".into());
  let session = resume::open(arguments.resume, screen)?;
  work(session, served, &out, &interrupt).await
}

/// The page of a store that this process does not work on.
async fn attach(
  served: Served,
  directory: &Path,
  interrupt: &Interrupt,
) -> Result<u8, Failure> {
  let page = dashboard::Dashboard::of_directory(directory);
  let router = page.router(&served.token);
  tokio::select! {
    () = interrupt.interrupted() => Ok(INTERRUPTED),
    failed = served.serve(router) => failed,
  }
}

/// Works on the store until it is interrupted.
async fn work(
  session: Session,
  served: Served,
  out: &Path,
  interrupt: &Interrupt,
) -> Result<u8, Failure> {
  let (adds, added) = mpsc::channel(16);
  let page = dashboard::Dashboard::of(&session.engine).on_add(move |url| {
    let adds = adds.clone();
    async move {
      let (begun, answer) = oneshot::channel();
      let gone = || "the program is going down".to_string();
      let add = adds.send(Added { url, begun }).await;
      add.map_err(|_| gone())?;
      answer.await.map_err(|_| gone())?
    }
  });
  let router = page.router(&served.token);
  let engine = session.engine.clone();
  let scripts = scripts(&session).await?;
  // What is added is added as by a command of its own.
  let files = Files::new(&session, None, NetworkPolicy::Server);
  let work = async {
    tokio::select! {
      failed = served.serve(router) => failed,
      never = scripts => never,
      never = attend_downloads(&engine) => never,
      never = get_backlogs(&files) => never,
      never = add_all(&engine, &files, out, added) => never,
    }
  };
  session.finish(interrupt, work, |_| false).await
}

/// Where the page is.
struct Served {
  listener: TcpListener,
  token: Token,
  json: bool,
}

impl Served {
  async fn listen(arguments: &Dashboard) -> Result<Self, Failure> {
    let address = (Ipv4Addr::LOCALHOST, arguments.port);
    let port = arguments.port;
    let listener = TcpListener::bind(address).await.map_err(|error| {
      Failure::usage(format!("port {port} cannot be used: {error}"))
    })?;
    Ok(Self {
      listener,
      token: Token::random().map_err(Failure::failed)?,
      json: arguments.resume.engine.json,
    })
  }

  /// For ever, or until it cannot any more.
  async fn serve(self, router: Router) -> Result<u8, Failure> {
    let address = self.listener.local_addr().map_err(Failure::failed)?;
    let url = format!("http://{address}/{}/", self.token);
    match self.json {
      true => output::json_line(&serde_json::json!({
        "event": "dashboard",
        "url": url,
      })),
      false => output::line(&url),
    }
    let served = axum::serve(self.listener, router).await;
    served.map_err(Failure::failed)?;
    Err(Failure::failed("the dashboard is not served any more"))
  }
}

/// Continues what scripts have started, as `bgfetch resume` does.
async fn scripts(
  session: &Session,
) -> Result<impl Future<Output = Result<u8, Failure>> + use<>, Failure> {
  let mut all = FuturesUnordered::new();
  let mut scopes = HashSet::new();
  for (scope, (started_by, stored)) in resume::scopes(session) {
    if !matches!(started_by, StartedBy::Download { .. }) {
      all.push(resume::resume_scope(
        session,
        scope.clone(),
        started_by,
        stored,
      ));
      scopes.insert(scope);
    }
  }
  resume::redeliver(session, &scopes).await?;
  let screen = session.screen.clone();
  Ok(async move {
    while let Some(ended) = all.next().await {
      if let Err(Failure { message, .. }) = ended {
        // The others go on.
        screen.error(&message);
      }
    }
    std::future::pending().await
  })
}

/// Takes the events of every download, as soon as there is one: what is
/// unfinished continues, and what has failed may be retried at any time.
async fn attend_downloads(engine: &Engine) -> Result<u8, Failure> {
  let observer = engine.observe();
  let mut scopes: HashSet<Url> = HashSet::new();
  let mut attended = FuturesUnordered::new();
  loop {
    let observed = tokio::select! {
      observed = observer.next() => observed,
      Some(()) = attended.next() => continue,
    };
    let started_by = StartedBy::parse(observed.embedder_data.as_deref());
    let is_download = matches!(started_by, Some(StartedBy::Download { .. }));
    if is_download && scopes.insert(observed.scope.clone()) {
      let realm = engine.attach(attend::worker_in(&observed.scope));
      attended.push(async move { attend::take_events(&realm).await });
    }
  }
}

/// Gets what earlier commands have not begun. How it ends is shown.
async fn get_backlogs(files: &Files) -> Result<u8, Failure> {
  files.get_backlogs(files.backlogs()).await;
  std::future::pending().await
}

/// Starts what users add, and saves it.
async fn add_all(
  engine: &Engine,
  files: &Files,
  out: &Path,
  mut added: mpsc::Receiver<Added>,
) -> Result<u8, Failure> {
  let mut under_way = FuturesUnordered::new();
  loop {
    tokio::select! {
      Some(added) = added.recv() => {
        under_way.push(add(engine, files, out, added));
      }
      Some(()) = under_way.next() => {}
    }
  }
}

async fn add(engine: &Engine, files: &Files, out: &Path, added: Added) {
  let Added { url, begun } = added;
  let item = match ordered(&url, out) {
    Ok(ordered) => ordered,
    Err(Failure { message, .. }) => {
      // A caller that does not wait any more does not need it.
      let _ = begun.send(Err(message));
      return;
    }
  };
  let files = files.again(None, NetworkPolicy::Server, 1, files.screen.clone());
  let mut getting = pin!(files.get(&item));
  let ended = tokio::select! {
    ended = &mut getting => Some(ended),
    () = is_there(engine, &item.download) => None,
  };
  let answer = match ended.as_ref().and_then(Ended::why) {
    Some(why) => Err(why.to_string()),
    None => Ok(()),
  };
  let _ = begun.send(answer);
  if ended.is_none() {
    // How it ends is shown where all others are.
    getting.await;
  }
}

/// What `bgfetch get URL` would do. The error is what it would say.
fn ordered(url: &str, out: &Path) -> Result<Arc<Item>, Failure> {
  let words: [&OsStr; 6] = [
    "bgfetch".as_ref(),
    "get".as_ref(),
    "--out".as_ref(),
    out.as_ref(),
    "--".as_ref(),
    url.as_ref(),
  ];
  let Ok(Arguments {
    command: Some(Command::Get(get)),
    ..
  }) = Arguments::try_parse_from(words)
  else {
    return Err(Failure::usage("this is not a URL"));
  };
  let Order {
    mut items, secrets, ..
  } = Order::new(&get)?;
  if !secrets.is_empty() {
    return Err(Failure::usage(
      "a URL with a password is not taken here; use `bgfetch get`",
    ));
  }
  let Some(item) = items.pop() else {
    return Err(Failure::usage("this is not a URL"));
  };
  get::may_register(&item, get.engine.policy.into(), None)?;
  Ok(item)
}

/// Waits until the engine has it.
async fn is_there(engine: &Engine, download: &Download) {
  let observer = engine.observe();
  loop {
    let observed = observer.next().await;
    let started_by = StartedBy::parse(observed.embedder_data.as_deref());
    if let Some(StartedBy::Download { download: of, .. }) = &started_by
      && of == download
    {
      return;
    }
  }
}
