//! Origins: same site, redirect taint, serialization.

use url::Host;
use url::Origin;
use url::Url;

/// The [redirect-taint](https://fetch.spec.whatwg.org/#concept-request-redirect-taint)
/// of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectTaint {
  SameOrigin,
  SameSite,
  CrossSite,
}

/// [Redirect-taint](https://fetch.spec.whatwg.org/#concept-request-redirect-taint):
/// whether the request has left, and come back to, its origin.
pub fn redirect_taint(origin: &Origin, url_list: &[Url]) -> RedirectTaint {
  // Step 3: every request begins without a taint.
  let mut taint = RedirectTaint::SameOrigin;
  // Steps 2 and 4: from each URL to the one it redirected to.
  for pair in url_list.windows(2) {
    let (last, url) = (pair[0].origin(), pair[1].origin());
    // Step 4.2: another site has had a say in it.
    if !same_site(&url, &last) && !same_site(origin, &last) {
      return RedirectTaint::CrossSite;
    }
    // Step 4.3: another origin of the site has.
    if url != last && *origin != last {
      taint = RedirectTaint::SameSite;
    }
    // Step 4.4: go on from here to the next URL.
  }
  // Step 5: what was found is the taint.
  taint
}

/// [Byte-serializing a request origin](https://fetch.spec.whatwg.org/#byte-serializing-a-request-origin).
pub fn serialize_request_origin(origin: &Origin, url_list: &[Url]) -> String {
  // Step 2: a tainted request hides its origin.
  if redirect_taint(origin, url_list) != RedirectTaint::SameOrigin {
    return "null".into();
  }
  // Step 3: otherwise the origin is serialized.
  origin.ascii_serialization()
}

/// [Same site](https://html.spec.whatwg.org/multipage/browsers.html#same-site).
pub fn same_site(a: &Origin, b: &Origin) -> bool {
  match (a, b) {
    (Origin::Tuple(a_scheme, a, _), Origin::Tuple(b_scheme, b, _)) => {
      a_scheme == b_scheme && schemelessly_same_site(a, b)
    }
    _ => a == b,
  }
}

/// [Schemelessly same site](https://html.spec.whatwg.org/multipage/browsers.html#schemelessly-same-site).
fn schemelessly_same_site(a: &Host, b: &Host) -> bool {
  if a == b {
    return true;
  }
  let (Host::Domain(a), Host::Domain(b)) = (a, b) else {
    return false;
  };
  match (psl::domain_str(a), psl::domain_str(b)) {
    (Some(a), Some(b)) => a == b,
    _ => false,
  }
}

/// The [site](https://html.spec.whatwg.org/multipage/browsers.html#obtain-a-site)
/// of `origin`, serialized: the key of what is kept apart for each page.
pub fn serialize_site(origin: &Origin) -> String {
  match origin {
    Origin::Tuple(scheme, Host::Domain(domain), _) => {
      let domain = psl::domain_str(domain).unwrap_or(domain);
      format!("{scheme}://{domain}")
    }
    Origin::Tuple(scheme, host, _) => format!("{scheme}://{host}"),
    Origin::Opaque(_) => "null".into(),
  }
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::url;

  fn origin(text: &str) -> Origin {
    url(text).origin()
  }

  #[test]
  fn a_site_is_scheme_and_registrable_domain() {
    let same = |a, b| same_site(&origin(a), &origin(b));
    assert!(same("https://a.example.com", "https://b.example.com:8443"));
    assert!(same("http://127.0.0.1:1", "http://127.0.0.1:2"));
    assert!(!same("https://a.example.com", "http://a.example.com"));
    assert!(!same("https://a.co.uk", "https://b.co.uk"));
    assert!(!same("http://127.0.0.1", "http://127.0.0.2"));
    assert!(!same("https://co.uk", "https://a.co.uk"));
    assert_eq!(
      serialize_site(&origin("https://a.example.co.uk:1")),
      "https://example.co.uk"
    );
  }

  #[test]
  fn a_request_that_left_its_origin_and_goes_on_is_tainted() {
    let page = origin("https://a.example.com");
    let taint = |urls: &[&str]| {
      let list: Vec<Url> = urls.iter().map(|u| url(u)).collect();
      redirect_taint(&page, &list)
    };
    let (home, sister) = ("https://a.example.com", "https://b.example.com");
    let (far, farther) = ("https://far.test", "https://farther.test");
    assert_eq!(taint(&[home, far]), RedirectTaint::SameOrigin);
    assert_eq!(taint(&[far, far]), RedirectTaint::SameOrigin);
    assert_eq!(taint(&[sister, home]), RedirectTaint::SameSite);
    assert_eq!(taint(&[home, far, farther]), RedirectTaint::CrossSite);
    assert_eq!(taint(&[home, far, home]), RedirectTaint::CrossSite);
  }

  #[test]
  fn a_tainted_origin_is_null() {
    let page = origin("https://a.test");
    let (home, far) = (url("https://a.test"), url("https://far.test"));
    let serialize = |list: &[Url]| serialize_request_origin(&page, list);
    assert_eq!(serialize(std::slice::from_ref(&far)), "https://a.test");
    assert_eq!(serialize(&[far, home]), "null");
  }
}
