//! The referrer of a request, by policy.

use std::str::FromStr;

use url::Url;

use super::headers::HeaderList;
use super::schemes::is_potentially_trustworthy_url;

/// [Referrer policy](https://w3c.github.io/webappsec-referrer-policy/#referrer-policies)
/// other than the empty string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferrerPolicy {
  /// Never anything.
  NoReferrer,
  /// The URL, but nothing from a secure page to an insecure one.
  NoReferrerWhenDowngrade,
  /// The URL, to the own origin only.
  SameOrigin,
  /// The origin.
  Origin,
  /// The origin, but nothing from a secure page to an insecure one.
  StrictOrigin,
  /// The URL to the own origin, and the origin to others.
  OriginWhenCrossOrigin,
  /// The same, but nothing from a secure page to an insecure one. [The default](https://w3c.github.io/webappsec-referrer-policy/#default-referrer-policy).
  #[default]
  StrictOriginWhenCrossOrigin,
  /// The URL, wherever the request goes.
  UnsafeUrl,
}

impl ReferrerPolicy {
  const ALL: [Self; 8] = [
    Self::NoReferrer,
    Self::NoReferrerWhenDowngrade,
    Self::SameOrigin,
    Self::Origin,
    Self::StrictOrigin,
    Self::OriginWhenCrossOrigin,
    Self::StrictOriginWhenCrossOrigin,
    Self::UnsafeUrl,
  ];

  /// What the specification calls it.
  pub fn as_str(self) -> &'static str {
    match self {
      Self::NoReferrer => "no-referrer",
      Self::NoReferrerWhenDowngrade => "no-referrer-when-downgrade",
      Self::SameOrigin => "same-origin",
      Self::Origin => "origin",
      Self::StrictOrigin => "strict-origin",
      Self::OriginWhenCrossOrigin => "origin-when-cross-origin",
      Self::StrictOriginWhenCrossOrigin => "strict-origin-when-cross-origin",
      Self::UnsafeUrl => "unsafe-url",
    }
  }
}

/// The text is none of the specification's policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no referrer policy")]
pub struct UnknownReferrerPolicy;

impl FromStr for ReferrerPolicy {
  type Err = UnknownReferrerPolicy;

  fn from_str(text: &str) -> Result<Self, UnknownReferrerPolicy> {
    let mut all = Self::ALL.into_iter();
    all
      .find(|policy| policy.as_str().eq_ignore_ascii_case(text))
      .ok_or(UnknownReferrerPolicy)
  }
}

/// [Parse a referrer policy from a `Referrer-Policy` header](https://w3c.github.io/webappsec-referrer-policy/#parse-referrer-policy-from-header).
/// `None` is the specification's empty string.
pub fn parse_referrer_policy(headers: &HeaderList) -> Option<ReferrerPolicy> {
  // Steps 1 to 3: The last one that is known wins.
  headers
    .values("referrer-policy")
    .flat_map(|value| value.split(','))
    .filter_map(|token| token.trim_matches([' ', '\t']).parse().ok())
    .last()
}

/// [Determine request's referrer](https://w3c.github.io/webappsec-referrer-policy/#determine-requests-referrer):
/// what to send to `current_url`, or `None` for no referrer.
pub fn determine_requests_referrer(
  policy: ReferrerPolicy,
  referrer_source: &Url,
  current_url: &Url,
) -> Option<Url> {
  // Step 4: the referrer without what is never sent.
  let mut referrer_url = strip_url(referrer_source, false)?;
  // Step 5: its origin, which may be all that is sent.
  let referrer_origin = strip_url(referrer_source, true)?;
  // Step 6: a URL that is too long becomes its origin.
  if referrer_url.as_str().len() > 4096 {
    referrer_url = referrer_origin.clone();
  }
  // Step 8: the policy chooses what is sent, if anything.
  let same_origin = referrer_url.origin() == current_url.origin();
  let downgrade = is_potentially_trustworthy_url(&referrer_url)
    && !is_potentially_trustworthy_url(current_url);
  match policy {
    ReferrerPolicy::NoReferrer => None,
    ReferrerPolicy::Origin => Some(referrer_origin),
    ReferrerPolicy::UnsafeUrl => Some(referrer_url),
    ReferrerPolicy::StrictOrigin => (!downgrade).then_some(referrer_origin),
    ReferrerPolicy::StrictOriginWhenCrossOrigin if same_origin => {
      Some(referrer_url)
    }
    ReferrerPolicy::StrictOriginWhenCrossOrigin => {
      (!downgrade).then_some(referrer_origin)
    }
    ReferrerPolicy::SameOrigin => same_origin.then_some(referrer_url),
    ReferrerPolicy::OriginWhenCrossOrigin if same_origin => Some(referrer_url),
    ReferrerPolicy::OriginWhenCrossOrigin => Some(referrer_origin),
    ReferrerPolicy::NoReferrerWhenDowngrade => {
      (!downgrade).then_some(referrer_url)
    }
  }
}

