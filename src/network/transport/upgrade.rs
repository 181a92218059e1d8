//! Connections that change their protocol, and the tunnels that they need.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::HOST;
use http::header::PROXY_AUTHORIZATION;
use http::header::USER_AGENT;
use hyper::upgrade::OnUpgrade;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use reqwest::dns::Resolve;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Host;
use url::Position;
use url::Url;

use super::TransportConnection;
use super::TransportRequest;
use super::TransportUpgrade;
use super::classify::Phase;
use super::classify::classify;
use super::http_transport::HttpTransport;
use super::resolver::Resolver;
use crate::network::NetworkConfig;
use crate::network::NetworkError;
use crate::network::route::Route;
use crate::network::route::authority;
use crate::network::route::proxy_authentication_required;

/// [`Transport::upgrade`](super::Transport::upgrade)
pub(super) async fn upgrade(
  transport: &HttpTransport,
  request: TransportRequest,
) -> Result<TransportUpgrade, NetworkError> {
  let mut parts = answer(transport, request).await?;
  let upgrade: Option<OnUpgrade> = parts.extensions.remove();
  let mut connection: Option<TransportConnection> = None;
  if parts.status == http::StatusCode::SWITCHING_PROTOCOLS
    && let Some(upgrade) = upgrade
  {
    let upgraded = upgrade.await.map_err(|error| {
      NetworkError::interrupted(format!(
        "the connection ended with the handshake: {error}"
      ))
    })?;
    connection = Some(Box::new(TokioIo::new(upgraded)));
  }
  Ok(TransportUpgrade {
    status: parts.status,
    headers: parts.headers,
    connection,
  })
}

async fn answer(
  transport: &HttpTransport,
  request: TransportRequest,
) -> Result<http::response::Parts, NetworkError> {
  let TransportRequest {
    method,
    url,
    headers,
    ..
  } = request;
  let HttpTransport { config, clients } = transport;
  let route = Route {
    proxy: clients.proxy(&url).cloned(),
    url,
  };
  let mut request = reqwest::Request::new(method, route.url.clone());
  *request.headers_mut() = headers;
  // The client makes a tunnel for https: alone, and sends what is in the clear
  // to the proxy, which would not pass an upgrade on.
  if let Some(proxy) = &route.proxy
    && route.url.scheme() == "http"
    && matches!(proxy.scheme(), "http" | "https")
  {
    if proxy.scheme() == "https" {
      return Err(NetworkError::refused(format!(
        "{} cannot be reached through {}: a proxy over TLS makes tunnels for \
         wss: only",
        authority(&route.url),
        authority(proxy)
      )));
    }
    let tunnel = tunnel(config, &route.url, proxy).await?;
    return through(tunnel, request, &route.url).await;
  }
  let client = clients
    .http1(config)
    .map_err(|error| NetworkError::refused(error.to_string()))?;
  let response = client.execute(request).await;
  let response =
    response.map_err(|error| classify(&error, &route, Phase::Head))?;
  let (parts, _body) =
    http::Response::<reqwest::Body>::from(response).into_parts();
  Ok(parts)
}

/// [RFC 9110, section 9.3.6](https://www.rfc-editor.org/rfc/rfc9110#CONNECT).
/// The transport would leave port 80 out of what it asks the proxy for.
async fn tunnel(
  config: &NetworkConfig,
  url: &Url,
  proxy: &Url,
) -> Result<Upgraded, NetworkError> {
  let (server, through) = (authority(url), authority(proxy));
  let broken = |error: &dyn Display| {
    let message = format!("the proxy {through} cannot be reached: {error}");
    NetworkError::interrupted(message)
  };
  let port = url.port_or_known_default().unwrap_or_default();
  let host = url.host_str().unwrap_or_default();
  let mut connect = http::Request::connect(format!("{host}:{port}"))
    .header(HOST, format!("{host}:{port}"))
    .header(USER_AGENT, &config.user_agent);
  if let Some(value) = basic_credentials(proxy) {
    connect = connect.header(PROXY_AUTHORIZATION, value);
  }
  let connect = connect
    .body(String::new())
    .map_err(|error| NetworkError::refused(error.to_string()))?;
  let tcp = timeout(config.connect_timeout, tcp(config, proxy)).await;
  let tcp = tcp
    .map_err(|error| broken(&error))?
    .map_err(|error| broken(&error))?;
  let mut parts = answer_over(TokioIo::new(tcp), connect)
    .await
    .map_err(|error| broken(&error))?;
  match parts.status.as_u16() {
    200..300 => {}
    407 => {
      let message = proxy_authentication_required(&through);
      return Err(NetworkError::refused(message));
    }
    status => {
      return Err(NetworkError::refused(format!(
        "the proxy {through} does not connect to {server}: it answered {status}"
      )));
    }
  }
  let upgrade: Option<OnUpgrade> = parts.extensions.remove();
  match upgrade {
    Some(upgrade) => upgrade.await.map_err(|error| broken(&error)),
    None => Err(broken(&"it keeps the connection")),
  }
}

