//! The state of one fetch, from its first hop to its last.

use std::sync::Arc;
use std::time::Duration;

use url::Origin;
use url::Url;

use super::Body;
use super::ClientEnvironment;
use super::FetchParams;
use super::HandleFetch;
use super::NetCheck;
use super::Network;
use super::NetworkPolicy;
use super::RangeStart;
use super::RequestBody;
use super::preflight_cache::PreflightKey;
use super::slice::Slice;
use super::transport::TransportConnection;
use crate::spec::CredentialsMode;
use crate::spec::Destination;
use crate::spec::HeaderList;
use crate::spec::Policy;
use crate::spec::ReferrerPolicy;
use crate::spec::Request;
use crate::spec::RequestMode;
use crate::spec::ResponseType;
use crate::spec::is_framing_header;
use crate::spec::no_cors_safelisted_headers;
use crate::spec::parse_csp_list;
use crate::spec::same_site;
use crate::spec::serialize_request_origin;
use crate::spec::serialize_site;
use crate::spec::without_forbidden_headers;

/// A [request](https://fetch.spec.whatwg.org/#concept-request) on its way.
#[derive(Clone)]
pub(super) struct Fetch {
  pub network: Network,
  pub environment: ClientEnvironment,
  pub destination: Destination,
  /// The environment's Content Security Policies.
  pub csp: Vec<Policy>,
  pub origin: Origin,
  /// As the author made it, with the headers, the method and the URL that
  /// redirects change: its URL is the
  /// [current URL](https://fetch.spec.whatwg.org/#concept-request-current-url).
  pub request: Request,
  pub url_list: Vec<Url>,
  /// `None` is "no-referrer".
  pub referrer: Option<Url>,
  pub referrer_policy: ReferrerPolicy,
  pub response_tainting: ResponseTainting,
  pub redirect_count: u32,
  pub body: Option<RequestBody>,
  pub range: Option<RangeStart>,
  pub identity: bool,
  /// The part of the resource that is meant.
  pub slice: Option<Slice>,
  pub transmitted: Arc<dyn Fn(u64) + Send + Sync>,
  /// All of them are asked before each hop.
  pub net_checks: Vec<Arc<dyn NetCheck>>,
  /// Who is asked before the network; `None` is the
  /// [service-workers mode](https://fetch.spec.whatwg.org/#request-service-workers-mode)
  /// "none", which a background fetch has.
  pub service_worker: Option<HandleFetch>,
  /// No longer silence is waited through.
  pub idle_timeout: Duration,
}

/// [Response tainting](https://fetch.spec.whatwg.org/#concept-request-response-tainting)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseTainting {
  Basic,
  Cors,
  Opaque,
}

/// A response before it is filtered.
pub(super) struct InternalResponse {
  pub status: u16,
  pub status_message: String,
  pub headers: HeaderList,
  /// Encoded bytes.
  pub body: Body,
  /// Whether the transport tells a whole body from a truncated one.
  pub framed: bool,
  /// Whether it is the internal response of an
  /// [opaque-redirect filtered response](https://fetch.spec.whatwg.org/#concept-filtered-response-opaque-redirect).
  pub opaque_redirect: bool,
  /// The connection, when the answer to an opening handshake switches its
  /// protocol.
  pub upgrade: Option<TransportConnection>,
  /// A response of a service worker: it is filtered already, and has URLs of
  /// its own.
  pub of_service_worker: Option<OfServiceWorker>,
}

/// What only a service worker's response has.
pub(super) struct OfServiceWorker {
  pub response_type: ResponseType,
  pub url_list: Vec<Url>,
}

/// The [constructor of `Request`](https://fetch.spec.whatwg.org/#dom-request),
/// steps 14.3.2 to 14.3.4: a referrer of another origin is the client. They are
/// taken here as well, since no caller can be trusted with them.
fn referrer_source(referrer: &str, client: &Url) -> Url {
  match Url::parse(referrer) {
    Ok(url) if url.origin() == client.origin() => url,
    _ => client.clone(),
  }
}

impl Fetch {
  pub(crate) fn new(network: Network, params: FetchParams) -> Self {
    let FetchParams {
      mut request,
      destination,
      environment,
      range,
      identity,
      body,
      transmitted,
      net_check,
    } = params;
    let browser = environment.policy == NetworkPolicy::Browser;
    request.headers = if browser && request.mode == RequestMode::NoCors {
      no_cors_safelisted_headers(&request.headers)
    } else if browser {
      without_forbidden_headers(&request.headers)
    } else {
      let mut headers = HeaderList::new();
      for (name, value) in request.headers.iter() {
        if !is_framing_header(name) {
          headers.append(name, value);
        }
      }
      headers
    };
    // Fetch, in its constructor: the author's policy, else the page's.
    let referrer_policy =
      [&request.referrer_policy, &environment.referrer_policy]
        .into_iter()
        .find_map(|policy| policy.parse().ok())
        .unwrap_or_default();
    let referrer = match request.referrer.as_str() {
      _ if !browser => None,
      // No referrer.
      "" => None,
      referrer => Some(referrer_source(referrer, &environment.url)),
    };
    Self {
      csp: parse_csp_list(&environment.csp),
      origin: environment.url.origin(),
      url_list: vec![request.url.clone()],
      referrer,
      referrer_policy,
      response_tainting: ResponseTainting::Basic,
      redirect_count: 0,
      body,
      range,
      identity,
      slice: None,
      transmitted,
      net_checks: [network.config().default_net_check.clone(), net_check]
        .into_iter()
        .flatten()
        .collect(),
      service_worker: None,
      idle_timeout: network.config().idle_timeout,
      network,
      environment,
      destination,
      request,
    }
  }

  /// Whether the rules of pages hold.
  pub(crate) fn is_browser(&self) -> bool {
    self.environment.policy == NetworkPolicy::Browser
  }

  /// [Byte-serializing a request origin](https://fetch.spec.whatwg.org/#byte-serializing-a-request-origin)
  pub(crate) fn serialized_origin(&self) -> String {
    serialize_request_origin(&self.origin, &self.url_list)
  }

  /// Whether every hop so far is of the page's site. A program has no site, so
  /// nothing is foreign to it.
  pub(crate) fn is_same_site(&self) -> bool {
    let of_the_site = |url: &Url| same_site(&url.origin(), &self.origin);
    !self.is_browser() || self.url_list.iter().all(of_the_site)
  }

  /// The [network partition key](https://fetch.spec.whatwg.org/#network-partition-key):
  /// what is kept for one page is not used for another.
  pub(crate) fn partition(&self) -> String {
    if self.is_browser() {
      serialize_site(&self.origin)
    } else {
      String::new()
    }
  }

  /// Whether the body can be sent a second time: its source is not null.
  pub(crate) fn can_send_again(&self) -> bool {
    self.body.as_ref().is_none_or(|body| body.length.is_some())
  }

  pub(crate) fn includes_credentials_always(&self) -> bool {
    self.request.credentials == CredentialsMode::Include
  }

  pub(crate) fn preflight_key(&self) -> PreflightKey {
    PreflightKey {
      partition: self.partition(),
      origin: self.serialized_origin(),
      url: self.request.url.clone(),
    }
  }
}
