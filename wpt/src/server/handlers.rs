//! Answers that are computed: stand-ins for the Python handlers that the tests
//! of background fetches and their helpers call, and those of this project's
//! own tests.

use std::time::Duration;

use super::exchange::Reply;
use super::exchange::Request;
use super::pieces::pieces;

/// The answer of the handler at `path`, if there is one.
/// `visit` is the number of the request, of those with its token.
pub async fn answer(
  path: &str,
  request: &Request,
  visit: Option<usize>,
) -> Option<Reply> {
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
    "/background-fetch/resources/pieces.py" => pieces(request, visit)?,
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
