//! Loads what a realm is made of: pages and scripts.

use std::collections::HashMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use background_fetch::engine::Navigation;
use background_fetch::network::FetchResponse;
use encoding_rs::UTF_8;
use futures::TryStreamExt;
use reqwest::Url;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderValue;
use tokio::runtime::Handle;

use super::mime_type::MimeType;
use crate::server::built_in;

/// How the server is reached.
#[derive(Clone)]
pub struct Route {
  /// Addresses by host; port 0 stands for the URL's port.
  pub hosts: HashMap<String, Vec<SocketAddr>>,
  pub root_certificates: Vec<String>,
}

impl Route {
  /// Every host leads to loopback, `generous` with its name to that port.
  pub fn to_loopback(
    hosts: impl Iterator<Item = String>,
    generous: Option<(&str, u16)>,
    root_certificates: Vec<String>,
  ) -> Self {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut hosts: HashMap<_, _> = hosts
      .map(|host| (host, vec![SocketAddr::new(loopback, 0)]))
      .collect();
    if let Some((host, port)) = generous {
      hosts.insert(host.into(), vec![SocketAddr::new(loopback, port)]);
    }
    Self {
      hosts,
      root_certificates,
    }
  }
}

#[derive(Clone)]
pub struct Loader {
  client: reqwest::Client,
  /// Follows no redirect.
  hop_client: reqwest::Client,
  runtime: Handle,
}

/// What a realm is made of.
pub struct Source {
  /// Where it came from, behind redirects.
  pub url: Url,
  pub text: String,
  /// The values of `Content-Security-Policy`.
  pub csp: Vec<String>,
  /// The last value of `Referrer-Policy`, or the empty string.
  pub referrer_policy: String,
}

/// What came for a URL.
struct Loaded {
  url: Url,
  status: u16,
  headers: HeaderMap,
  body: Vec<u8>,
}

impl Loader {
  /// # Errors
  ///
  /// A certificate is none.
  pub fn new(route: &Route, runtime: Handle) -> Result<Self, reqwest::Error> {
    let mut certificates = Vec::new();
    for pem in &route.root_certificates {
      certificates
        .extend(reqwest::Certificate::from_pem_bundle(pem.as_bytes())?);
    }
    let builder = || {
      let mut builder = reqwest::Client::builder()
        .no_proxy()
        .timeout(BOUND)
        .tls_certs_only(certificates.clone());
      for (host, addresses) in &route.hosts {
        builder = builder.resolve_to_addrs(host, addresses);
      }
      builder
    };
    Ok(Self {
      client: builder().build()?,
      hop_client: builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()?,
      runtime,
    })
  }

  /// Loads a URL on the loader's own runtime.
  ///
  /// # Errors
  ///
  /// The server cannot be reached.
  async fn load(
    &self,
    client: &reqwest::Client,
    url: Url,
  ) -> Result<Loaded, String> {
    let request = client.get(url);
    let load = async move {
      let mut response = request.send().await?;
      let url = response.url().clone();
      let status = response.status().as_u16();
      let headers = response.headers().clone();
      let framed = response.content_length().is_some()
        || response.headers().contains_key("transfer-encoding");
      let mut body = Vec::new();
      loop {
        match response.chunk().await {
          Ok(Some(chunk)) => body.extend_from_slice(&chunk),
          Ok(None) => break,
          // wptserve ends a TLS connection without the alert for it.
          Err(_) if !framed => break,
          Err(error) => return Err(error),
        }
      }
      Ok(Loaded {
        url,
        status,
        headers,
        body,
      })
    };
    let result: Result<_, reqwest::Error> = match self.runtime.spawn(load).await
    {
      Ok(result) => result,
      Err(error) => return Err(error.to_string()),
    };
    result.map_err(|error| format!("{error:?}"))
  }

  /// A classic script, for a caller that has to wait in place.
  ///
  /// # Errors
  ///
  /// The server cannot be reached, has no such resource, or says that it is
  /// not a script.
  pub fn load_script_blocking(&self, url: Url) -> Result<String, String> {
    let loader = self.clone();
    let (sender, receiver) = mpsc::sync_channel(1);
    self.runtime.spawn(async move {
      let _ = sender.send(loader.load_script(url).await);
    });
    match receiver.recv_timeout(BOUND) {
      Ok(result) => result,
      Err(error) => Err(error.to_string()),
    }
  }

