//! What scripts that were written for a browser find on their global object
//! beside Background Fetch: as an extension of `deno_core`.
//!
//! Everything is loaded when a script first asks for it.

mod body;
mod caches;
mod error;
mod fetch;
mod fetch_event;

use self::body::*;
use self::caches::*;
use self::fetch::*;
use self::fetch_event::*;

pub(crate) use self::fetch_event::JsFetchEvent;

/// In the state of a realm that has this extension.
pub(crate) struct Installed;

deno_core::extension!(
  background_fetch_browser,
  deps = [deno_webidl, deno_web, deno_fetch, background_fetch],
  ops = [
    op_body_of_bytes,
    op_cache_delete,
    op_cache_delete_cache,
    op_cache_find,
    op_cache_has,
    op_cache_keys,
    op_cache_match,
    op_cache_match_all,
    op_cache_may_add,
    op_cache_may_put,
    op_cache_names,
    op_cache_open,
    op_cache_put,
    op_fetch_body_wanted,
    op_fetch_event_no_response,
    op_fetch_event_respond,
    op_fetch_may_connect,
    op_fetch_response,
    op_fetch_send_body,
    op_fetch_start,
  ],
  esm_entry_point = "ext:background_fetch_browser/start_browser.js",
  esm = [dir "js/browser", "start_browser.js"],
  lazy_loaded_js = [
    dir "js/browser",
    "bodies.js",
    "browser.js",
    "cache.js",
    "cache_storage.js",
    "fetch.js",
    "fetch_event.js",
    "lazy.js",
    "responses.js",
  ],
  state = |state| {
    state.put(Installed);
  },
);
