//! Source expressions of Content Security Policy, and which URLs they match.

use url::Host;
use url::Origin;
use url::Url;

use crate::spec::schemes::is_http_scheme;

/// [Does url match source list in origin with redirect count?](https://w3c.github.io/webappsec-csp/#match-url-to-source-list)
pub(crate) fn does_url_match_source_list(
  url: &Url,
  source_list: &[String],
  origin: &Origin,
  redirect_count: u32,
) -> bool {
  // 2 and 3 follow from 4: `'none'` is no expression that matches.
  // Steps 4 and 5: one expression that matches is enough.
  source_list.iter().any(|expression| {
    does_url_match_expression(url, expression, origin, redirect_count)
  })
}

/// [Does url match expression in origin with redirect count?](https://w3c.github.io/webappsec-csp/#match-url-to-source-expression)
fn does_url_match_expression(
  url: &Url,
  expression: &str,
  origin: &Origin,
  redirect_count: u32,
) -> bool {
  // Step 1: `*` matches network schemes, and the own one.
  if expression == "*" {
    return is_http_scheme(url) || origin_scheme(origin) == Some(url.scheme());
  }
  // Step 4: `'self'` is the origin of the page.
  if expression.eq_ignore_ascii_case("'self'") {
    return is_self(url, origin);
  }
  // Step 2.2: a scheme alone matches by the scheme.
  if let Some(scheme) = expression.strip_suffix(':')
    && is_scheme(scheme)
  {
    return scheme_part_matches(scheme, url.scheme());
  }
  // Step 5: what is not a host source matches nothing.
  let Some(source) = HostSource::parse(expression) else {
    return false;
  };
  // Steps 2.1 and 3.2: without a scheme, the one of the page counts.
  let scheme = match source.scheme {
    Some(scheme) => scheme,
    None => match origin_scheme(origin) {
      Some(scheme) => scheme,
      None => return false,
    },
  };
  scheme_part_matches(scheme, url.scheme())
    // Steps 3.1 and 3.3: the hosts have to match.
    && url.host().is_some_and(|h| host_part_matches(source.host, &h))
    // Steps 3.4 and 3.5: the ports have to match.
    && port_part_matches(source.port, url)
    // Step 3.6: After a redirect a path would tell the page where it led.
    && (redirect_count > 0 || path_part_matches(source.path, url.path()))
}

/// The algorithm above, step 4.
fn is_self(url: &Url, origin: &Origin) -> bool {
  // Step 4.1: the same origin matches.
  if *origin == url.origin() {
    return true;
  }
  // Step 4.2: so does the same host on a port that is alike.
  let (Origin::Tuple(scheme, host, port), Origin::Tuple(_, url_host, url_port)) =
    (origin, url.origin())
  else {
    return false;
  };
  let default_ports = Some(*port) == default_port(scheme)
    && Some(url_port) == default_port(url.scheme());
  *host == url_host
    && (*port == url_port || default_ports)
    // Step 4.2.1: when its scheme is a secure one,
    && (matches!(url.scheme(), "https" | "wss")
      // Step 4.2.2: or the page was not secure either.
      || (scheme == "http" && matches!(url.scheme(), "http" | "ws")))
}

/// A `host-source`.
struct HostSource<'a> {
  scheme: Option<&'a str>,
  host: &'a str,
  port: Option<&'a str>,
  path: &'a str,
}

