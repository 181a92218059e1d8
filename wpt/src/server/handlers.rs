//! Answers that are computed: stand-ins for the Python handlers that the tests
//! of background fetches and their helpers call, and those of this project's
//! own tests.

use std::time::Duration;

use bytes::Bytes;

use super::exchange::Part;
use super::exchange::Reply;
use super::exchange::Request;

/// The answer of the handler at `path`, if there is one.
pub async fn answer(path: &str, request: &Request) -> Option<Reply> {
  Some(match path {
    // The answer comes late, and whole.
    "/common/slow.py" => {
      tokio::time::sleep(Duration::from_secs(2)).await;
      Reply::new(200, "")
    }
    "/common/echo.py" => {
      Reply::new(200, request.get("content")?).with("Content-Type", "text/html")
    }
    "/common/redirect.py" => redirect(request),
    "/background-fetch/resources/upload.py" => {
      let content_type = request.header("Content-Type").unwrap_or("");
      Reply::new(200, request.body.clone()).with("Content-Type", content_type)
    }
    "/background-fetch/resources/inspect.py" => inspect(request),
    "/background-fetch/resources/pieces.py" => pieces(request)?,
    _ => return None,
  })
}

/// Grants every preflight, and answers everything else with nothing.
pub fn generous(request: &Request) -> Reply {
  let mut reply = Reply::text(200, "").with("Access-Control-Allow-Origin", "*");
  for (asked, granted) in [
    (
      "Access-Control-Request-Method",
      "Access-Control-Allow-Methods",
    ),
    (
      "Access-Control-Request-Headers",
      "Access-Control-Allow-Headers",
    ),
  ] {
    if let Some(value) = request.header(asked) {
      reply.set(granted, value);
    }
  }
  reply
}

/// `?status=302&location=URL`
fn redirect(request: &Request) -> Reply {
  let status = request.get("status").and_then(|text| text.parse().ok());
  let location = request.get("location").unwrap_or_default();
  Reply::text(status.unwrap_or(302), "").with("Location", &location)
}

/// The request as JSON: method, headers (names in lower case) and body. It is
/// readable across origins when `?origin=` says by whom, with credentials when
/// `?credentials` is there. `?cookie=` sets one.
fn inspect(request: &Request) -> Reply {
  let mut headers = serde_json::Map::new();
  for name in request.headers.keys() {
    let values = request.headers.get_all(name).iter();
    let values: Vec<_> = values
      .map(|value| String::from_utf8_lossy(value.as_bytes()))
      .collect();
    headers.insert(name.to_string(), values.join(", ").into());
  }
  let seen = serde_json::json!({
    "method": request.method.as_str(),
    "headers": headers,
    "body": String::from_utf8_lossy(&request.body),
  });
  let mut reply = Reply::new(200, seen.to_string())
    .with("Content-Type", "application/json")
    .with("Cache-Control", "no-store");
  if let Some(origin) = request.get("origin") {
    reply.set("Access-Control-Allow-Origin", &origin);
  }
  if request.get("credentials").is_some() {
    reply.set("Access-Control-Allow-Credentials", "true");
  }
  if let Some(cookie) = request.get("cookie") {
    reply.set("Set-Cookie", &cookie);
  }
  reply
}

/// A resource that never comes in one piece: 26 letters times `?repeat=`
/// (1 when it is absent).
///
/// - `?cut=N`: the connection ends after N bytes of every answer that has more.
/// - `?part=N`: an answer to a range has at most N bytes.
/// - `?etag=X`: its validator; `?other-etag=X` is the one that answers to
///   ranges carry.
/// - `?modified=X` and `?other-modified=X`: the same for Last-Modified.
/// - `?first-range=X`: an answer to no range is a part that says it is that.
/// - `?content-range=X`: that, in place of the right one.
/// - `?ignore-range`: a range is answered with 200.
fn pieces(request: &Request) -> Option<Reply> {
  let number = |name: &str| request.get(name)?.parse::<usize>().ok();
  let whole = Bytes::from(
    "abcdefghijklmnopqrstuvwxyz".repeat(number("repeat").unwrap_or(1)),
  );
  let start = request
    .header("Range")
    .filter(|_| request.get("ignore-range").is_none())
    .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'))
    .and_then(|start| start.parse::<usize>().ok());
  let mut end = whole.len();
  let mut reply = Reply::text(200, "").with("Cache-Control", "no-store");
  let mut etag = request.get("etag");
  let mut modified = request.get("modified");
  if let Some(start) = start.filter(|start| *start < whole.len()) {
    end = end.min(start + number("part").unwrap_or(end));
    let range = format!("bytes {start}-{}/{}", end - 1, whole.len());
    let range = request.get("content-range").unwrap_or(range);
    reply.status = 206;
    reply.set("Content-Range", &range);
    etag = request.get("other-etag").or(etag);
    modified = request.get("other-modified").or(modified);
  } else if let Some(range) = request.get("first-range") {
    reply.status = 206;
    reply.set("Content-Range", &range);
  }
  if let Some(modified) = modified {
    reply.set("Last-Modified", &modified);
  }
  if let Some(etag) = etag {
    reply.set("ETag", &format!("\"{etag}\""));
  }
  let body = whole.slice(start.unwrap_or(0).min(end)..end);
  reply.body = match number("cut") {
    Some(cut) if cut < body.len() => {
      // A length is promised, so that the cut is noticed.
      reply.set("Content-Length", &body.len().to_string());
      vec![Part::Bytes(body.slice(..cut)), Part::Cut]
    }
    _ => vec![Part::Bytes(body)],
  };
  Some(reply)
}
