//! [Cross-Origin-Resource-Policy](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header)

use url::Origin;
use url::Url;

use crate::spec::headers::HeaderList;
use crate::spec::origin::same_site;

/// [Cross-origin resource policy check](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-check)
/// of a response to a page of `origin` whose embedder policy is
/// "unsafe-none". The error is the policy that blocks it.
pub fn cross_origin_resource_policy_check(
  origin: &Origin,
  url: &Url,
  headers: &HeaderList,
) -> Result<(), String> {
  // https://fetch.spec.whatwg.org/#cross-origin-resource-policy-internal-check
  // Steps 3 and 4: What is several values, or unknown, is not a policy.
  let policy = headers.get("cross-origin-resource-policy");
  let blocked = match policy.as_deref() {
    // Step 6, "same-origin": another origin is blocked.
    Some("same-origin") => url.origin() != *origin,
    // Step 6, "same-site": another site is blocked, and a downgrade.
    Some("same-site") => {
      let is_downgrade = url.scheme() == "https"
        && matches!(origin, Origin::Tuple(scheme, ..) if scheme != "https");
      !same_site(&url.origin(), origin) || is_downgrade
    }
    _ => false,
  };
  match policy {
    Some(policy) if blocked => Err(policy),
    _ => Ok(()),
  }
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::headers;
  use crate::spec::test_support::url;

  fn blocks(page: &str, resource: &str, policy: &str) -> bool {
    let headers = headers(&[("Cross-Origin-Resource-Policy", policy)]);
    let origin = url(page).origin();
    cross_origin_resource_policy_check(&origin, &url(resource), &headers)
      .is_err()
  }

  #[test]
  fn a_policy_keeps_a_resource_for_its_origin_or_its_site() {
    let (page, other) = ("https://a.x.test/", "https://b.x.test/");
    assert!(blocks(page, other, "same-origin"));
    assert!(!blocks(page, page, "same-origin"));
    assert!(!blocks(page, other, "same-site"));
    assert!(blocks(page, "https://y.test/", "same-site"));
    assert!(blocks("http://a.x.test/", other, "same-site"));
    for policy in ["cross-origin", "", "same-origin, same-site", "other"] {
      assert!(!blocks(page, "https://y.test/", policy), "{policy}");
    }
  }
}
