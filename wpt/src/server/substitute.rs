//! `{{…}}` in `.sub.` files and under `pipe=sub`:
//! <https://web-platform-tests.org/writing-tests/server-pipes.html#sub>.

use super::exchange::Request;
use super::hosts::ALTERNATE_HOST;
use super::hosts::HOST;
use super::hosts::Ports;
use super::hosts::join;

/// Whether a value of the request is escaped: in markup it could end an
/// attribute, and elsewhere an escaped one is another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
  Html,
  None,
}

impl Escape {
  /// As wptserve does it for the file at `path`.
  pub fn for_file(path: &str) -> Self {
    const MARKUP: [&str; 6] =
      [".html", ".htm", ".xht", ".xhtml", ".xml", ".svg"];
    match MARKUP.iter().any(|extension| path.ends_with(extension)) {
      true => Self::Html,
      false => Self::None,
    }
  }

  fn apply(self, text: &str) -> String {
    match self {
      Self::Html => escape(text),
      Self::None => text.to_string(),
    }
  }
}

/// The text with every `{{…}}` replaced; what is not known is left as it is.
pub fn substitute(
  text: &str,
  request: &Request,
  ports: &Ports,
  escape: Escape,
) -> String {
  let mut result = String::with_capacity(text.len());
  let mut rest = text;
  while let Some(start) = rest.find("{{") {
    let (before, from) = rest.split_at(start);
    result.push_str(before);
    let Some(end) = from.find("}}") else {
      rest = from;
      break;
    };
    let (field, after) = (&from[2..end], &from[end + 2..]);
    match value(field.trim(), request, ports, escape) {
      Some(value) => result.push_str(&value),
      None => result.push_str(&from[..end + 2]),
    }
    rest = after;
  }
  result + rest
}

fn value(
  field: &str,
  request: &Request,
  ports: &Ports,
  escape: Escape,
) -> Option<String> {
  if let Some(arguments) = field
    .strip_prefix("header_or_default(")
    .and_then(|rest| rest.strip_suffix(')'))
  {
    let (name, default) = arguments.split_once(',')?;
    let value = request.header(name.trim()).unwrap_or(default.trim());
    return Some(escape.apply(value));
  }
  let (name, keys) = indices(field)?;
  let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
  let url = &request.url;
  Some(match (name, keys.as_slice()) {
    ("host", []) => HOST.into(),
    ("domains", [subdomain]) => join(subdomain, HOST),
    ("hosts", ["", subdomain]) => join(subdomain, HOST),
    ("hosts", ["alt", subdomain]) => join(subdomain, ALTERNATE_HOST),
    ("ports", [scheme, index]) => {
      port(scheme, index.parse().ok()?, ports)?.to_string()
    }
    ("location", ["server"]) => url.origin().ascii_serialization(),
    ("location", ["scheme"]) => url.scheme().into(),
    ("location", ["host"]) => {
      format!("{}:{}", url.host_str()?, url.port_or_known_default()?)
    }
    ("location", ["hostname"]) => url.host_str()?.into(),
    ("location", ["port"]) => url.port_or_known_default()?.to_string(),
    ("location", ["path" | "pathname"]) => url.path().into(),
    ("location", ["query"]) => {
      url.query().map(|q| format!("?{}", escape.apply(q)))?
    }
    ("url_base", []) => "/".into(),
    ("GET", [name]) => escape.apply(&request.get(name)?),
    ("headers", [name]) => escape.apply(request.header(name)?),
    ("uuid()", []) => uuid::Uuid::new_v4().to_string(),
    _ => return None,
  })
}

/// The name in front of the brackets, and what is in each of them.
fn indices(field: &str) -> Option<(&str, Vec<String>)> {
  let Some(start) = field.find('[') else {
    return Some((field, Vec::new()));
  };
  let (name, brackets) = field.split_at(start);
  let inner = brackets.strip_prefix('[')?.strip_suffix(']')?;
  Some((name, inner.split("][").map(str::to_owned).collect()))
}

/// Schemes that there is no server for have a port that leads nowhere.
fn port(scheme: &str, index: usize, ports: &Ports) -> Option<u16> {
  match scheme {
    "http" | "http-private" | "http-public" => ports.http.get(index).copied(),
    "https" | "https-private" | "https-public" => {
      ports.https.get(index).copied()
    }
    "ws" | "wss" | "h2" | "webtransport-h3" => Some(9),
    _ => None,
  }
}

fn escape(text: &str) -> String {
  text
    .replace('&', "&amp;")
    .replace('<', "&lt;")
    .replace('>', "&gt;")
    .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
  use super::*;

  fn request(url: &str) -> Request {
    Request {
      method: http::Method::GET,
      url: url.parse().unwrap(),
      headers: http::HeaderMap::new(),
      body: bytes::Bytes::new(),
    }
  }

  #[test]
  fn every_known_field() {
    let ports = Ports {
      http: [1, 2],
      https: [3, 4],
    };
    let request = request("https://www.web-platform.test:3/a?q=<x>");
    let all = "{{host}} {{domains[www1]}} {{hosts[alt][]}} {{ports[https][1]}} \
               {{location[server]}} {{GET[q]}} {{unknown}} {{open";
    assert_eq!(
      substitute(all, &request, &ports, Escape::Html),
      "web-platform.test www1.web-platform.test not-web-platform.test 4 \
       https://www.web-platform.test:3 &lt;x&gt; {{unknown}} {{open"
    );
  }

  #[test]
  fn only_markup_is_escaped() {
    let ports = Ports::ANY;
    let request = request("https://web-platform.test/a?q=<x>&y");
    for (path, expected) in [("a.sub.js", "<x>"), ("a.sub.html", "&lt;x&gt;")] {
      let escape = Escape::for_file(path);
      let text = substitute("{{GET[q]}}", &request, &ports, escape);
      assert_eq!(text, expected, "{path}");
    }
  }
}
