//! What went wrong, from the errors of the transport.

use std::error::Error;
use std::io;
use std::io::ErrorKind;

use url::Url;

use super::NetworkError;
use super::NetworkErrorKind;
use super::request_body::RequestBodyError;

/// How far a request had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
  /// No response yet.
  Head,
  /// The response is there, its body is not whole.
  Body,
}

/// The network error for a failure of the transport while it talked to `url`.
pub(super) fn classify(
  error: &reqwest::Error,
  url: &Url,
  phase: Phase,
) -> NetworkError {
  let place = place(url);
  if let Some(body) = find::<RequestBodyError>(error) {
    return NetworkError::refused(format!(
      "the body of the request to {place} could not be sent: {body}"
    ));
  }
  let cause = cause(error);
  if error.is_connect() {
    let kind = if is_offline(error) {
      NetworkErrorKind::Offline
    } else {
      NetworkErrorKind::Unreachable
    };
    let message = format!("could not connect to {place}: {cause}");
    return NetworkError { kind, message };
  }
  if phase == Phase::Head && was_refused_unprocessed(error) {
    let message = format!("{place} did not take the request: {cause}");
    let kind = NetworkErrorKind::Unreachable;
    return NetworkError { kind, message };
  }
  if error.is_builder() {
    return NetworkError::refused(format!(
      "the request to {place} cannot be sent: {cause}"
    ));
  }
  if is_malformed(error) {
    return NetworkError::bad_answer(format!(
      "the answer of {place} cannot be understood: {cause}"
    ));
  }
  NetworkError::interrupted(match phase {
    Phase::Head => {
      format!("the connection to {place} broke before an answer came: {cause}")
    }
    Phase::Body => {
      format!("the connection to {place} broke in the middle: {cause}")
    }
  })
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

/// Host and port, for people.
pub(super) fn place(url: &Url) -> String {
  let host = url.host_str().unwrap_or_default();
  match url.port_or_known_default() {
    Some(port) => format!("{host}:{port}"),
    None => host.to_string(),
  }
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

/// Whether HTTP/2 says that the server has not looked at the request:
/// [RFC 9113, section 8.7](https://www.rfc-editor.org/rfc/rfc9113#section-8.7).
fn was_refused_unprocessed(error: &reqwest::Error) -> bool {
  find::<h2::Error>(error).is_some_and(|error| {
    error.is_remote()
      && (error.reason() == Some(h2::Reason::REFUSED_STREAM)
        || (error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR)))
  })
}

fn is_malformed(error: &reqwest::Error) -> bool {
  let parse = find::<hyper::Error>(error).is_some_and(|e| e.is_parse());
  // The far side of HTTP/2 broke its rules, and this side noticed.
  let protocol = find::<h2::Error>(error).is_some_and(|error| {
    error.is_library()
      && !error.is_io()
      && error.reason() != Some(h2::Reason::NO_ERROR)
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
    None => chain(error)
      .last()
      .map_or_else(|| error.to_string(), |innermost| innermost.to_string()),
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
