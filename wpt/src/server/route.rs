//! Which answer a URL gets.

use std::path::PathBuf;
use std::time::Duration;

use http::Method;

use super::exchange::Reply;
use super::exchange::Request;
use super::files;
use super::gate::Gates;
use super::handlers;
use super::hosts::GENEROUS_HOST;
use super::hosts::Ports;
use super::pipe;
use super::substitute::Escape;
use super::substitute::substitute;
use super::visits;
use super::visits::Visits;
use super::wrapper;

/// What is served.
pub struct Site {
  /// The folder with the tests.
  pub root: PathBuf,
  pub ports: Ports,
  pub visits: Visits,
  pub gates: Gates,
}

/// How far away the server is for background fetches: tests of
/// web-platform-tests look at one that was started right before, and expect it
/// not to have settled.
const LATENCY: Duration = Duration::from_millis(60);

fn is_from_engine(request: &Request) -> bool {
  let agent = request.header("User-Agent").unwrap_or_default();
  agent.starts_with("background_fetch/")
}

/// Files that the runner brings, whatever the folder holds.
const BUILT_IN: [(&str, &str); 2] = [
  (
    "/resources/testharnessreport.js",
    include_str!("../../resources/testharnessreport.js"),
  ),
  (
    "/resources/testdriver-vendor.js",
    include_str!("../../resources/testdriver-vendor.js"),
  ),
];

/// The text of a file that the runner brings.
pub fn built_in(path: &str) -> Option<&'static str> {
  let mut files = BUILT_IN.iter();
  files.find(|(name, _)| *name == path).map(|(_, text)| *text)
}

/// Paths under which tests know files that lie elsewhere.
const REWRITES: [(&str, &str); 1] = [(
  "/resources/WebIDLParser.js",
  "/resources/webidl2/lib/webidl2.js",
)];

impl Site {
  pub async fn answer(&self, request: &Request) -> Reply {
    if is_from_engine(request) {
      tokio::time::sleep(LATENCY).await;
    }
    if request.url.host_str() == Some(GENEROUS_HOST) {
      return handlers::generous(request);
    }
    let visit = self.visits.count(request);
    self.gates.pass(request).await;
    let path = request.path();
    let path = match REWRITES.iter().find(|(from, _)| *from == path) {
      Some((_, to)) => (*to).to_string(),
      None => path,
    };
    let mut reply = if let Some(text) = built_in(&path) {
      Reply::new(200, text).with("Content-Type", "text/javascript")
    } else if let Some(reply) = self.gates.answer(&path, request) {
      reply
    } else if let Some(reply) = self.visits.seen(&path, request) {
      reply
    } else if let Some(reply) = visits::answer(request, visit) {
      reply
    } else if let Some(reply) = handlers::answer(&path, request, visit).await {
      reply
    } else if path.ends_with(".py") {
      Reply::text(501, format!("no handler stands in for {path}"))
    } else if let Some(reply) = wrapper::reply(&self.root, &path) {
      reply
    } else {
      self.file(&path, request)
    };
    if let Some(pipes) = request.get("pipe")
      && let Err(error) = pipe::apply(&pipes, request, &self.ports, &mut reply)
    {
      reply = Reply::text(500, error);
    }
    if request.method == Method::HEAD {
      reply.body.clear();
    }
    reply
  }

  fn file(&self, path: &str, request: &Request) -> Reply {
    // As wptserve has it, a preflight for a file is refused.
    let is_read = matches!(request.method, Method::GET | Method::HEAD);
    let file = files::locate(&self.root, path).filter(|_| is_read);
    let Some(file) = file else {
      return Reply::new(404, "");
    };
    let mut reply = files::reply(&file);
    if path.contains(".sub.") {
      let bytes = reply.bytes();
      let text = String::from_utf8_lossy(&bytes);
      reply.set_bytes(substitute(
        &text,
        request,
        &self.ports,
        Escape::for_file(path),
      ));
    }
    for (text, substituted) in files::extra_headers(&file) {
      let text = match substituted {
        true => substitute(&text, request, &self.ports, Escape::None),
        false => text,
      };
      files::apply_headers(&text, &mut reply);
    }
    files::apply_range(request, &mut reply);
    reply
  }
}
