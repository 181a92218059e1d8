//! The interfaces of Background Fetch, as an extension of `deno_core`.

use std::rc::Rc;

use super::attach::Attach;
use super::attach::*;
use super::lifecycle::*;
use super::ops::*;
use super::options::ReportError;
use super::service_worker_ops::*;
use super::structured_clone::*;

deno_core::extension!(
  background_fetch,
  deps = [deno_webidl, deno_web, deno_fetch],
  ops = [
    op_bgfetch_abort,
    op_bgfetch_attach,
    op_bgfetch_event_handled,
    op_bgfetch_fetch,
    op_bgfetch_finish_request_body,
    op_bgfetch_get,
    op_bgfetch_get_ids,
    op_bgfetch_match_all,
    op_bgfetch_next_message,
    op_bgfetch_open_request_body,
    op_bgfetch_prepare_fetch,
    op_bgfetch_read_request_body,
    op_bgfetch_read_response_body,
    op_bgfetch_receive_blob_part,
    op_bgfetch_record_request,
    op_bgfetch_record_response,
    op_bgfetch_report_error,
    op_bgfetch_request_permission,
    op_bgfetch_send_blob_part,
    op_bgfetch_set_lifecycle,
    op_bgfetch_unwatch,
    op_bgfetch_update_ui,
    op_bgfetch_watch,
    op_clients_focus,
    op_clients_navigate,
    op_clients_open_window,
    op_bgfetch_service_worker_call,
    op_bgfetch_service_worker_event_handled,
    op_bgfetch_service_worker_import,
    op_bgfetch_service_worker_is_module,
    op_bgfetch_service_worker_post_to_client,
    op_bgfetch_service_worker_post_to_worker,
    op_bgfetch_service_worker_realm,
    op_bgfetch_write_request_body,
  ],
  esm_entry_point = "ext:background_fetch/background_fetch/start.js",
  esm = [dir "js", "background_fetch/start.js"],
  lazy_loaded_js = [
    dir "js",
    "background_fetch/errors.js",
    "background_fetch/events.js",
    "background_fetch/id_encoding.js",
    "background_fetch/lifecycle.js",
    "background_fetch/main.js",
    "background_fetch/manager.js",
    "background_fetch/messages.js",
    "background_fetch/options.js",
    "background_fetch/record.js",
    "background_fetch/registration.js",
    "background_fetch/request_bodies.js",
    "background_fetch/requests.js",
    "background_fetch/stored_body.js",
    "common/attributes.js",
    "common/classic_script.js",
    "common/dispatch.js",
    "common/exceptions.js",
    "common/global_scope.js",
    "common/lists.js",
    "common/message_port.js",
    "common/structured_clone.js",
    "common/symbols.js",
    "common/tasks.js",
    "service_worker/clients.js",
    "service_worker/container.js",
    "service_worker/extendable_event.js",
    "service_worker/extendable_message_event.js",
    "service_worker/navigation_preload_manager.js",
    "service_worker/service_worker.js",
    "service_worker/service_worker_calls.js",
    "service_worker/service_worker_global_scope.js",
    "service_worker/service_worker_messages.js",
    "service_worker/service_worker_registration.js",
  ],
  options = {
    attach: Attach,
    report_error: Rc<dyn ReportError>,
  },
  state = |state, options| {
    state.put(options.attach);
    state.put(options.report_error);
  },
);
