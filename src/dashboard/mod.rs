//! A web page of what an engine does: progress, rates, requests, failures and
//! notifications, live, with what a user may do to them.
//!
//! ```no_run
//! use background_fetch::dashboard::{Dashboard, Token};
//! # async fn serve(engine: background_fetch::engine::Engine) -> std::io::Result<()> {
//! let token = Token::random()?;
//! let page = Dashboard::of(&engine).router(&token);
//! let app = axum::Router::new().nest("/transfers", page);
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! println!("http://{}/transfers/{token}/", listener.local_addr()?);
//! axum::serve(listener, app).await
//! # }
//! ```
//!
//! Everything is below a path that begins with the [`Token`], and who does not
//! know it gets nothing. A command has to carry it in a header, too, so that no
//! form and no link of another page can give one. Requests for a host that is
//! not this machine are refused, because a name that another person owns may be
//! made to mean this machine; [`Dashboard::allow_host`] adds one. The page
//! loads nothing from elsewhere, and its Content-Security-Policy allows no
//! script but its own.

mod commands;
mod events;
mod guard;
mod list;
mod page;
mod recent;
mod shared;
mod source;
mod token;
mod view;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;
use axum::routing::post;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use self::recent::Recent;
use self::shared::Add;
use self::shared::Shared;
use self::source::Source;
pub use self::token::Token;
use crate::engine::Engine;

/// How many pages are kept up to date at once; others are asked to wait.
const MAX_STREAMS: usize = 16;

/// The longest command, in bytes. A URL may be long.
const MAX_COMMAND: usize = 64 * 1024;

/// A page that is not served yet.
pub struct Dashboard {
  source: Source,
  recent: Arc<Recent>,
  hosts: Vec<String>,
  add: Option<Add>,
}

opaque_debug!(Dashboard);

impl Dashboard {
  /// Of an engine in this process, which it does not keep.
  pub fn of(engine: &Engine) -> Self {
    let recent = Arc::new(Recent::default());
    recent.follow(engine);
    Self::new(Source::Engine(engine.downgrade()), recent)
  }

  /// Of the store in `directory`, which another process may be working on.
  /// Commands go to that process through [`control`](crate::control).
  pub fn of_directory(directory: impl Into<PathBuf>) -> Self {
    Self::new(Source::Directory(directory.into()), Arc::default())
  }

  fn new(source: Source, recent: Arc<Recent>) -> Self {
    Self {
      source,
      recent,
      hosts: guard::LOOPBACK.map(str::to_string).to_vec(),
      add: None,
    }
  }

  /// Takes requests for `host`, a name without its port, beside `localhost`,
  /// `127.0.0.1` and `[::1]`: where a proxy serves the page under a name of its
  /// own.
  pub fn allow_host(mut self, host: impl Into<String>) -> Self {
    self.hosts.push(host.into());
    self
  }

  /// Lets the user add URLs; `add` starts a download and returns when it has
  /// begun, or why it cannot, in a message.
  pub fn on_add<F>(
    mut self,
    add: impl Fn(String) -> F + Send + Sync + 'static,
  ) -> Self
  where
    F: Future<Output = Result<(), String>> + Send + 'static,
  {
    self.add = Some(Arc::new(move |url| Box::pin(add(url))));
    self
  }

  /// The page is at `/TOKEN/`, wherever the router is mounted.
  pub fn router(self, token: &Token) -> Router {
    let guard = guard::Guard::new(token, self.hosts);
    let shared = Arc::new(Shared {
      source: self.source,
      recent: self.recent,
      add: self.add,
      rates: Mutex::default(),
      streams: Arc::new(Semaphore::new(MAX_STREAMS)),
    });
    Router::new()
      .route("/{token}/", get(page::html))
      .route("/{token}/page.css", get(page::css))
      .route("/{token}/page.js", get(page::js))
      .route("/{token}/icon.svg", get(page::icon))
      .route("/{token}/events", get(events::events))
      .route("/{token}/command", post(commands::command))
      .route("/{token}/add", post(commands::add))
      .fallback(page::nothing)
      .layer(DefaultBodyLimit::max(MAX_COMMAND))
      .layer(middleware::from_fn_with_state(
        Arc::new(guard),
        guard::guard,
      ))
      .with_state(shared)
  }
}
