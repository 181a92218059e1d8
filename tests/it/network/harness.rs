//! A fetch to make, and what became of it.

use std::sync::Arc;
use std::time::Duration;

use background_fetch::network::ClientEnvironment;
use background_fetch::network::FetchParams;
use background_fetch::network::FetchResponse;
use background_fetch::network::Network;
use background_fetch::network::NetworkConfig;
use background_fetch::network::NetworkError;
use background_fetch::network::NetworkErrorKind;
use background_fetch::network::NetworkPolicy;
use background_fetch::network::Proxy;
use background_fetch::network::RequestBody;
use background_fetch::spec::Destination;
use background_fetch::spec::Request;
use bytes::Bytes;
use futures::StreamExt;
use futures::TryStreamExt;
use url::Url;

pub fn config() -> NetworkConfig {
  NetworkConfig {
    proxy: Proxy::Direct,
    ..NetworkConfig::default()
  }
}

pub fn network() -> Network {
  Network::new(config()).unwrap()
}

/// A page at `http://page.localhost/`, to which every server is another
/// origin.
pub fn page() -> ClientEnvironment {
  page_at("http://page.localhost/dir/?q#f")
}

pub fn page_at(url: &str) -> ClientEnvironment {
  ClientEnvironment::new(Url::parse(url).unwrap(), NetworkPolicy::Browser)
}

pub fn program() -> ClientEnvironment {
  ClientEnvironment {
    policy: NetworkPolicy::Server,
    ..page()
  }
}

pub fn params(environment: ClientEnvironment, url: &str) -> FetchParams {
  FetchParams {
    request: Request::get(Url::parse(url).unwrap()),
    destination: Destination::Empty,
    environment,
    range: None,
    identity: false,
    body: None,
    transmitted: Arc::new(|_| {}),
    net_check: None,
  }
}

pub fn with_body(
  mut params: FetchParams,
  chunks: &[&'static str],
) -> FetchParams {
  let chunks: Vec<&'static str> = chunks.to_vec();
  let length = chunks.iter().map(|chunk| chunk.len() as u64).sum();
  params.request.method = "POST".into();
  params.request.body_length = Some(length);
  params.body = Some(RequestBody {
    length: Some(length),
    open: Arc::new(move || {
      let chunks = chunks.clone().into_iter();
      futures::stream::iter(chunks.map(|c| Ok(Bytes::from(c)))).boxed()
    }),
  });
  params
}

/// Nothing here takes longer, unless it hangs.
pub const BOUND: Duration = Duration::from_secs(240);

pub async fn text(response: FetchResponse) -> Result<String, NetworkError> {
  let chunks = response.body.try_collect::<Vec<Bytes>>();
  let chunks = tokio::time::timeout(BOUND, chunks).await;
  let chunks = chunks.expect("a body that ends")?;
  Ok(String::from_utf8(chunks.concat()).unwrap())
}

/// The kind of the error that the body ends with, if it does.
pub async fn body_error(response: FetchResponse) -> Option<NetworkErrorKind> {
  let chunks = response.body.try_collect::<Vec<Bytes>>();
  let chunks = tokio::time::timeout(BOUND, chunks).await;
  let error = chunks.expect("a body that ends").err()?;
  Some(error.kind)
}

pub async fn kind_of(params: FetchParams) -> NetworkErrorKind {
  network().fetch(params).await.expect_err("no error").kind
}

pub const OK: &str =
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"v1\"\r\n\r\nhello";
pub const CORS_OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"v1\"\r\nAccess-Control-Allow-Origin: *\r\n\r\nhello";

/// Every host of the documentation's names is this machine.
pub fn config_with_names() -> NetworkConfig {
  let names = ["secure.test", "other.test", "www.secure.test"];
  let loopback = ([127, 0, 0, 1], 0).into();
  NetworkConfig {
    dns_overrides: names.map(|name| (name.into(), vec![loopback])).into(),
    ..config()
  }
}

/// Why the fetch was refused.
pub async fn refused(params: FetchParams) -> String {
  let error = network().fetch(params).await.expect_err("no error");
  assert_eq!(error.kind, NetworkErrorKind::Refused, "{error}");
  error.message
}
