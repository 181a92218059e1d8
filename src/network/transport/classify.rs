//! What went wrong, from the errors of the transport.

use std::error::Error;
use std::io;
use std::io::ErrorKind;

use crate::network::NetworkError;
use crate::network::NetworkErrorKind;
use crate::network::request_body::RequestBodyError;
use crate::network::route::Route;
use crate::network::route::authority;
use crate::network::route::excerpt;
use crate::network::route::proxy_authentication_required;

/// How far a request had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
  /// No response yet.
  Head,
  /// The response is there, its body is not whole.
  Body,
}

/// The network error for a failure of the transport on `route`.
pub(super) fn classify(
  error: &reqwest::Error,
  route: &Route,
  phase: Phase,
) -> NetworkError {
  let authority = route.peer();
  if let Some(body) = find::<RequestBodyError>(error) {
    return NetworkError::refused(format!(
      "the body of the request to {authority} could not be sent: {body}"
    ));
  }
  let cause = cause(error);
  if error.is_connect() {
    return connect_error(error, route, &cause);
  }
  if phase == Phase::Head && was_not_processed(error) {
    let message = format!("{authority} did not take the request: {cause}");
    let kind = NetworkErrorKind::Unreachable;
    return NetworkError { kind, message };
  }
  if error.is_builder() {
    return NetworkError::refused(format!(
      "the request to {authority} cannot be sent: {cause}"
    ));
  }
  // In the middle of a body the same means no more than that the rest of it is
  // missing: what came before is good.
  if phase == Phase::Head && is_malformed(error) {
    return NetworkError::bad_answer(format!(
      "the answer of {authority} cannot be understood: {cause}"
    ));
  }
  NetworkError::interrupted(match phase {
    Phase::Head => {
      format!(
        "the connection to {authority} broke before an answer came: {cause}"
      )
    }
    Phase::Body => {
      format!("the connection to {authority} broke in the middle: {cause}")
    }
  })
}

/// The error for a connection that was not made: whose fault it is, and what
/// can be done about it.
fn connect_error(
  error: &reqwest::Error,
  route: &Route,
  cause: &str,
) -> NetworkError {
  let kind = if is_offline(error) {
    NetworkErrorKind::Offline
  } else {
    NetworkErrorKind::Unreachable
  };
  let server = authority(&route.url);
  let advice = certificate_advice(cause);
  let Some(proxy) = &route.proxy else {
    let message = format!("could not connect to {server}: {cause}{advice}");
    return NetworkError { kind, message };
  };
  let proxy = authority(proxy);
  let message = match tunnel_failure(error).as_deref() {
    Some(TUNNEL_AUTHORIZATION) => {
      return NetworkError::refused(proxy_authentication_required(&proxy));
    }
    Some(TUNNEL_REFUSED) => {
      return NetworkError::refused(format!(
        "the proxy {proxy} refuses to connect to {server}"
      ));
    }
    Some(TUNNEL_HEADERS) => {
      return NetworkError::bad_answer(format!(
        "the answer of the proxy {proxy} cannot be understood: {cause}"
      ));
    }
    // The tunnel is there, so this is between here and the server.
    None if route.url.scheme() == "https" => format!(
      "could not connect to {server} through the proxy {proxy}: \
       {cause}{advice}"
    ),
    _ => format!("could not connect to the proxy {proxy}: {cause}{advice}"),
  };
  NetworkError { kind, message }
}

/// What is wrong with the tunnel that a proxy was asked for. The transport
/// does not export the type of this error; its texts are tried in
/// `tests/it/network/proxy.rs`.
fn tunnel_failure(error: &reqwest::Error) -> Option<String> {
  chain(error).find_map(|cause| {
    let text = cause.to_string();
    text.strip_prefix("tunnel error: ").map(str::to_string)
  })
}

const TUNNEL_AUTHORIZATION: &str = "proxy authorization required";
const TUNNEL_REFUSED: &str = "unsuccessful";
const TUNNEL_HEADERS: &str = "proxy response headers too long";

/// What to do about a certificate that is refused, where that is not plain
/// from the reason alone.
fn certificate_advice(cause: &str) -> &'static str {
  let refused = "invalid peer certificate: ";
  let Some(reason) = cause.strip_prefix(refused) else {
    return "";
  };
  if reason.contains("CaUsedAsEndEntity") {
    "; the server shows the certificate of an authority (CA:TRUE) as its own: \
     give the server one that is not an authority's (basicConstraints=CA:FALSE)"
  } else if reason.contains("UnknownIssuer") {
    "; it is not signed by a trusted authority: if its authority is one of your \
     own, add that to the trusted ones, for instance with SSL_CERT_FILE"
  } else {
    ""
  }
}

/// Whether the peer ended its side of a TLS connection in good order for TCP,
/// and without the alert that TLS has for it:
/// [RFC 9112, section 9.8](https://www.rfc-editor.org/rfc/rfc9112#section-9.8).
pub(super) fn ended_without_closure_alert(error: &reqwest::Error) -> bool {
  chain(error).any(|cause| {
    cause
      .downcast_ref::<io::Error>()
      .is_some_and(|error| error.kind() == ErrorKind::UnexpectedEof)
  })
}

