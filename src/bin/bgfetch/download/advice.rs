//! What a user can do about a download that has failed.

use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::spec::BackgroundFetchFailureReason as Reason;

/// Half a message, to stand behind the reason; empty when there is nothing
/// to say.
pub fn advice(snapshot: &BackgroundFetchSnapshot) -> &'static str {
  let diagnostic = snapshot.diagnostic.as_deref().unwrap_or_default();
  match snapshot.failure_reason {
    Reason::BadStatus => for_status(status(diagnostic)),
    Reason::FetchError if is_about_tls(diagnostic) => {
      "trust the certificate with --cacert FILE if it is the right one"
    }
    Reason::FetchError => "the same command tries again",
    Reason::QuotaExceeded => "make room on the disk, then run the same command",
    _ => "",
  }
}

fn for_status(status: u16) -> &'static str {
  match status {
    401 | 403 => {
      "if it needs a password or a token, give it with --user, --netrc or \
       --header"
    }
    404 | 410 => "check the URL",
    407 => "the proxy needs a password: write it into the proxy's URL",
    408 | 425 | 429 | 500.. => "the same command tries again later",
    416 => "the server does not have this range",
    _ => "",
  }
}

/// The status in `URL answered 404 Not Found`; 0 when there is none.
fn status(diagnostic: &str) -> u16 {
  let answered = diagnostic.split(" answered ").nth(1);
  let status = answered.and_then(|text| text.split(' ').next()?.parse().ok());
  status.unwrap_or_default()
}

fn is_about_tls(diagnostic: &str) -> bool {
  let text = diagnostic.to_ascii_lowercase();
  text.contains("certificate") || text.contains("unknownissuer")
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn the_status_is_read_from_the_reason() {
    assert_eq!(status("http://a.test/x answered 404 Not Found"), 404);
    assert_eq!(status("http://a.test/x answered 599"), 599);
    assert_eq!(status("the connection broke"), 0);
  }
}
