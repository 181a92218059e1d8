//! Background Fetch for `deno_core`: the only room that knows it.
//!
//! A host that has web globals of its own adds [`init`] to its extensions,
//! after `deno_webidl`, `deno_web`, `deno_net` and `deno_fetch`. One that has
//! none takes [`extensions`], and gets all of them with a service worker's
//! globals on top.

mod error;
mod globals;
mod handles;
mod idle;
mod messages;
mod ops;

use std::rc::Rc;
use std::sync::Arc;

use ::deno_fetch::deno_fetch;
use ::deno_net::deno_net;
use ::deno_web::BlobStore;
use ::deno_web::InMemoryBroadcastChannel;
use ::deno_web::deno_web;
use ::deno_webidl::deno_webidl;
use deno_core::Extension;
use deno_core::JsRuntime;

pub use self::globals::Console;
use self::globals::background_fetch_globals;
pub use self::idle::run_until_idle;
use self::ops::*;
use crate::engine::Engine;
use crate::engine::Realm;
use crate::engine::RealmFacts;

deno_core::extension!(
  background_fetch,
  deps = [deno_webidl, deno_web, deno_fetch],
  ops = [
    op_bgfetch_abort,
    op_bgfetch_event_handled,
    op_bgfetch_fetch,
    op_bgfetch_finish_request_body,
    op_bgfetch_get,
    op_bgfetch_get_ids,
    op_bgfetch_match_all,
    op_bgfetch_may_fetch,
    op_bgfetch_next_message,
    op_bgfetch_open_request_body,
    op_bgfetch_read_request_body,
    op_bgfetch_read_response_body,
    op_bgfetch_realm,
    op_bgfetch_record_request,
    op_bgfetch_record_response,
    op_bgfetch_report_error,
    op_bgfetch_unwatch,
    op_bgfetch_update_ui,
    op_bgfetch_watch,
    op_bgfetch_write_request_body,
  ],
  esm_entry_point = "ext:background_fetch/main.js",
  esm = [
    dir "js",
    "errors.js",
    "events.js",
    "extendable_event.js",
    "main.js",
    "manager.js",
    "messages.js",
    "options.js",
    "record.js",
    "registration.js",
    "request_bodies.js",
    "requests.js",
    "service_worker.js",
  ],
  options = {
    realm: Realm,
    report_error: ReportError,
  },
  state = |state, options| {
    state.put(options.realm);
    state.put(options.report_error);
  },
);

/// The extension for a host with web globals of its own. It defines the
/// interfaces of Background Fetch, `navigator.serviceWorker` where there is a
/// `navigator` without one, and in a service worker's realm `registration` and
/// the four event handlers.
///
/// The host has called `setLocationHref` of `ext:deno_web/12_location.js`, if
/// relative URLs shall work, and its global object is an `EventTarget`, if it
/// is a service worker's. Errors of event handlers are logged with `tracing`.
///
/// The realm is detached from the engine when the runtime is dropped.
pub fn init(engine: &Engine, facts: RealmFacts) -> Extension {
  background_fetch::init(
    engine.attach(facts),
    Rc::new(|text: &str| tracing::error!("in an event handler: {text}")),
  )
}

/// Choices for [`extensions`], each with a working default.
#[derive(Clone, Default)]
pub struct ExtensionOptions {
  /// Where `console` and errors of event handlers go.
  pub console: Console,
}

/// All that a runtime with no globals needs: `deno_webidl`, `deno_web`,
/// `deno_net`, `deno_fetch`, the web globals of the kind of realm that `facts`
/// name, and Background Fetch.
///
/// The global `fetch` is not among them, and `Deno` is taken away: the realm
/// reaches the network by background fetches only.
pub fn extensions(
  engine: &Engine,
  facts: RealmFacts,
  options: ExtensionOptions,
) -> Vec<Extension> {
  let location = facts.url.clone();
  let realm = engine.attach(facts);
  let console = options.console.clone();
  vec![
    deno_webidl::init(),
    deno_web::init(
      Arc::new(BlobStore::default()),
      Some(location),
      false,
      InMemoryBroadcastChannel::default(),
    ),
    deno_net::init(None, None),
    deno_fetch::init(::deno_fetch::Options::default()),
    background_fetch_globals::init(realm.clone(), options.console),
    background_fetch::init(
      realm,
      Rc::new(move |text: &str| console.write(&format!("{text}\n"), true)),
    ),
  ]
}

/// The realm that the extension attached to the engine, for
/// [`run_until_idle`].
pub fn realm(runtime: &mut JsRuntime) -> Realm {
  runtime.op_state().borrow().borrow::<Realm>().clone()
}
