//! Asking for the head of a file alone: whether it has changed, and what
//! `--spider` and `--dry-run` show.

use std::sync::Arc;

use background_fetch::display::text;
use background_fetch::network::ClientEnvironment;
use background_fetch::network::FetchParams;
use background_fetch::network::Network;
use background_fetch::network::NetworkError;
use background_fetch::network::NetworkPolicy;
use background_fetch::spec::Destination;
use background_fetch::spec::Request;
use background_fetch::spec::Response;
use futures::StreamExt;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::arguments::Get;
use crate::download::Item;
use crate::download::SavedFile;
use crate::failure::FAILED;
use crate::failure::Failure;
use crate::failure::SUCCESS;
use crate::output;
use crate::screen::Screen;
use crate::session::Setup;

/// How many heads are asked for at once.
const AT_ONCE: usize = 32;

/// Asks for heads.
pub struct Look {
  network: Network,
  places: Semaphore,
}

impl Look {
  pub fn new(network: Network) -> Self {
    Self {
      network,
      places: Semaphore::new(AT_ONCE),
    }
  }

  /// Whether the server has what was saved. One that does not say so may have
  /// something else.
  pub async fn is_unchanged(&self, item: &Item, saved: &SavedFile) -> bool {
    let mut conditions = Vec::new();
    if let Some(etag) = &saved.etag {
      conditions.push(("if-none-match", etag.clone()));
    }
    if let Some(date) = &saved.last_modified {
      conditions.push(("if-modified-since", date.clone()));
    }
    if conditions.is_empty() {
      return false;
    }
    let Ok(response) = self.head(item.request(), &conditions).await else {
      return false;
    };
    let headers = response.internal_headers();
    match (response.status, &saved.etag) {
      (304, _) => true,
      // Some answer a HEAD without looking at its conditions.
      (200, Some(etag)) => {
        !etag.starts_with("W/") && headers.first("etag") == Some(etag)
      }
      _ => false,
    }
  }

  /// The head of the answer to `request`.
  pub async fn head(
    &self,
    mut request: Request,
    headers: &[(&str, String)],
  ) -> Result<Response, NetworkError> {
    // It is never closed.
    let _place = self.places.acquire().await;
    request.method = "HEAD".to_string();
    for (name, value) in headers {
      request.headers.set(name, value.as_str());
    }
    if !request.headers.contains("accept-encoding") {
      request.headers.set("accept-encoding", "identity");
    }
    let url = request.url.clone();
    let params = FetchParams {
      request,
      destination: Destination::default(),
      environment: ClientEnvironment::new(url, NetworkPolicy::Server),
      range: None,
      identity: true,
      body: None,
      transmitted: Arc::new(|_| {}),
      net_check: None,
    };
    Ok(self.network.fetch(params).await?.response)
  }
}

/// What is known of a file before it is fetched.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
  url: &'a str,
  status: Option<u16>,
  name: String,
  /// In bytes.
  size: Option<u64>,
  #[serde(rename = "type")]
  media_type: Option<String>,
  resumable: bool,
  etag: Option<String>,
  last_modified: Option<String>,
  #[serde(skip_serializing_if = "Option::is_none")]
  error: Option<String>,
}

/// `--spider` and `--dry-run`.
pub async fn at_heads(
  arguments: &Get,
  items: &[Arc<Item>],
  setup: Setup,
  screen: &Screen,
) -> Result<u8, Failure> {
  let network = setup.network(&arguments.engine.network)?;
  let look = Look::new(network);
  let heads = items.iter().map(async |item| {
    let head = look.head(item.request(), &[]).await;
    (item, head)
  });
  // In their order, so that they can be compared with the list.
  let mut heads = futures::stream::iter(heads).buffered(AT_ONCE);
  let mut status = SUCCESS;
  while let Some((item, head)) = heads.next().await {
    let is_ok = head.as_ref().is_ok_and(Response::is_ok);
    if !is_ok {
      status = FAILED;
    }
    let shown = Head::new(item, head);
    match arguments.engine.json {
      true => output::json_line(&shown),
      false if is_ok => output::line(&shown.line()),
      false => screen.error(&shown.line()),
    }
  }
  Ok(status)
}

impl<'a> Head<'a> {
  fn new(item: &'a Item, head: Result<Response, NetworkError>) -> Self {
    let response = head.as_ref().ok();
    let header = |name| response.and_then(|r| r.internal_headers().get(name));
    let etag = header("etag");
    let is_strong = etag.as_ref().is_some_and(|etag| !etag.starts_with("W/"));
    Self {
      url: &item.typed,
      status: response.map(|response| response.status),
      name: item.name_for(response).to_string_lossy().into_owned(),
      size: response.and_then(Response::complete_length),
      media_type: header("content-type"),
      resumable: header("accept-ranges").as_deref() == Some("bytes")
        && (is_strong || header("last-modified").is_some()),
      etag,
      last_modified: header("last-modified"),
      error: head.err().map(|error| error.to_string()),
    }
  }

  fn line(&self) -> String {
    let url = text::printable(self.url);
    if let Some(error) = &self.error {
      return format!("{url}: {}", text::printable(error));
    }
    let size = self.size.map_or("of unknown size".to_string(), text::bytes);
    let resumable = match self.resumable {
      true => "can be resumed",
      false => "cannot be resumed",
    };
    let kind = self.media_type.as_deref().unwrap_or("of unknown type");
    let status = self.status.unwrap_or_default();
    let name = text::printable(&self.name);
    let kind = text::printable(kind);
    format!("{url}: {status}, {name}, {size}, {kind}, {resumable}")
  }
}
