//! Loads what a realm is made of: pages, scripts, and what `fetch()` asks for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use reqwest::Method;
use reqwest::Url;
use tokio::runtime::Handle;

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
  runtime: Handle,
}

/// What came for a URL.
pub struct Loaded {
  pub status: u16,
  pub headers: Vec<(String, String)>,
  pub body: Vec<u8>,
}

impl Loader {
  /// # Errors
  ///
  /// A certificate is none.
  pub fn new(route: &Route, runtime: Handle) -> Result<Self, reqwest::Error> {
    let mut builder = reqwest::Client::builder().no_proxy().timeout(BOUND);
    let mut certificates = Vec::new();
    for pem in &route.root_certificates {
      certificates
        .extend(reqwest::Certificate::from_pem_bundle(pem.as_bytes())?);
    }
    builder = builder.tls_certs_only(certificates);
    for (host, addresses) in &route.hosts {
      builder = builder.resolve_to_addrs(host, addresses);
    }
    Ok(Self {
      client: builder.build()?,
      runtime,
    })
  }

  /// Loads a URL on the loader's own runtime.
  ///
  /// # Errors
  ///
  /// The server cannot be reached.
  pub async fn load(
    &self,
    method: Method,
    url: Url,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
  ) -> Result<Loaded, String> {
    let mut request = self.client.request(method, url).body(body);
    for (name, value) in headers {
      request = request.header(name, value);
    }
    let load = async move {
      let mut response = request.send().await?;
      let status = response.status().as_u16();
      let headers = response.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), value)
      });
      let headers = headers.collect();
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

  /// The text at a URL, for a caller that has to wait in place.
  ///
  /// # Errors
  ///
  /// The server cannot be reached, or has no such resource.
  pub fn load_text_blocking(&self, url: Url) -> Result<String, String> {
    let loader = self.clone();
    let (sender, receiver) = mpsc::sync_channel(1);
    self.runtime.spawn(async move {
      let _ = sender.send(loader.load_text(url).await);
    });
    match receiver.recv_timeout(BOUND) {
      Ok(result) => result,
      Err(error) => Err(error.to_string()),
    }
  }

  /// The text at a URL.
  ///
  /// # Errors
  ///
  /// As for [`Loader::load_text_blocking`].
  pub async fn load_text(&self, url: Url) -> Result<String, String> {
    // A server that is not the runner's own has others under these names.
    if let Some(text) = built_in(url.path()) {
      return Ok(text.to_string());
    }
    let name = url.to_string();
    let loaded = self.load(Method::GET, url, Vec::new(), Vec::new()).await?;
    match loaded.status {
      200 => Ok(String::from_utf8_lossy(&loaded.body).into_owned()),
      status => Err(format!("{name} has the status {status}")),
    }
  }
}

/// No part of a test takes longer to load.
const BOUND: Duration = Duration::from_secs(20);
