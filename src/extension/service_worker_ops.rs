//! The ops of service workers: they translate, and decide nothing.

use deno_core::OpState;
use deno_core::op2;
use deno_web::JsMessageData;
use serde::Serialize;
use url::Url;

use super::error::OpError;
use super::messages::kind_name;
use super::net_check::take_permissions;
use super::payload::payload;
use crate::display::WindowOutcome;
use crate::dom_exception::DomException;
use crate::engine::Realm;
use crate::ids::WorkerId;
use crate::service_worker::Call;
use crate::service_worker::RegistrationSnapshot;
use crate::service_worker::WorkerSnapshot;
use crate::service_worker::WorkerType;
use crate::spec::is_potentially_trustworthy_url;

/// What `js/background_fetch/main.js` has to know of its realm.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsRealm {
  kind: &'static str,
  /// <https://html.spec.whatwg.org/multipage/webappapis.html#secure-context>
  is_secure_context: bool,
  /// Its own registration, or the one that the embedder vouches for.
  registration: Option<RegistrationSnapshot>,
  /// Its own worker.
  worker: Option<WorkerSnapshot>,
  controller: Option<WorkerSnapshot>,
}

#[op2]
#[serde]
pub(crate) fn op_bgfetch_service_worker_realm(state: &mut OpState) -> JsRealm {
  let realm = state.borrow::<Realm>();
  JsRealm {
    kind: kind_name(realm.options().kind),
    is_secure_context: is_potentially_trustworthy_url(&realm.options().url),
    registration: realm.own_registration().cloned(),
    worker: realm.own_worker().cloned(),
    controller: realm.controller().cloned(),
  }
}

#[op2]
pub(crate) fn op_bgfetch_service_worker_call(
  state: &mut OpState,
  #[smi] call: u32,
  #[serde] what: Call,
) {
  take_permissions(state);
  state.borrow::<Realm>().call(call, what);
}

#[op2(fast)]
pub(crate) fn op_bgfetch_service_worker_event_handled(
  state: &mut OpState,
  event: f64,
  rejected: bool,
) {
  let realm = state.borrow::<Realm>();
  realm.worker_event_handled(event as u64, rejected);
}

/// Whether the worker's script is a module: see [`WorkerType`].
#[op2(fast)]
pub(crate) fn op_bgfetch_service_worker_is_module(state: &mut OpState) -> bool {
  state.try_borrow::<WorkerType>() == Some(&WorkerType::Module)
}

/// The source of a script for `importScripts()`, which blocks.
#[op2]
#[string]
pub(crate) fn op_bgfetch_service_worker_import(
  state: &mut OpState,
  #[string] url: &str,
) -> Result<String, DomException> {
  let url = Url::parse(url)
    .map_err(|error| DomException::Network(error.to_string()))?;
  state.borrow::<Realm>().import_blocking(url)
}

#[op2]
pub(crate) fn op_bgfetch_service_worker_post_to_worker(
  state: &mut OpState,
  worker: f64,
  #[serde] message: JsMessageData,
) -> Result<(), OpError> {
  let payload = payload(state, message)?;
  let worker = WorkerId(worker as u64);
  state.borrow::<Realm>().post_to_worker(worker, payload);
  Ok(())
}

/// Opens a window at `url`, if a click allows it and the display can: "",
/// "InvalidAccessError" or "TypeError".
#[op2]
#[string]
pub(crate) fn op_clients_open_window(
  state: &mut OpState,
  #[string] url: &str,
) -> &'static str {
  let realm = state.borrow::<Realm>();
  ask_display(url, realm, |url| realm.open_window(url))
}

/// The same for the window at `url` that is to be focused.
#[op2]
#[string]
pub(crate) fn op_clients_focus(
  state: &mut OpState,
  #[string] url: &str,
) -> &'static str {
  let realm = state.borrow::<Realm>();
  ask_display(url, realm, |url| realm.focus_window(url))
}

fn ask_display(
  url: &str,
  realm: &Realm,
  ask: impl FnOnce(&Url) -> WindowOutcome,
) -> &'static str {
  let Ok(url) = Url::parse(url) else {
    return "TypeError";
  };
  if !realm.consume_user_activation() {
    return "InvalidAccessError";
  }
  match ask(&url) {
    WindowOutcome::Done => "",
    WindowOutcome::Refused => "TypeError",
  }
}

/// Takes the window at `from` to `to`, if the display can.
#[op2(fast)]
pub(crate) fn op_clients_navigate(
  state: &mut OpState,
  #[string] from: &str,
  #[string] to: &str,
) -> bool {
  let (Ok(from), Ok(to)) = (Url::parse(from), Url::parse(to)) else {
    return false;
  };
  let navigated = state.borrow::<Realm>().navigate_window(&from, &to);
  navigated == WindowOutcome::Done
}

#[op2]
pub(crate) fn op_bgfetch_service_worker_post_to_client(
  state: &mut OpState,
  #[string] client: &str,
  #[serde] message: JsMessageData,
) -> Result<(), OpError> {
  let payload = payload(state, message)?;
  state.borrow::<Realm>().post_to_client(client, payload);
  Ok(())
}