fn is_offline(error: &reqwest::Error) -> bool {
  chain(error).any(|cause| {
    let Some(error) = cause.downcast_ref::<io::Error>() else {
      return false;
    };
    matches!(
      error.kind(),
      ErrorKind::NetworkUnreachable
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkDown
    ) || is_temporary_dns_failure(&error.to_string())
  })
}

/// `EAI_AGAIN`: no name server answers. The standard library keeps only its
/// text, which is the C library's, glibc's and musl's.
fn is_temporary_dns_failure(text: &str) -> bool {
  text.contains("failed to lookup address information")
    && (text.contains("Temporary failure") || text.contains("Try again"))
}

/// Whether the server has certainly not looked at the request, so that it can
/// be sent again whatever its method: it never left, or HTTP/2 says so
/// ([RFC 9113, section 8.7](https://www.rfc-editor.org/rfc/rfc9113#section-8.7)).
pub(super) fn was_not_processed(error: &reqwest::Error) -> bool {
  // The connection was gone when the request's turn came.
  let never_left = find::<hyper::Error>(error).is_some_and(|e| e.is_canceled());
  // The transport gives a stream the peer's GOAWAY as its error only when the
  // stream came after the last one that the peer names as taken.
  let refused = find::<h2::Error>(error).is_some_and(|error| {
    error.is_remote()
      && (error.is_go_away()
        || error.reason() == Some(h2::Reason::REFUSED_STREAM))
  });
  never_left || refused || lost_a_race(error)
}

/// Whether the transport has given the request's new connection up because
/// another one, opened at the same time, turned out to speak HTTP/2. Nothing
/// but its words tells.
fn lost_a_race(error: &reqwest::Error) -> bool {
  let mut source = std::error::Error::source(error);
  while let Some(error) = source {
    if error.to_string() == "ALPN upgraded to HTTP/2" {
      return true;
    }
    source = error.source();
  }
  false
}

/// Whether the connection ended before any of the answer came. When it had
/// been idle before, its server has most likely closed it without seeing the
/// request.
pub(super) fn ended_without_answer(error: &reqwest::Error) -> bool {
  let incomplete = |e: &hyper::Error| e.is_incomplete_message();
  find::<hyper::Error>(error).is_some_and(incomplete)
    || find::<io::Error>(error).is_some_and(|error| {
      matches!(
        error.kind(),
        ErrorKind::ConnectionReset
          | ErrorKind::ConnectionAborted
          | ErrorKind::BrokenPipe
          | ErrorKind::NotConnected
          | ErrorKind::UnexpectedEof
      )
    })
}

/// Whether this side has ended a whole connection of HTTP/2 because of what
/// came over it, which may have been the answer to another request.
pub(super) fn connection_was_ended(error: &reqwest::Error) -> bool {
  find::<h2::Error>(error)
    .is_some_and(|error| error.is_library() && error.is_go_away())
}

fn is_malformed(error: &reqwest::Error) -> bool {
  let parse = find::<hyper::Error>(error).is_some_and(|e| e.is_parse());
  // The far side of HTTP/2 broke its rules, and this side noticed.
  let protocol = find::<h2::Error>(error).is_some_and(|error| {
    error.is_library() && (error.is_reset() || error.is_go_away())
  });
  // Chunked framing that is none.
  let framing = chain(error).any(|cause| {
    cause.downcast_ref::<io::Error>().is_some_and(|e| {
      matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData)
    })
  });
  parse || protocol || framing
}

/// The innermost cause, in words.
fn cause(error: &reqwest::Error) -> String {
  if error.is_timeout() {
    return "it took too long".into();
  }
  let known = chain(error).find_map(|cause| {
    Some(match cause.downcast_ref::<io::Error>()?.kind() {
      ErrorKind::ConnectionRefused => "connection refused",
      ErrorKind::ConnectionReset => "connection reset",
      ErrorKind::ConnectionAborted => "connection aborted",
      ErrorKind::NetworkUnreachable => "the network is unreachable",
      ErrorKind::HostUnreachable => "the host is unreachable",
      ErrorKind::NetworkDown => "the network is down",
      ErrorKind::TimedOut => "it took too long",
      ErrorKind::BrokenPipe => "the connection was closed",
      _ => return None,
    })
  });
  match known {
    Some(known) => known.into(),
    // A peer that ends an HTTP/2 connection may say why, at any length.
    None => excerpt(&match chain(error).last() {
      Some(innermost) => innermost.to_string(),
      None => error.to_string(),
    }),
  }
}

fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
  chain(error).find_map(|cause| cause.downcast_ref())
}

/// The error and its causes. An `io::Error` hides what it wraps from
/// `source()`, so it is opened.
fn chain<'a>(
  error: &'a reqwest::Error,
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
  let first: &'a (dyn Error + 'static) = error;
  std::iter::successors(Some(first), |error| next_cause(*error))
}

fn next_cause<'a>(
  error: &'a (dyn Error + 'static),
) -> Option<&'a (dyn Error + 'static)> {
  match error
    .downcast_ref::<io::Error>()
    .and_then(io::Error::get_ref)
  {
    Some(inner) => Some(inner),
    None => error.source(),
  }
}
