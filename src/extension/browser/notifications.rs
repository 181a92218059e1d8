//! The ops of notifications.

use bytes::Bytes;
use deno_core::OpState;
use deno_core::ToJsBuffer;
use deno_core::op2;
use serde::Serialize;

use crate::display::Notification;
use crate::dom_exception::DomException;
use crate::engine::NotificationEvent;
use crate::engine::Realm;
use crate::engine::ScriptNotification;
use crate::extension::error::OpError;
use crate::ids::RegistrationId;

/// A notification that is shown.
#[derive(Serialize)]
pub(super) struct JsNotification {
  id: f64,
  notification: Notification,
  data: ToJsBuffer,
}

impl From<ScriptNotification> for JsNotification {
  fn from(notification: ScriptNotification) -> Self {
    Self {
      id: notification.shown.id as f64,
      notification: notification.shown.notification,
      data: notification.data.to_vec().into(),
    }
  }
}

/// What `js/browser/notifications.js` makes a `NotificationEvent` of.
#[derive(Serialize)]
pub(crate) struct JsNotificationEvent {
  notification: JsNotification,
  action: String,
}

impl From<NotificationEvent> for JsNotificationEvent {
  fn from(event: NotificationEvent) -> Self {
    Self {
      notification: event.notification.into(),
      action: event.action,
    }
  }
}

/// Shows a notification of the registration, or, when that is negative, of the
/// page. Returns its id.
#[op2]
pub(super) fn op_notification_show(
  state: &mut OpState,
  registration: f64,
  #[serde] notification: Notification,
  #[buffer(copy)] data: Bytes,
) -> Result<f64, OpError> {
  let id = RegistrationId(registration as u64);
  let registration = (registration >= 0.0).then_some(id);
  let realm = state.borrow::<Realm>();
  let shown = realm.show_notification(registration, notification, data);
  Ok(shown.map_err(DomException::Type)? as f64)
}

#[op2]
#[serde]
pub(super) fn op_notifications(
  state: &mut OpState,
  registration: f64,
  #[string] tag: &str,
) -> Vec<JsNotification> {
  let id = RegistrationId(registration as u64);
  let shown = state.borrow::<Realm>().notifications(id, tag);
  shown.into_iter().map(Into::into).collect()
}

#[op2(fast)]
pub(super) fn op_notification_close(state: &mut OpState, id: f64) {
  state.borrow::<Realm>().close_notification(id as u64);
}
