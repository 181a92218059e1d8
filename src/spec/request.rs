//! A request, as the Fetch standard has it: data only.

use serde::Deserialize;
use serde::Serialize;
use url::Url;

use super::headers::HeaderList;

/// A [request](https://fetch.spec.whatwg.org/#concept-request), as far as a
/// background fetch uses it. Its body lives in the store; here is only its
/// length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
  /// The method, normalized.
  pub method: String,
  /// The URL, with its fragment.
  pub url: Url,
  /// The author's headers.
  pub headers: HeaderList,
  /// <https://fetch.spec.whatwg.org/#concept-request-mode>
  pub mode: RequestMode,
  /// <https://fetch.spec.whatwg.org/#concept-request-credentials-mode>
  pub credentials: CredentialsMode,
  /// <https://fetch.spec.whatwg.org/#concept-request-redirect-mode>
  pub redirect: RedirectMode,
  /// <https://fetch.spec.whatwg.org/#concept-request-cache-mode>, as written
  /// by the author: there is no HTTP cache here.
  pub cache: String,
  /// `about:client`, the empty string (no referrer) or a URL.
  pub referrer: String,
  /// A referrer policy, or the empty string.
  pub referrer_policy: String,
  /// Subresource integrity metadata, or the empty string.
  pub integrity: String,
  /// <https://fetch.spec.whatwg.org/#request-keepalive-flag>, as the author
  /// sees it. Every background fetch outlives its creator.
  pub keepalive: bool,
  /// The length of the body in bytes; `None` when the request has no body.
  pub body_length: Option<u64>,
}

impl Request {
  /// A request as `new Request(url)` makes it.
  pub fn get(url: Url) -> Self {
    Self {
      method: "GET".into(),
      url,
      headers: HeaderList::new(),
      mode: RequestMode::Cors,
      credentials: CredentialsMode::SameOrigin,
      redirect: RedirectMode::Follow,
      cache: "default".into(),
      referrer: "about:client".into(),
      referrer_policy: String::new(),
      integrity: String::new(),
      keepalive: false,
      body_length: None,
    }
  }

  /// Whether the request may be issued again, and so be paused and retried:
  /// only a `GET` has no unwanted side effect when it is.
  pub fn is_get(&self) -> bool {
    self.method == "GET"
  }
}

/// What a request is for, as far as it is needed here.
/// <https://fetch.spec.whatwg.org/#concept-request-destination>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Destination {
  /// The empty string, which a background fetch has.
  #[default]
  Empty,
  /// A script that a worker imports.
  Script,
  /// A service worker's own script.
  ServiceWorker,
}

/// <https://fetch.spec.whatwg.org/#concept-request-mode>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestMode {
  SameOrigin,
  NoCors,
  Cors,
  /// No script can ask for it: a service worker gets the request for a
  /// document with it, and may hand that on.
  Navigate,
  /// No script can ask for it: the opening handshake of a WebSocket has it.
  #[serde(skip)]
  WebSocket,
}

/// <https://fetch.spec.whatwg.org/#concept-request-credentials-mode>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialsMode {
  Omit,
  SameOrigin,
  Include,
}

/// <https://fetch.spec.whatwg.org/#concept-request-redirect-mode>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RedirectMode {
  Follow,
  Error,
  Manual,
}
