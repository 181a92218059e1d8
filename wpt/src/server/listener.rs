//! Connections: HTTP/1.1, with TLS or without.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use futures::stream;
use http::Response;
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use http::header::HOST;
use http::header::TRANSFER_ENCODING;
use http_body_util::BodyExt;
use http_body_util::StreamBody;
use http_body_util::combinators::BoxBody;
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;

use super::exchange::Part;
use super::exchange::Reply;
use super::exchange::Request;
use super::route::Site;

type Body = BoxBody<Bytes, io::Error>;

/// Accepts connections until the runtime ends.
pub async fn serve(
  listener: TcpListener,
  acceptor: Option<TlsAcceptor>,
  site: Arc<Site>,
) {
  loop {
    // A connection that is gone before it was accepted is the client's matter.
    let Ok((stream, _)) = listener.accept().await else {
      continue;
    };
    let acceptor = acceptor.clone();
    let site = site.clone();
    tokio::spawn(async move {
      // A delayed small write would be measured as the server's slowness.
      let _ = stream.set_nodelay(true);
      match acceptor {
        None => connection(stream, "http", site).await,
        Some(acceptor) => {
          if let Ok(stream) = acceptor.accept(stream).await {
            connection(stream, "https", site).await;
          }
        }
      }
    });
  }
}

async fn connection(
  stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
  scheme: &'static str,
  site: Arc<Site>,
) {
  let service = service_fn(move |request| {
    let site = site.clone();
    async move { answer(&site, scheme, request).await }
  });
  // A client that goes away is none of the server's errors.
  let _ = http1::Builder::new()
    .half_close(true)
    .serve_connection(TokioIo::new(stream), service)
    .await;
}

/// An error ends the connection with no answer.
async fn answer(
  site: &Site,
  scheme: &str,
  request: hyper::Request<Incoming>,
) -> io::Result<Response<Body>> {
  let reply = match read(scheme, request).await {
    Some(request) => site.answer(&request).await,
    None => Reply::text(400, "the request cannot be read"),
  };
  if reply.body == [Part::Gone] {
    return Err(io::Error::other("the server is away"));
  }
  let length: usize = reply.body.iter().map(Part::len).sum();
  let cut = reply.body.contains(&Part::Cut);
  let mut response = Response::new(body(reply.body));
  *response.status_mut() = StatusCode::from_u16(reply.status)
    .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
  *response.headers_mut() = reply.headers;
  let has_length = response.headers().contains_key(CONTENT_LENGTH);
  let chunked = response.headers().contains_key(TRANSFER_ENCODING);
  if !has_length && !chunked && !cut {
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
  }
  Ok(response)
}

async fn read(
  scheme: &str,
  request: hyper::Request<Incoming>,
) -> Option<Request> {
  let (head, body) = request.into_parts();
  let host = head.headers.get(HOST)?.to_str().ok()?;
  let target = head.uri.path_and_query()?;
  Some(Request {
    url: Url::parse(&format!("{scheme}://{host}{target}")).ok()?,
    method: head.method,
    headers: head.headers,
    body: body.collect().await.ok()?.to_bytes(),
  })
}

impl Part {
  fn len(&self) -> usize {
    match self {
      Part::Bytes(bytes) => bytes.len(),
      Part::Pause(_) | Part::Cut | Part::Gone => 0,
    }
  }
}

fn body(parts: Vec<Part>) -> Body {
  BodyExt::boxed(StreamBody::new(frames(parts)))
}

fn frames(
  parts: Vec<Part>,
) -> impl Stream<Item = Result<Frame<Bytes>, io::Error>> + Send + Sync {
  stream::unfold(parts.into_iter(), |mut parts| async move {
    loop {
      match parts.next()? {
        Part::Bytes(bytes) if bytes.is_empty() => {}
        Part::Bytes(bytes) => return Some((Ok(Frame::data(bytes)), parts)),
        Part::Pause(time) => tokio::time::sleep(time).await,
        Part::Cut | Part::Gone => {
          // hyper sends what it has when there is nothing more for now, and
          // nothing of it after an error.
          tokio::task::yield_now().await;
          let cut = io::Error::other("the answer is cut here");
          return Some((Err(cut), parts));
        }
      }
    }
  })
}
