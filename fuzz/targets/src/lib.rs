//! What is fuzzed: each function takes any bytes, and panics when a rule is
//! broken. [`TARGETS`] names them all; `tests/replay.rs` and the fuzzers run
//! them.

mod answers;
mod bodies;
mod control;
mod files;
mod input;
mod page_headers;
mod peer;
mod rules;
mod store_rows;

/// Parsers of the command line, which is a program and not a library.
#[allow(dead_code, unreachable_pub)]
#[path = "../../../src/bin/bgfetch/download/content_disposition.rs"]
mod content_disposition;
#[allow(dead_code, unreachable_pub)]
#[path = "../../../src/bin/bgfetch/download/cookies.rs"]
mod cookies;
#[allow(dead_code, unreachable_pub)]
#[path = "../../../src/bin/bgfetch/download/digest.rs"]
mod digest;
#[allow(dead_code, unreachable_pub)]
#[path = "../../../src/bin/bgfetch/file_names.rs"]
mod file_names;
#[allow(dead_code, unreachable_pub)]
#[path = "../../../src/bin/bgfetch/download/list_file.rs"]
mod list_file;
#[allow(dead_code, unreachable_pub)]
#[path = "../../../src/bin/bgfetch/download/metalink.rs"]
mod metalink;

// Where the parsers look for it.
use self::digest::Checksum;

/// What takes an input.
pub type Target = fn(&[u8]);

/// Every target: its name, which is the name of its corpus, and how many
/// mutations of the corpus the replay tries.
pub const TARGETS: &[(&str, Target, usize)] = &[
  ("content_range", rules::content_range, 10_000),
  ("cors", rules::cors, 5_000),
  ("csp", rules::csp, 5_000),
  ("matching", rules::matching, 3_000),
  ("store_rows", store_rows::store_rows, 100),
  ("store_bodies", bodies::store_bodies, 50),
  ("http1_answer", answers::http1_answer, 1_000),
  ("http2_answer", answers::http2_answer, 300),
  ("control", control::control, 1_000),
  (
    "content_disposition",
    page_headers::content_disposition,
    10_000,
  ),
  ("retry_after", page_headers::retry_after, 10_000),
  ("digests", page_headers::digests, 10_000),
  ("netrc", files::netrc, 5_000),
  ("cookie_file", files::cookie_file, 5_000),
  ("metalink", files::metalink, 3_000),
  ("url_list", files::url_list, 5_000),
];

/// Runs a target on an input.
///
/// # Panics
///
/// When a rule is broken, or when there is no such target.
pub fn run(name: &str, input: &[u8]) {
  let found = TARGETS.iter().find(|(target, _, _)| *target == name);
  let (_, target, _) = found.unwrap_or_else(|| panic!("no target is {name}"));
  target(input);
}
