//! Who gets an answer.

use std::sync::Arc;

use axum::extract::Request;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header;
use http::uri::Authority;

use super::token::Token;

/// The names of this machine that cannot be owned by anyone else.
pub(super) const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Carries the token of a command. A form or a link cannot set it, and a script
/// of another origin would have to ask first.
const TOKEN_HEADER: &str = "x-dashboard-token";

/// Of every answer, also of one that refuses.
const HEADERS: [(&str, &str); 8] = [
  (
    "content-security-policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types 'none'",
  ),
  ("x-content-type-options", "nosniff"),
  ("x-frame-options", "DENY"),
  // The address has the token.
  ("referrer-policy", "no-referrer"),
  ("cache-control", "no-store"),
  ("cross-origin-opener-policy", "same-origin"),
  ("cross-origin-resource-policy", "same-origin"),
  (
    "permissions-policy",
    "camera=(), geolocation=(), microphone=()",
  ),
];

pub(super) struct Guard {
  token: Token,
  hosts: Vec<String>,
}

/// Why a request is not answered.
enum Refusal {
  Host,
  Token,
  Origin,
}

impl Guard {
  pub(super) fn new(token: &Token, hosts: Vec<String>) -> Self {
    let token = token.clone();
    Self { token, hosts }
  }

  fn check(&self, request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    let host = host(request).ok_or(Refusal::Host)?;
    let known = |known: &String| known.eq_ignore_ascii_case(host.host());
    // A user's name in front makes it look like another one.
    let is_plain = !host.as_str().contains('@');
    if !is_plain || !self.hosts.iter().any(known) {
      return Err(Refusal::Host);
    }
    let mut path = request.uri().path().split('/');
    let given = path.nth(1).unwrap_or_default();
    if !self.token.is(given.as_bytes()) {
      return Err(Refusal::Token);
    }
    if request.method() == Method::GET {
      return Ok(());
    }
    let given = headers.get(TOKEN_HEADER).ok_or(Refusal::Token)?;
    if !self.token.is(given.as_bytes()) {
      return Err(Refusal::Token);
    }
    match is_own_origin(headers, &host) {
      true => Ok(()),
      false => Err(Refusal::Origin),
    }
  }
}

/// What the client believes that it talks to.
fn host(request: &Request) -> Option<Authority> {
  if let Some(authority) = request.uri().authority() {
    return Some(authority.clone());
  }
  let mut said = request.headers().get_all(header::HOST).iter();
  match (said.next(), said.next()) {
    (Some(host), None) => host.to_str().ok()?.parse().ok(),
    _ => None,
  }
}

/// Whether the page that sends the request, if it is one, is the dashboard's.
fn is_own_origin(headers: &HeaderMap, host: &Authority) -> bool {
  let Some(origin) = headers.get(header::ORIGIN) else {
    return true;
  };
  let of_host = |origin: &str| {
    let place = origin.split_once("://").map(|(_, place)| place);
    place.is_some_and(|place| place.eq_ignore_ascii_case(host.as_str()))
  };
  origin.to_str().is_ok_and(of_host)
}

pub(super) async fn guard(
  State(guard): State<Arc<Guard>>,
  request: Request,
  next: Next,
) -> Response {
  let mut response = match guard.check(&request) {
    Ok(()) => next.run(request).await,
    Err(refusal) => refusal.into_response(),
  };
  for (name, value) in HEADERS {
    let value = HeaderValue::from_static(value);
    response.headers_mut().insert(name, value);
  }
  response
}

impl IntoResponse for Refusal {
  fn into_response(self) -> Response {
    let (status, message) = match self {
      Self::Host => (
        StatusCode::MISDIRECTED_REQUEST,
        "The dashboard is not served under this name; use the address that it \
         was started with.\n",
      ),
      Self::Token => (
        StatusCode::FORBIDDEN,
        "The address is not complete, or is that of an earlier dashboard; use \
         the one that the dashboard was started with.\n",
      ),
      Self::Origin => (
        StatusCode::FORBIDDEN,
        "Another page may not give commands to the dashboard.\n",
      ),
    };
    (status, message).into_response()
  }
}
