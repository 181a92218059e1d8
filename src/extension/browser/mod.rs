//! What scripts that were written for a browser find on their global object
//! beside Background Fetch: as an extension of `deno_core`.
//!
//! Everything is loaded when a script first asks for it.

mod body;
mod broadcast;
mod caches;
mod dedicated_workers;
mod document;
mod fetch;
mod fetch_event;
mod indexed_db;
mod locks;
mod navigator;
mod notifications;
mod storage;
mod web_socket;

use self::body::*;
use self::caches::*;
use self::dedicated_workers::*;
use self::document::*;
use deno_core::OpState;

use self::broadcast::*;
use self::fetch::*;
use self::fetch_event::*;
use self::indexed_db::*;
use self::locks::*;
use self::navigator::*;
use self::notifications::*;
use self::storage::*;
use self::web_socket::*;
use crate::engine::FetchEventRequest;
use crate::engine::NotificationEvent;
use crate::engine::Realm;
use crate::service_worker::Payload;

/// What an event of this extension is made of.
#[derive(serde::Serialize)]
#[serde(untagged)]
pub(crate) enum JsExtensionEvent {
  Fetch(JsFetchEvent),
  Notification(JsNotificationEvent),
}

impl JsExtensionEvent {
  /// `None` for what no script of the realm can handle.
  pub(crate) fn new(state: &mut OpState, data: Payload) -> Option<Self> {
    let data = match data.0.downcast::<FetchEventRequest>() {
      Ok(request) => {
        return JsFetchEvent::new(state, *request).map(Self::Fetch);
      }
      Err(data) => data,
    };
    let event = data.downcast::<NotificationEvent>().ok()?;
    state.borrow::<Realm>().activated_by_user();
    Some(Self::Notification((*event).into()))
  }
}

pub(crate) use self::dedicated_workers::RealmExtensions;
pub use self::document::PageDocument;
pub use self::document::open_document;

/// In the state of a realm that has this extension.
pub(crate) struct Installed;

deno_core::extension!(
  background_fetch_browser,
  deps = [deno_webidl, deno_web, deno_fetch, background_fetch],
  ops = [
    op_body_of_bytes,
    op_broadcast_listen,
    op_broadcast_next,
    op_broadcast_parts,
    op_broadcast_post,
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
    op_crypto_take_keys,
    op_document_nodes,
    op_document_script,
    op_event_source_read,
    op_fetch_body_wanted,
    op_fetch_event_abandoned,
    op_fetch_event_no_response,
    op_fetch_event_respond,
    op_fetch_is_forbidden_header,
    op_fetch_is_no_cors_safelisted,
    op_fetch_may_connect,
    op_fetch_response,
    op_fetch_send_body,
    op_fetch_start,
    op_indexed_db_add_to_index,
    op_indexed_db_alone,
    op_indexed_db_announce,
    op_indexed_db_begin,
    op_indexed_db_change_schema,
    op_indexed_db_check,
    op_indexed_db_claim,
    op_indexed_db_close_soon,
    op_indexed_db_commit,
    op_indexed_db_connect,
    op_indexed_db_count,
    op_indexed_db_databases,
    op_indexed_db_delete,
    op_indexed_db_delete_database,
    op_indexed_db_find,
    op_indexed_db_handled,
    op_indexed_db_new_blob_part,
    op_indexed_db_next_key,
    op_indexed_db_put,
    op_indexed_db_read_blob_part,
    op_indexed_db_transaction,
    op_indexed_db_upgrade,
    op_indexed_db_version,
    op_indexed_db_version_change,
    op_local_storage_clear,
    op_local_storage_get,
    op_local_storage_keys,
    op_local_storage_remove,
    op_local_storage_set,
    op_locks_granted,
    op_locks_query,
    op_locks_request,
    op_locks_stolen,
    op_navigator_facts,
    op_navigator_is_online,
    op_navigator_online_other_than,
    op_navigator_permission,
    op_navigator_permission_changes,
    op_navigator_permission_changes_other_than,
    op_notification_close,
    op_notification_request_permission,
    op_notification_show,
    op_notifications,
    op_storage_estimate,
    op_web_socket_close,
    op_web_socket_fail,
    op_web_socket_next,
    op_web_socket_open,
    op_web_socket_send_binary,
    op_web_socket_send_text,
    op_worker_close,
    op_worker_import,
    op_worker_next,
    op_worker_own,
    op_worker_post,
    op_worker_post_to_owner,
    op_worker_receive,
    op_worker_start,
  ],
  esm_entry_point = "ext:background_fetch_browser/start_browser.js",
  esm = [dir "js/browser", "start_browser.js"],
  lazy_loaded_js = [
    dir "js/browser",
    "blob_response.js",
    "bodies.js",
    "body_methods.js",
    "broadcast_channel.js",
    "browser.js",
    "cache.js",
    "cache_storage.js",
    "crypto.js",
    "document.js",
    "event_source.js",
    "fetch.js",
    "fetch_event.js",
    "header_guards.js",
    "indexed_db/bytes.js",
    "indexed_db/cursor.js",
    "indexed_db/database.js",
    "indexed_db/factory.js",
    "indexed_db/index.js",
    "indexed_db/key_path.js",
    "indexed_db/key_range.js",
    "indexed_db/keys.js",
    "indexed_db/object_store.js",
    "indexed_db/puts.js",
    "indexed_db/queries.js",
    "indexed_db/record.js",
    "indexed_db/requests.js",
    "indexed_db/schema.js",
    "indexed_db/stored_values.js",
    "indexed_db/string_list.js",
    "indexed_db/transaction.js",
    "indexed_db/version_change_event.js",
    "install_event.js",
    "lazy.js",
    "locks.js",
    "navigator.js",
    "notifications.js",
    "online.js",
    "permissions.js",
    "responses.js",
    "storage.js",
    "storage_manager.js",
    "values.js",
    "web_socket.js",
    "worker.js",
    "worker_scope.js",
    "xml_http_request.js",
  ],
  options = {
    worker_extensions: RealmExtensions,
  },
  state = |state, options| {
    state.put(Installed);
    state.put(options.worker_extensions);
  },
);
