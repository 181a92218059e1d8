//! HTTP/1.1 and HTTP/2 over TCP and TLS.

use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body::Frame;
use http_body::SizeHint;
use hyper::ext::ReasonPhrase;
use url::Url;

use super::BodyError;
use super::Transport;
use super::TransportError;
use super::TransportRequest;
use super::TransportResponse;
use super::TransportUpgrade;
use super::classify::Phase;
use super::classify::classify;
use super::classify::connection_was_ended;
use super::classify::ended_without_answer;
use super::classify::ended_without_closure_alert;
use super::classify::was_not_processed;
use super::clients::Clients;
use super::new_connection::notice_new_connection;
use super::upgrade::upgrade;
use crate::network::NetworkConfig;
use crate::network::NetworkConfigError;
use crate::network::NetworkError;
use crate::network::route::Route;

/// The transport of this machine's network.
pub(in crate::network) struct HttpTransport {
  pub(super) config: NetworkConfig,
  pub(super) clients: Clients,
}

impl HttpTransport {
  pub(crate) fn new(
    config: &NetworkConfig,
  ) -> Result<Self, NetworkConfigError> {
    Ok(Self {
      clients: Clients::new(config)?,
      config: config.clone(),
    })
  }

  async fn execute(
    &self,
    request: TransportRequest,
  ) -> Result<TransportResponse, TransportError> {
    let TransportRequest {
      method,
      url,
      headers,
      body,
      may_reuse,
      alone,
    } = request;
    let route = Route {
      proxy: self.clients.proxy(&url).cloned(),
      url,
    };
    let mut request = reqwest::Request::new(method, route.url.clone());
    *request.headers_mut() = headers;
    *request.body_mut() = body.map(reqwest::Body::wrap);
    // Without TLS it is HTTP/1.1 anyway.
    let is_shared = route.url.scheme() == "https" && !self.config.http1_only;
    let client = match may_reuse {
      true if alone && is_shared => {
        self.clients.unshared(&self.config).map_err(unusable)?
      }
      true => self.clients.pooled(),
      false => self.clients.fresh(&self.config).map_err(unusable)?,
    };
    let answer = client.execute(request);
    let (answer, opened) = notice_new_connection(answer).await;
    let response = answer.map_err(|error| {
      // What may be lost with its connection may be sent twice, too:
      // RFC 9110, section 9.2.2.
      let stale = may_reuse && !opened && ended_without_answer(&error);
      // Over a connection of its own it is the one to blame.
      let innocent = may_reuse && connection_was_ended(&error);
      TransportError {
        taken: !stale && !innocent && !was_not_processed(&error),
        error: classify(&error, &route, Phase::Head),
      }
    })?;
    let response = http::Response::<reqwest::Body>::from(response);
    let (parts, body) = response.into_parts();
    let reason = parts.extensions.get::<ReasonPhrase>();
    Ok(TransportResponse {
      status: parts.status,
      reason: reason.map(|reason| Bytes::copy_from_slice(reason.as_bytes())),
      version: parts.version,
      headers: parts.headers,
      body: Box::pin(Body { body, route }),
    })
  }
}

/// A client that cannot be had: no request has left.
fn unusable(error: NetworkConfigError) -> TransportError {
  TransportError {
    error: NetworkError::refused(error.to_string()),
    taken: true,
  }
}

impl Transport for HttpTransport {
  fn send(
    &self,
    request: TransportRequest,
  ) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
    Box::pin(self.execute(request))
  }

  fn upgrade(
    &self,
    request: TransportRequest,
  ) -> BoxFuture<'_, Result<TransportUpgrade, NetworkError>> {
    Box::pin(upgrade(self, request))
  }

  fn proxy(&self, url: &Url) -> Option<&Url> {
    self.clients.proxy(url)
  }
}

struct Body {
  body: reqwest::Body,
  route: Route,
}

impl http_body::Body for Body {
  type Data = Bytes;
  type Error = BodyError;

  fn poll_frame(
    mut self: Pin<&mut Self>,
    cx: &mut Context<'_>,
  ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    let this = &mut *self;
    let frame = std::task::ready!(Pin::new(&mut this.body).poll_frame(cx));
    Poll::Ready(frame.map(|frame| {
      frame.map_err(|error| BodyError {
        without_closure_alert: ended_without_closure_alert(&error),
        error: classify(&error, &this.route, Phase::Body),
      })
    }))
  }

  fn is_end_stream(&self) -> bool {
    self.body.is_end_stream()
  }

  fn size_hint(&self) -> SizeHint {
    self.body.size_hint()
  }
}
