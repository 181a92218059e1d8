//! The rules of Fetch, CORS, Content Security Policy and caches.

use background_fetch::spec::CacheQueryOptions;
use background_fetch::spec::CredentialsMode;
use background_fetch::spec::Destination;
use background_fetch::spec::HeaderList;
use background_fetch::spec::Policy;
use background_fetch::spec::Representation;
use background_fetch::spec::Request;
use background_fetch::spec::ResumePolicy;
use background_fetch::spec::cors_check;
use background_fetch::spec::cors_filtered_headers;
use background_fetch::spec::extract_content_range_values;
use background_fetch::spec::extract_token_list;
use background_fetch::spec::is_forbidden_response_header_name;
use background_fetch::spec::needs_preflight;
use background_fetch::spec::parse_csp_list;
use background_fetch::spec::preflight_headers;
use background_fetch::spec::request_matches_cached_item;
use background_fetch::spec::should_be_blocked_by_csp;
use background_fetch::spec::upgrades_insecure_requests;
use background_fetch::spec::validate_partial_response;
use background_fetch::spec::validate_preflight_response;
use url::Url;

use crate::input::headers;
use crate::input::lines;
use crate::input::response;

/// The `Content-Range` of a part, and that of the part before it.
pub fn content_range(data: &[u8]) {
  let mut lines = lines(data);
  let mut part = |status| {
    let mut list = HeaderList::new();
    list.append("Content-Range", lines.next().unwrap_or_default());
    list.append("ETag", "\"1\"");
    response(status, list)
  };
  let (now, before) = (part(206), part(206));
  let is_valid = |start, before: Option<&Representation>| {
    let before = before.map(|before| (before, ResumePolicy::Validator));
    validate_partial_response(start, &now, before).is_ok()
  };
  let Some(range) = extract_content_range_values(&now) else {
    assert!(!is_valid(0, None));
    return;
  };
  let first = range.first_byte_pos;
  assert!(range.last_byte_pos >= first && range.body_length() > 0);
  assert!(
    range
      .complete_length
      .is_none_or(|l| l > range.last_byte_pos)
  );
  assert!(is_valid(first, None));
  assert!(!is_valid(first ^ 1, None));
  let before = Representation::of(&before);
  let lengths = before.complete_length().zip(range.complete_length);
  let is_same = lengths.is_none_or(|(before, now)| before == now);
  assert_eq!(is_valid(first, Some(&before)), is_same);
}

/// A request's method and headers, an empty line, and a response's headers.
pub fn cors(data: &[u8]) {
  let mut lines = lines(data);
  let method = lines.next().unwrap_or_default();
  let asked = headers(lines.by_ref().take_while(|line| !line.is_empty()));
  let told = headers(lines);
  for mode in [
    CredentialsMode::Omit,
    CredentialsMode::SameOrigin,
    CredentialsMode::Include,
  ] {
    let origin = "https://a.test";
    if cors_check(origin, mode, &told).is_ok() {
      let allowed = told.get("access-control-allow-origin").unwrap();
      let star = allowed == "*" && mode != CredentialsMode::Include;
      assert!(star || allowed == origin);
    }
    let seen = cors_filtered_headers(&told, mode);
    assert!(seen.iter().all(|h| told.iter().any(|other| h == other)));
    let hidden = |name| is_forbidden_response_header_name(name);
    assert!(!seen.iter().any(|(name, _)| hidden(name)));
    let preflight = preflight_headers(&method, &asked);
    assert!(preflight.contains("access-control-request-method"));
    if let Ok(grant) = validate_preflight_response(&method, &asked, mode, &told)
    {
      assert!(grant.max_age <= 7200);
    } else {
      // What needs no permission cannot be refused for the want of one,
      // unless the answer cannot be read.
      let lists = [
        "access-control-allow-methods",
        "access-control-allow-headers",
      ];
      let readable = lists
        .iter()
        .all(|name| !matches!(extract_token_list(name, &told), Some(Err(_))));
      let authorized = asked.contains("authorization");
      assert!(needs_preflight(&method, &asked) || !readable || authorized);
    }
  }
}

/// The page's URL, the URL that it fetches, and a policy in each line.
pub fn csp(data: &[u8]) {
  let mut lines = lines(data);
  let mut url = |default| {
    let line = lines.next().unwrap_or_default();
    Url::parse(&line).unwrap_or_else(|_| Url::parse(default).unwrap())
  };
  let (page, to) = (url("https://a.test/"), url("https://b.test/"));
  let values: Vec<String> = lines.collect();
  let policies = parse_csp_list(&values);
  let _ = upgrades_insecure_requests(&policies);
  for destination in DESTINATIONS {
    let blocked = |policies: &[Policy], redirects| {
      should_be_blocked_by_csp(policies, &page, destination, &to, redirects)
        .is_some()
    };
    for redirects in [0, 1] {
      // Each policy blocks by itself, and more of them allow nothing.
      let mut alone = policies.iter().map(std::slice::from_ref);
      let by_one = alone.any(|policy| blocked(policy, redirects));
      assert_eq!(blocked(&policies, redirects), by_one);
    }
    // After a redirect a source's path does not count.
    if !blocked(&policies, 0) {
      assert!(!blocked(&policies, 1));
    }
  }
}

const DESTINATIONS: [Destination; 3] = [
  Destination::Empty,
  Destination::Script,
  Destination::ServiceWorker,
];

/// Two URLs, the response's `Vary`, and headers of both requests.
pub fn matching(data: &[u8]) {
  let mut lines = lines(data);
  let mut next = || lines.next().unwrap_or_default();
  let request = |line: &str| {
    let url = Url::parse(line);
    Request::get(url.unwrap_or_else(|_| Url::parse("https://a.test/").unwrap()))
  };
  let (mut query, mut cached) = (request(&next()), request(&next()));
  let mut vary = HeaderList::new();
  vary.append("vary", next());
  query.headers = headers(lines.by_ref().take_while(|line| !line.is_empty()));
  cached.headers = headers(lines);
  let response = response(200, vary);
  let matches = |ignore: u8| {
    let options = CacheQueryOptions {
      ignore_search: ignore & 1 != 0,
      ignore_method: ignore & 2 != 0,
      ignore_vary: ignore & 4 != 0,
    };
    request_matches_cached_item(&query, &cached, Some(&response), options)
  };
  for ignore in 0..8 {
    // What is ignored as well never makes a match a mismatch.
    for more in 0..8 {
      assert!(!matches(ignore) || matches(ignore | more));
    }
  }
  // A star varies by everything, and by what is not a header.
  let mut names = response.headers.values("vary").flat_map(|v| v.split(','));
  let star = names.any(|name| name.trim_matches([' ', '\t']) == "*");
  assert!(!star || !(0..4).any(matches));
  let own = CacheQueryOptions::default();
  assert!(request_matches_cached_item(&cached, &cached, None, own));
}