async fn tcp(config: &NetworkConfig, proxy: &Url) -> io::Result<TcpStream> {
  let host = proxy.host_str().unwrap_or_default();
  let port = proxy.port_or_known_default().unwrap_or_default();
  let addresses: Vec<SocketAddr> = match proxy.host() {
    Some(Host::Ipv4(address)) => vec![(address, port).into()],
    Some(Host::Ipv6(address)) => vec![(address, port).into()],
    _ => match config.dns_overrides.get(host) {
      Some(addresses) => addresses.clone(),
      None => {
        let name = host.parse().map_err(io::Error::other)?;
        let resolver = Resolver(config.resolver.clone());
        let addresses = resolver.resolve(name).await;
        addresses.map_err(io::Error::other)?.collect()
      }
    },
  };
  let mut last = io::Error::other("its name has no address");
  for mut address in addresses {
    if address.port() == 0 {
      address.set_port(port);
    }
    match TcpStream::connect(address).await {
      Ok(stream) => {
        stream.set_nodelay(true)?;
        return Ok(stream);
      }
      Err(error) => last = error,
    }
  }
  Err(last)
}

/// Sends the request through a tunnel.
async fn through(
  tunnel: Upgraded,
  request: reqwest::Request,
  url: &Url,
) -> Result<http::response::Parts, NetworkError> {
  let invalid = |error: http::Error| NetworkError::refused(error.to_string());
  let mut sent = http::Request::builder()
    .uri(&url[Position::BeforePath..])
    .body(String::new())
    .map_err(invalid)?;
  *sent.headers_mut() = request.headers().clone();
  let host = &url[Position::BeforeHost..Position::AfterPort];
  let host = HeaderValue::from_str(host);
  sent
    .headers_mut()
    .insert(HOST, host.map_err(|error| invalid(error.into()))?);
  answer_over(tunnel, sent).await.map_err(|error| {
    let server = authority(url);
    let message = format!("the tunnel to {server} broke: {error}");
    NetworkError::interrupted(message)
  })
}

/// The head of the answer to the one request of a connection.
async fn answer_over<I>(
  io: I,
  request: http::Request<String>,
) -> hyper::Result<http::response::Parts>
where
  I: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
  let (mut sender, connection) =
    hyper::client::conn::http1::handshake(io).await?;
  let mut connection = std::pin::pin!(connection.with_upgrades());
  let mut response = std::pin::pin!(sender.send_request(request));
  // The answer comes while the connection is polled, which ends with an answer
  // that takes the connection over.
  let response = tokio::select! {
    biased;
    response = &mut response => response?,
    ended = &mut connection => {
      ended?;
      return Ok(response.await?.into_parts().0);
    }
  };
  let (parts, _body) = response.into_parts();
  if parts.extensions.get::<OnUpgrade>().is_some() {
    connection.await?;
  }
  Ok(parts)
}

/// The user and the password in `url`, if there are any, as
/// [RFC 7617, section 2](https://www.rfc-editor.org/rfc/rfc7617#section-2) has
/// them.
pub(in crate::network) fn basic_credentials(url: &Url) -> Option<String> {
  if url.username().is_empty() && url.password().is_none() {
    return None;
  }
  let decoded = |text: &str| -> Vec<u8> { percent_decode_str(text).collect() };
  let mut pair = decoded(url.username());
  pair.push(b':');
  pair.extend(decoded(url.password().unwrap_or_default()));
  Some(format!("Basic {}", STANDARD.encode(pair)))
}