  /// A [classic script](https://html.spec.whatwg.org/multipage/webappapis.html#fetch-a-classic-script).
  ///
  /// # Errors
  ///
  /// As for [`Loader::load_script_blocking`].
  pub async fn load_script(&self, url: Url) -> Result<String, String> {
    // A server that is not the runner's own has others under these names.
    if let Some(text) = built_in(url.path()) {
      return Ok(text.to_string());
    }
    let loaded = self.load_resource(url.clone()).await?;
    let mime_type = MimeType::extract(&loaded.headers);
    // https://fetch.spec.whatwg.org/#determine-nosniff
    let nosniff = loaded.headers.get("x-content-type-options");
    let nosniff = nosniff.is_some_and(|value| {
      let first = value.as_bytes().split(|byte| *byte == b',').next();
      first.is_some_and(|v| v.trim_ascii().eq_ignore_ascii_case(b"nosniff"))
    });
    // https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-nosniff?
    if nosniff && !mime_type.as_ref().is_some_and(MimeType::is_javascript) {
      return Err(format!("{url} has no JavaScript MIME type"));
    }
    if mime_type.as_ref().is_some_and(MimeType::is_never_a_script) {
      return Err(format!("{url} has the MIME type of another thing"));
    }
    let encoding = mime_type.map_or(UTF_8, |mime_type| mime_type.encoding());
    Ok(encoding.decode(&loaded.body).0.into_owned())
  }

  /// What is there with the status 200.
  async fn load_resource(&self, url: Url) -> Result<Loaded, String> {
    let name = url.to_string();
    let loaded = self.load(&self.client, url).await?;
    if loaded.status != 200 {
      return Err(format!("{name} has the status {}", loaded.status));
    }
    Ok(loaded)
  }

  /// The page, or the worker's script, at a URL.
  ///
  /// # Errors
  ///
  /// The server cannot be reached, or has no such resource.
  pub async fn load_source(&self, url: Url) -> Result<Source, String> {
    Ok(source(self.load_resource(url).await?))
  }

  /// The document at a URL, whatever the status: from the service worker that
  /// it belongs to, else from the server.
  ///
  /// # Errors
  ///
  /// The server cannot be reached, or the service worker has failed.
  pub async fn load_document(
    &self,
    navigation: &mut Navigation,
    mut url: Url,
  ) -> Result<Source, String> {
    for _ in 0..=MAX_REDIRECTS {
      let answer = navigation.fetch(url.clone()).await;
      let loaded = match answer.map_err(|error| error.to_string())? {
        Some(FetchResponse { response, body }) => {
          let headers = response.internal_headers().iter();
          let headers = headers.filter_map(|(name, value)| {
            Some((name.parse().ok()?, HeaderValue::from_str(value).ok()?))
          });
          let body: Vec<_> = body
            .try_collect()
            .await
            .map_err(|error| error.to_string())?;
          Loaded {
            headers: headers.collect(),
            // That of an opaque redirect is 0.
            status: match response.status {
              0 => 302,
              status => status,
            },
            body: body.concat(),
            url: url.clone(),
          }
        }
        None => self.load(&self.hop_client, url.clone()).await?,
      };
      let location = loaded.headers.get("location");
      let location = match loaded.status {
        301 | 302 | 303 | 307 | 308 => location.and_then(|l| l.to_str().ok()),
        _ => None,
      };
      let Some(location) = location else {
        return Ok(source(Loaded { url, ..loaded }));
      };
      let mut next = url.join(location).map_err(|error| error.to_string())?;
      if next.fragment().is_none() {
        next.set_fragment(url.fragment());
      }
      url = next;
    }
    Err(format!("{url} is one redirect too many"))
  }
}

fn source(loaded: Loaded) -> Source {
  let values = |name: &str| {
    let values = loaded.headers.get_all(name).iter();
    values.filter_map(|value| value.to_str().ok().map(str::to_owned))
  };
  let referrer_policy = values("referrer-policy").next_back();
  let referrer_policy = referrer_policy.unwrap_or_default();
  let last = referrer_policy.rsplit(',').next().unwrap_or_default();
  Source {
    text: String::from_utf8_lossy(&loaded.body).into_owned(),
    csp: values("content-security-policy").collect(),
    referrer_policy: last.trim().to_owned(),
    url: loaded.url,
  }
}

/// No part of a test takes longer to load.
const BOUND: Duration = Duration::from_secs(20);
/// As in <https://fetch.spec.whatwg.org/#concept-http-redirect-fetch>, step 7.
const MAX_REDIRECTS: u32 = 20;
