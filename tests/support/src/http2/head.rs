//! Heads, between the server's words and HTTP/2's.

use http::{HeaderName, HeaderValue, Request, Response};

use super::super::request::Head;

pub fn of<B>(request: &Request<B>) -> Head {
  let mut headers: Vec<(String, String)> = Vec::new();
  if let Some(authority) = request.uri().authority() {
    headers.push(("host".into(), authority.to_string()));
  }
  for (name, value) in request.headers() {
    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.push((name.to_string(), value));
  }
  let target = request.uri().path_and_query();
  Head {
    method: request.method().to_string(),
    target: target.map(ToString::to_string).unwrap_or_default(),
    headers,
  }
}

/// Without the headers that belong to the connection, which HTTP/2 forbids.
pub fn response(status: u16, headers: &[(String, String)]) -> Response<()> {
  let mut response = Response::new(());
  *response.status_mut() = status.try_into().expect("a status of HTTP");
  for (name, value) in headers {
    let name: HeaderName = name.parse().expect("a name of a header");
    let of_connection = ["connection", "transfer-encoding"];
    if !of_connection.contains(&name.as_str()) {
      let value = HeaderValue::from_str(value).expect("a header's value");
      response.headers_mut().append(name, value);
    }
  }
  response
}
