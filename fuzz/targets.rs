//! What is fuzzed: each function takes any bytes, and panics when a rule is
//! broken. `tests/it/fuzz_replay.rs` calls them too.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use background_fetch::spec::BackgroundFetch;
use background_fetch::spec::BackgroundFetchRecord;
use background_fetch::spec::BackgroundFetchResponse;
use background_fetch::spec::CacheQueryOptions;
use background_fetch::spec::CredentialsMode;
use background_fetch::spec::Destination;
use background_fetch::spec::HeaderList;
use background_fetch::spec::Policy;
use background_fetch::spec::Representation;
use background_fetch::spec::Request;
use background_fetch::spec::Response;
use background_fetch::spec::ResponseType;
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
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::RecordBodies;
use background_fetch::store::Store;
use background_fetch::store::StoredBackgroundFetch;
use url::Url;

/// The lines of an input, each byte a character, as in a header.
fn lines(data: &[u8]) -> impl Iterator<Item = String> + Clone {
  data
    .split(|&byte| byte == b'\n')
    .map(|line| line.iter().map(|&byte| char::from(byte)).collect())
}

/// A header in each line: `name: value`.
fn headers(lines: impl Iterator<Item = String>) -> HeaderList {
  let mut list = HeaderList::new();
  for line in lines {
    if let Some((name, value)) = line.split_once(':') {
      list.append(name, value.trim_matches([' ', '\t']));
    }
  }
  list
}

fn response(status: u16, headers: HeaderList) -> Response {
  Response {
    response_type: ResponseType::Basic,
    status,
    status_message: String::new(),
    headers,
    internal_headers: None,
    decoded: false,
    url_list: Vec::new(),
  }
}

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

/// The columns of a row, by a number, and what is in them.
const COLUMNS: [&str; 26] = [
  "background_fetch.scope",
  "background_fetch.id",
  "background_fetch.environment",
  "background_fetch.title",
  "background_fetch.icons",
  "background_fetch.download_total",
  "background_fetch.upload_total",
  "background_fetch.uploaded",
  "background_fetch.result",
  "background_fetch.failure_reason",
  "background_fetch.records_available",
  "background_fetch.paused",
  "background_fetch.abort_all",
  "background_fetch.active",
  "background_fetch.event_owed",
  "background_fetch.records",
  "record.position",
  "record.request",
  "record.request_body",
  "record.response",
  "record.response_body",
  "record.bytes",
  "record.result",
  "record.diagnostic",
  "background_fetch.retained_since",
  "background_fetch.undelivered",
];

/// Columns of the stored rows, overwritten: in each line a letter for the
/// column, one for the type, and the value. An unreadable row is reported; it
/// is not a panic, and another row can still be read.
pub fn store_rows(data: &[u8]) {
  let directory = tempfile::tempdir().unwrap();
  let file = directory.path().join("facts.sqlite3");
  std::fs::copy(pristine().join("facts.sqlite3"), &file).unwrap();
  let connection = rusqlite::Connection::open(&file).unwrap();
  connection
    .execute_batch(
      "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;
       PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;",
    )
    .unwrap();
  for line in data.split(|&byte| byte == b'\n').take(8) {
    let [column, kind, value @ ..] = line else {
      continue;
    };
    let name = COLUMNS[usize::from(*column) % COLUMNS.len()];
    let (table, column) = name.split_once('.').unwrap();
    let which = match table {
      "record" => "background_fetch = 1",
      _ => "key = 1",
    };
    let sql = format!("UPDATE {table} SET {column} = ?1 WHERE {which}");
    let text = String::from_utf8_lossy(value);
    // What does not fit the column's type at all is refused, and stays.
    let _ = match kind % 4 {
      0 => connection.execute(&sql, [text.as_ref()]),
      1 => connection.execute(&sql, [value]),
      2 => connection.execute(&sql, [text.trim().parse::<i64>().unwrap_or(-1)]),
      _ => connection.execute(&sql, [rusqlite::types::Null]),
    };
  }
  connection.close().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  let rows = futures::executor::block_on(store.metadata.load()).unwrap();
  assert_eq!(rows.len(), 2);
  let healthy = rows[1].as_ref().expect("the other row can be read");
  assert_eq!(healthy.background_fetch.id, "healthy");
  if let Err(damage) = &rows[0] {
    assert!(!damage.message.is_empty());
  }
}

/// A directory with a store of two rows; the first one is going to be damaged.
fn pristine() -> &'static Path {
  static DIRECTORY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
  let (_, path) = DIRECTORY.get_or_init(|| {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_path_buf();
    let store = Store::open_directory(&path).unwrap();
    for id in ["damaged", "healthy"] {
      let row = stored(id);
      futures::executor::block_on(store.metadata.insert(row)).unwrap();
    }
    drop(store);
    (directory, path)
  });
  path
}

fn stored(id: &str) -> StoredBackgroundFetch {
  let record = BackgroundFetchRecord {
    request: Arc::new(Request::get(Url::parse("https://a.test/x").unwrap())),
    response_data: BackgroundFetchResponse::default(),
  };
  StoredBackgroundFetch {
    key: BackgroundFetchKey(0),
    scope: Url::parse("https://a.test/").unwrap(),
    environment: "{}".into(),
    background_fetch: BackgroundFetch {
      title: "a title".into(),
      ..BackgroundFetch::new(id.into(), vec![record])
    },
    bodies: vec![RecordBodies::default()],
    active: true,
    event_owed: false,
    abnormal_ends: 0,
    retained: None,
    created: 0,
  }
}