impl<'a> HostSource<'a> {
  fn parse(expression: &'a str) -> Option<Self> {
    let (scheme, rest) = match expression.split_once("://") {
      Some((scheme, rest)) => (Some(scheme), rest),
      None => (None, expression),
    };
    let (authority, path) = match rest.find('/') {
      Some(slash) => rest.split_at(slash),
      None => (rest, ""),
    };
    let (host, port) = match authority.split_once(':') {
      Some((host, port)) => (host, Some(port)),
      None => (authority, None),
    };
    let labels = host.strip_prefix("*.").unwrap_or(host);
    let labels = labels.strip_suffix('.').unwrap_or(labels);
    let is_host = host == "*"
      || labels.split('.').all(|label| {
        let is_host_char = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !label.is_empty() && label.bytes().all(is_host_char)
      });
    let is_port = |port: &str| {
      port == "*"
        || (!port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
    };
    let valid = is_host && port.is_none_or(is_port);
    let valid = valid && scheme.is_none_or(is_scheme);
    let valid = valid && !path.contains(['?', '#']);
    valid.then_some(Self {
      scheme,
      host,
      port,
      path,
    })
  }
}

fn is_scheme(text: &str) -> bool {
  let scheme_char = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
  text.starts_with(|c: char| c.is_ascii_alphabetic())
    && text.bytes().all(scheme_char)
}

/// [`scheme-part` matches](https://w3c.github.io/webappsec-csp/#match-schemes)
fn scheme_part_matches(a: &str, b: &str) -> bool {
  // Step 1.1: the same scheme matches.
  a.eq_ignore_ascii_case(b)
    // Step 1.2: so does the secure one of `http`,
    || (a.eq_ignore_ascii_case("http") && b == "https")
    // Step 1.3: every scheme that `ws` may be upgraded to,
    || (a.eq_ignore_ascii_case("ws") && matches!(b, "wss" | "http" | "https"))
    // Step 1.4: and what carries a secure WebSocket.
    || (a.eq_ignore_ascii_case("wss") && b == "https")
}

/// [`host-part` matches](https://w3c.github.io/webappsec-csp/#match-hosts)
fn host_part_matches(pattern: &str, host: &Host<&str>) -> bool {
  let Host::Domain(host) = host else {
    // Step 1: But for the one address that may be named, and for `*`, where no
    // browser follows the text, or a page on an address could allow nothing.
    return match host {
      Host::Ipv4(address) => pattern == "*" || address.to_string() == pattern,
      _ => pattern == "*",
    };
  };
  // Step 2: `*` is every host.
  if pattern == "*" {
    return true;
  }
  // Step 3: a wildcard matches by what follows it.
  if let Some(remaining) = pattern.strip_prefix('*') {
    return host.ends_with(&remaining.to_ascii_lowercase());
  }
  // Steps 4 and 5: otherwise the whole host, in any case.
  pattern.eq_ignore_ascii_case(host)
}

/// [`port-part` matches](https://w3c.github.io/webappsec-csp/#match-ports)
fn port_part_matches(input: Option<&str>, url: &Url) -> bool {
  // Steps 2 and 3: `*` is every port; others are numbers.
  let normalized_input = match input {
    Some("*") => return true,
    Some(digits) => match digits.parse::<u16>() {
      Ok(port) => Some(port),
      Err(_) => return false,
    },
    None => None,
  };
  // Step 4: the same port matches.
  normalized_input == url.port()
    // Steps 5 and 6: so does the default port of the scheme.
    || (url.port().is_none()
      && normalized_input == default_port(url.scheme()))
}

/// [`path-part` matches](https://w3c.github.io/webappsec-csp/#match-paths)
fn path_part_matches(path_a: &str, path_b: &str) -> bool {
  // Step 1: without a path every path matches.
  if path_a.is_empty() {
    return true;
  }
  // Step 2: An HTTP(S) URL has a path.
  // Step 3: a path that ends in a slash matches what is below it.
  let exact_match = !path_a.ends_with('/');
  // Step 4: paths are compared piece by piece.
  let mut list_a: Vec<&str> = path_a.split('/').collect();
  let list_b: Vec<&str> = path_b.split('/').collect();
  // Steps 5 and 6: the pieces have to be as many, or more below.
  if list_a.len() > list_b.len()
    || (exact_match && list_a.len() != list_b.len())
  {
    return false;
  }
  // Step 7: what follows the last slash is left out.
  if !exact_match {
    list_a.pop();
  }
  // Steps 8 and 9: each piece has to be the same once decoded.
  let mut pieces = list_a.iter().zip(&list_b);
  pieces.all(|(a, b)| percent_decode(a) == percent_decode(b))
}

fn percent_decode(text: &str) -> Vec<u8> {
  let bytes = text.as_bytes();
  let hex = |i: usize| {
    let digit = bytes.get(i).copied().map(char::from)?.to_digit(16)?;
    u8::try_from(digit).ok()
  };
  let mut decoded = Vec::with_capacity(bytes.len());
  let mut i = 0;
  while i < bytes.len() {
    match (bytes[i], hex(i + 1), hex(i + 2)) {
      (b'%', Some(high), Some(low)) => {
        decoded.push(high << 4 | low);
        i += 3;
      }
      (byte, ..) => {
        decoded.push(byte);
        i += 1;
      }
    }
  }
  decoded
}

fn origin_scheme(origin: &Origin) -> Option<&str> {
  match origin {
    Origin::Tuple(scheme, ..) => Some(scheme),
    Origin::Opaque(_) => None,
  }
}

fn default_port(scheme: &str) -> Option<u16> {
  match scheme {
    "http" | "ws" => Some(80),
    "https" | "wss" => Some(443),
    _ => None,
  }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
