//! Where requests go, and how that is named in messages.

use url::Url;

/// Where a request goes.
#[derive(Clone, Debug)]
pub(super) struct Route {
  pub url: Url,
  pub proxy: Option<Url>,
}

impl Route {
  /// Who is at the other end of the connection, human-readable.
  pub(crate) fn peer(&self) -> String {
    match &self.proxy {
      // A request for an `https:` URL has a tunnel through the proxy.
      Some(proxy) if self.url.scheme() == "http" => {
        format!("the proxy {}", authority(proxy))
      }
      _ => authority(&self.url),
    }
  }
}

/// The message for a 407 of the proxy at `place`.
pub(super) fn proxy_authentication_required(authority: &str) -> String {
  format!(
    "the proxy {authority} wants a user name and a password (407): write them \
     into its URL, as in http://user:password@host:port"
  )
}

/// What of a URL may be kept and shown: the query, the fragment and the
/// credentials of a URL are often a key to what it names.
pub(crate) fn without_secrets(url: &Url) -> String {
  let mut url = url.clone();
  url.set_query(None);
  url.set_fragment(None);
  // A URL that cannot have credentials has none.
  let _ = url.set_username("");
  let _ = url.set_password(None);
  url.into()
}

/// The beginning of what a peer has said, enough to recognise it: a reason is
/// stored, and has its place on one line.
pub(crate) fn excerpt(text: &str) -> String {
  match text.char_indices().nth(MAX_EXCERPT) {
    Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    None => text.to_string(),
  }
}

/// In characters.
const MAX_EXCERPT: usize = 200;

/// Host and port, human-readable.
pub(super) fn authority(url: &Url) -> String {
  let host = url.host_str().unwrap_or_default();
  match url.port_or_known_default() {
    Some(port) => format!("{host}:{port}"),
    None => host.to_string(),
  }
}
