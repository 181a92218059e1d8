//! What a server does with the numbered requests for a resource, and what it
//! has seen of them.

use std::collections::HashMap;

use http::Method;
use parking_lot::Mutex;
use serde_json::Value;
use serde_json::json;

use super::exchange::Part;
use super::exchange::Reply;
use super::exchange::Request;

/// The requests for each of the resources that have a token.
#[derive(Default)]
pub struct Visits(Mutex<HashMap<String, Vec<Value>>>);

impl Visits {
  /// Keeps what is asked of a resource with `?token=T`, and returns how many
  /// such requests that makes. Preflights do not count.
  pub fn count(&self, request: &Request) -> Option<usize> {
    if request.method == Method::OPTIONS {
      return None;
    }
    let mut visits = self.0.lock();
    let visits = visits.entry(request.get("token")?).or_default();
    visits.push(describe(request));
    Some(visits.len())
  }

  /// `/background-fetch/resources/seen.py?of=T`: what was asked for with that
  /// token, in order.
  pub fn seen(&self, path: &str, request: &Request) -> Option<Reply> {
    if path != "/background-fetch/resources/seen.py" {
      return None;
    }
    let visits = self.0.lock();
    let seen = visits.get(&request.get("of")?).cloned().unwrap_or_default();
    let reply = Reply::new(200, Value::from(seen).to_string());
    Some(reply.with("Content-Type", "application/json"))
  }
}

/// What happens to the numbered requests for whatever resource:
///
/// - `?away=2-4`: the second to the fourth one see the connection end, and no
///   answer.
/// - `?login=2-4`: they are answered by another page, with status 200 and
///   without a validator.
pub fn answer(request: &Request, visit: Option<usize>) -> Option<Reply> {
  let visit = visit?;
  let is_named = |parameter: &str| {
    let numbers = request.get(parameter);
    numbers.is_some_and(|numbers| is_one_of(visit, &numbers))
  };
  if is_named("away") {
    let mut reply = Reply::new(200, "");
    reply.body = vec![Part::Gone];
    return Some(reply);
  }
  is_named("login").then(|| Reply::text(200, "Please log in."))
}

/// Whether `number` is in the range `numbers`, such as `2-4`.
pub fn is_one_of(number: usize, numbers: &str) -> bool {
  let range = numbers
    .split_once('-')
    .and_then(|(first, last)| Some(first.parse().ok()?..=last.parse().ok()?));
  range.is_some_and(|range| range.contains(&number))
}

fn describe(request: &Request) -> Value {
  json!({
    "range": request.header("Range"),
    "ifRange": request.header("If-Range"),
    "acceptEncoding": request.header("Accept-Encoding"),
  })
}