/// [Strip url for use as a referrer](https://w3c.github.io/webappsec-referrer-policy/#strip-url)
fn strip_url(url: &Url, origin_only: bool) -> Option<Url> {
  // Step 2: A local scheme; and what has no host cannot lose its credentials.
  if matches!(url.scheme(), "about" | "blob" | "data") {
    return None;
  }
  let mut url = url.clone();
  // Steps 3 and 4: no user name and no password.
  url.set_username("").ok()?;
  url.set_password(None).ok()?;
  // Step 5: no fragment either.
  url.set_fragment(None);
  // Step 6: an origin has no path and no query.
  if origin_only {
    url.set_path("");
    url.set_query(None);
  }
  // Step 7: the rest may be sent.
  Some(url)
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::headers;
  use crate::spec::test_support::url;

  const SAME: &str = "https://page.test/x";
  const CROSS: &str = "https://other.test/x";
  const DOWNGRADE: &str = "http://other.test/x";

  fn sent(policy: &str, to: &str) -> String {
    let page = url("https://user:secret@page.test/dir/?q#fragment");
    let policy = policy.parse().unwrap();
    let sent = determine_requests_referrer(policy, &page, &url(to));
    sent.map(String::from).unwrap_or_default()
  }

  #[test]
  fn each_policy_sends_what_it_says() {
    let full = "https://page.test/dir/?q";
    let origin = "https://page.test/";
    for (policy, same, cross, downgrade) in [
      ("no-referrer", "", "", ""),
      ("no-referrer-when-downgrade", full, full, ""),
      ("same-origin", full, "", ""),
      ("origin", origin, origin, origin),
      ("strict-origin", origin, origin, ""),
      ("origin-when-cross-origin", full, origin, origin),
      ("strict-origin-when-cross-origin", full, origin, ""),
      ("unsafe-url", full, full, full),
    ] {
      assert_eq!(sent(policy, SAME), same, "{policy}");
      assert_eq!(sent(policy, CROSS), cross, "{policy}");
      assert_eq!(sent(policy, DOWNGRADE), downgrade, "{policy}");
    }
  }

  #[test]
  fn a_long_referrer_is_cut_to_its_origin() {
    let long = url(&format!("https://page.test/{}", "a".repeat(4096)));
    let policy = ReferrerPolicy::UnsafeUrl;
    let sent = determine_requests_referrer(policy, &long, &url(CROSS));
    assert_eq!(sent, Some(url("https://page.test/")));
  }

  #[test]
  fn a_local_url_is_no_referrer() {
    let policy = ReferrerPolicy::UnsafeUrl;
    let blank = url("about:blank");
    assert_eq!(determine_requests_referrer(policy, &blank, &blank), None);
  }

  #[test]
  fn the_last_known_policy_of_the_header_counts() {
    let parse = |list: &[_]| parse_referrer_policy(&headers(list));
    let name = "Referrer-Policy";
    assert_eq!(
      parse(&[(name, "origin, NO-referrer , future")]),
      Some(ReferrerPolicy::NoReferrer)
    );
    let two = [(name, "no-referrer"), (name, "unsafe-url")];
    assert_eq!(parse(&two), Some(ReferrerPolicy::UnsafeUrl));
    assert_eq!(parse(&[(name, "future")]), None);
  }
}
