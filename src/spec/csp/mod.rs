//! Content Security Policy, as far as it governs what is fetched here.

pub(crate) mod source;

use url::Origin;
use url::Url;

use self::source::does_url_match_source_list;
use super::request::Destination;

/// A [policy](https://w3c.github.io/webappsec-csp/#content-security-policy-object):
/// directives in order, each with its name in lower case and its value split.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
  directives: Vec<(String, Vec<String>)>,
}

impl Policy {
  /// [Parse a serialized CSP](https://w3c.github.io/webappsec-csp/#parse-serialized-policy)
  pub fn parse(serialized: &str) -> Self {
    // Step 2: a policy without directives.
    let mut policy = Self::default();
    // Step 3: directives are separated by semicolons.
    for token in serialized.split(';') {
      // Steps 3.1 and 3.6: white space separates name and values.
      let mut words = token.split_ascii_whitespace();
      // Step 3.3: the name comes first; an empty token has none.
      let Some(name) = words.next() else {
        continue;
      };
      // Step 3.2: what is not ASCII is passed over.
      if !token.is_ascii() {
        continue;
      }
      // Step 3.4: names are compared in lower case.
      let name = name.to_ascii_lowercase();
      // Step 3.5: the first directive of a name counts.
      if policy.directive(&name).is_some() {
        continue;
      }
      // Steps 3.7 and 3.8: the rest are its values.
      let value = words.map(String::from).collect();
      policy.directives.push((name, value));
    }
    // Step 4: hand the policy to the caller.
    policy
  }

  fn directive(&self, name: &str) -> Option<&[String]> {
    let found = self.directives.iter().find(|(n, _)| n == name);
    found.map(|(_, value)| value.as_slice())
  }
}

/// [Parse a serialized CSP list](https://w3c.github.io/webappsec-csp/#parse-serialized-policy-list)
/// for every value of the header.
pub fn parse_csp_list(values: &[String]) -> Vec<Policy> {
  values
    .iter()
    .flat_map(|value| value.split(','))
    .map(Policy::parse)
    .filter(|policy| !policy.directives.is_empty())
    .collect()
}

/// [Should request be blocked by Content Security Policy?](https://w3c.github.io/webappsec-csp/#should-block-request)
///
/// `client` is the URL of the page or worker, whose origin is `'self'`. Returns
/// the directive that blocks.
pub fn should_be_blocked_by_csp(
  policies: &[Policy],
  client: &Url,
  destination: Destination,
  url: &Url,
  redirect_count: u32,
) -> Option<&'static str> {
  let self_origin: Origin = client.origin();
  policies.iter().find_map(|policy| {
    let (name, source_list) = directive_fallback_list(destination)
      .iter()
      .find_map(|name| Some((*name, policy.directive(name)?)))?;
    let matches = does_url_match_source_list(
      url,
      source_list,
      &self_origin,
      redirect_count,
    );
    (!matches).then_some(name)
  })
}

/// [Get fetch directive fallback list](https://w3c.github.io/webappsec-csp/#directive-fallback-list)
/// for the [effective directive](https://w3c.github.io/webappsec-csp/#effective-directive-for-a-request)
/// of a request.
fn directive_fallback_list(
  destination: Destination,
) -> &'static [&'static str] {
  match destination {
    Destination::Empty => &["connect-src", "default-src"],
    Destination::Script => &["script-src-elem", "script-src", "default-src"],
    Destination::ServiceWorker => {
      &["worker-src", "child-src", "script-src", "default-src"]
    }
  }
}

/// Whether a policy has
/// [`upgrade-insecure-requests`](https://w3c.github.io/webappsec-upgrade-insecure-requests/#lease).
pub fn upgrades_insecure_requests(policies: &[Policy]) -> bool {
  let name = "upgrade-insecure-requests";
  policies.iter().any(|p| p.directive(name).is_some())
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::url;

  fn blocked(csp: &[&str], text: &str) -> Option<&'static str> {
    blocked_for(Destination::Empty, csp, text)
  }

  fn blocked_for(
    destination: Destination,
    csp: &[&str],
    text: &str,
  ) -> Option<&'static str> {
    let values: Vec<String> = csp.iter().map(|s| s.to_string()).collect();
    let policies = parse_csp_list(&values);
    let page = url("https://page.test/dir/");
    should_be_blocked_by_csp(&policies, &page, destination, &url(text), 0)
  }

  #[test]
  fn connect_src_governs() {
    let none = "connect-src 'none'";
    assert_eq!(blocked(&[none], "https://b.test"), Some("connect-src"));
    assert_eq!(blocked(&[], "https://b.test"), None);
    assert_eq!(blocked(&["img-src 'none'"], "https://b.test"), None);
  }

  #[test]
  fn default_src_stands_in_for_it_only_where_it_is_missing() {
    let url = "https://b.test";
    assert_eq!(blocked(&["default-src 'self'"], url), Some("default-src"));
    let both = "default-src 'none'; connect-src b.test";
    assert_eq!(blocked(&[both], url), None);
  }

  #[test]
  fn a_service_worker_is_governed_by_the_first_directive_that_is_there() {
    let by = |csp: &str| {
      let url = "https://page.test/sw.js";
      blocked_for(Destination::ServiceWorker, &[csp], url)
    };
    let mut csp = String::new();
    for name in ["default-src", "script-src", "child-src", "worker-src"] {
      csp = format!("{csp}; {name} 'none'");
      assert_eq!(by(&csp), Some(name));
      assert_eq!(
        by(&csp.replace(&format!("{name} 'none'"), name)),
        Some(name)
      );
      let allowed =
        csp.replace(&format!("{name} 'none'"), &format!("{name} 'self'"));
      assert_eq!(by(&allowed), None, "{allowed}");
    }
    assert_eq!(by("connect-src 'none'; script-src-elem 'none'"), None);
  }

  #[test]
  fn an_imported_script_is_a_script() {
    let by = |csp: &str| {
      blocked_for(Destination::Script, &[csp], "https://page.test/lib.js")
    };
    let csp = "default-src 'none'";
    assert_eq!(by(csp), Some("default-src"));
    let csp = format!("{csp}; script-src 'self'");
    assert_eq!(by(&csp), None);
    let csp = format!("{csp}; script-src-elem 'none'");
    assert_eq!(by(&csp), Some("script-src-elem"));
    assert_eq!(by("worker-src 'none'; connect-src 'none'"), None);
  }

  #[test]
  fn every_policy_has_to_allow() {
    let url = "https://b.test";
    let (allow, deny) = ("connect-src *", "connect-src 'self'");
    assert!(blocked(&[allow, deny], url).is_some());
    assert!(blocked(&["connect-src *, connect-src 'self'"], url).is_some());
    assert!(blocked(&[allow, allow], url).is_none());
    let joined = "connect-src 'self', default-src b.test";
    assert!(blocked(&[joined], url).is_some());
  }

  #[test]
  fn the_first_of_two_like_directives_counts_and_names_ignore_case() {
    let csp = " ;;CONNECT-src\tb.test ; connect-src 'none'";
    assert_eq!(blocked(&[csp], "https://b.test"), None);
  }

  #[test]
  fn a_directive_that_is_not_ascii_is_ignored() {
    assert_eq!(
      blocked(&["connect-src \u{fc}.test"], "https://b.test"),
      None
    );
  }

  #[test]
  fn upgrading_is_found() {
    let policies = parse_csp_list(&["Upgrade-Insecure-Requests".into()]);
    assert!(upgrades_insecure_requests(&policies));
    assert!(!upgrades_insecure_requests(&parse_csp_list(
      &["a b".into()]
    )));
  }
}
