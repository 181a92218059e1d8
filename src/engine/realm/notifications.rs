//! [Notifications](https://notifications.spec.whatwg.org/), behind the script's
//! door. They are shown as long as the engine runs.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use url::Url;

use super::Realm;
use crate::display::Display;
use crate::display::Notification;
use crate::display::ShownNotification;
use crate::display::WindowOutcome;
use crate::engine::Engine;
use crate::engine::context::Context;
use crate::engine::notifications::NotificationEvent;
use crate::engine::notifications::ScriptNotification;
use crate::engine::notifications::UserAction;
use crate::engine::outcome::NotificationOutcome;
use crate::engine::policy::PermissionState;
use crate::ids::RegistrationId;
use crate::service_worker::Event;
use crate::service_worker::Payload;

impl Realm {
  /// The [permission](https://notifications.spec.whatwg.org/#permission-model)
  /// to show notifications.
  pub fn notification_permission(&self) -> PermissionState {
    let policies = &self.engine().context().policies;
    policies
      .notification_permission
      .state(&self.options().url.origin())
  }

  /// Shows a notification: of the registration, or of a page
  /// ([`showNotification()`](https://notifications.spec.whatwg.org/#dom-serviceworkerregistration-shownotification)).
  /// Returns its id.
  ///
  /// # Errors
  ///
  /// A message for the `TypeError`.
  pub fn show_notification(
    &self,
    registration: Option<RegistrationId>,
    notification: Notification,
    data: Bytes,
  ) -> Result<u64, String> {
    let context = self.engine().context();
    let scope = match registration {
      Some(id) => self
        .scope_of(id)
        .filter(|_| context.service_workers.has_active_worker(id)),
      None => Some(self.options().url.clone()),
    };
    let scope = scope.ok_or("the registration has no active service worker")?;
    if self.notification_permission() != PermissionState::Granted {
      return Err("notifications are not allowed".to_string());
    }
    let all = &context.notifications;
    let id = all.last.fetch_add(1, Ordering::Relaxed) + 1;
    let shown = ShownNotification {
      id,
      scope,
      notification,
    };
    let mut list = all.shown.lock();
    let tag = &shown.notification.tag;
    if !tag.is_empty() {
      list.retain(|old| {
        let is_same =
          old.shown.scope == shown.scope && old.shown.notification.tag == *tag;
        if is_same {
          context.close_on_display(&old.shown);
        }
        !is_same
      });
    }
    list.push(ScriptNotification {
      shown: shown.clone(),
      data,
    });
    drop(list);
    if let Some(display) = &context.policies.display {
      display.show_notification(&shown);
    }
    Ok(id)
  }

  /// [`getNotifications()`](https://notifications.spec.whatwg.org/#dom-serviceworkerregistration-getnotifications):
  /// those of the registration that are shown, with `tag` if it is not empty.
  pub fn notifications(
    &self,
    registration: RegistrationId,
    tag: &str,
  ) -> Vec<ScriptNotification> {
    let context = self.engine().context();
    let Some(scope) = self.scope_of(registration) else {
      return Vec::new();
    };
    let all = context.notifications.shown.lock();
    let of_it = all.iter().filter(|one| {
      one.shown.scope == scope
        && (tag.is_empty() || one.shown.notification.tag == tag)
    });
    of_it.cloned().collect()
  }

  fn scope_of(&self, registration: RegistrationId) -> Option<Url> {
    let service_workers = &self.engine().context().service_workers;
    service_workers.scope(self.attached.id, registration)
  }

  /// A script closes a notification. No event is fired.
  pub fn close_notification(&self, id: u64) {
    let context = self.engine().context();
    if let Some(closed) = context.notifications.remove(id) {
      context.close_on_display(&closed.shown);
    }
  }
}

impl Engine {
  /// The notifications that are shown, oldest first.
  pub fn notifications(&self) -> Vec<ShownNotification> {
    let shown = self.context().notifications.shown.lock();
    shown.iter().map(|one| one.shown.clone()).collect()
  }

  /// The user has clicked a notification, or its action of that name:
  /// [activation](https://notifications.spec.whatwg.org/#activating-a-notification).
  pub fn click_notification(
    &self,
    id: u64,
    action: &str,
  ) -> NotificationOutcome {
    self.act_on_notification(id, action, UserAction::Click)
  }

  /// The user has dismissed a notification.
  pub fn dismiss_notification(&self, id: u64) -> NotificationOutcome {
    self.act_on_notification(id, "", UserAction::Close)
  }

  fn act_on_notification(
    &self,
    id: u64,
    action: &str,
    what: UserAction,
  ) -> NotificationOutcome {
    let context = self.context();
    let found = match what {
      // One that was clicked stays, until a script closes it.
      UserAction::Click => context.notifications.find(id),
      UserAction::Close => context.notifications.remove(id),
    };
    let Some(notification) = found else {
      return NotificationOutcome::NotShown;
    };
    if what == UserAction::Close {
      context.close_on_display(&notification.shown);
    }
    let name = match what {
      UserAction::Click => "notificationclick",
      UserAction::Close => "notificationclose",
    };
    let scope = notification.shown.scope.clone();
    let event = NotificationEvent {
      notification,
      action: action.to_string(),
    };
    let data = Payload(Box::new(event));
    let event = Event::Extension { name, data };
    match context.service_workers.fire_on_active(&scope, event) {
      true => NotificationOutcome::Fired,
      false => NotificationOutcome::NotShown,
    }
  }
}

impl Context {
  fn close_on_display(&self, notification: &ShownNotification) {
    if let Some(display) = &self.policies.display {
      display.close_notification(notification);
    }
  }
}

/// Windows that service workers open and focus.
impl Realm {
  /// Whether a script may open or focus a window now: the user has clicked
  /// something of it a moment ago. That is used up.
  pub fn consume_user_activation(&self) -> bool {
    let mut activated = self.attached.activated.lock();
    let since = activated.take();
    since.is_some_and(|since| since.elapsed() < ACTIVATION)
  }

  /// The realm is given an event of the user's doing.
  pub(crate) fn activated_by_user(&self) {
    *self.attached.activated.lock() = Some(tokio::time::Instant::now());
  }

  /// Asks the display to open `url` in a new window.
  pub fn open_window(&self, url: &Url) -> WindowOutcome {
    self.ask_display(|display| display.open_window(url))
  }

  /// Asks the display to bring the window at `url` to the front.
  pub fn focus_window(&self, url: &Url) -> WindowOutcome {
    self.ask_display(|display| display.focus_window(url))
  }

  /// Asks the display to take the window at `from` to `to`.
  pub fn navigate_window(&self, from: &Url, to: &Url) -> WindowOutcome {
    self.ask_display(|display| display.navigate_window(from, to))
  }

  fn ask_display(
    &self,
    ask: impl FnOnce(&dyn Display) -> WindowOutcome,
  ) -> WindowOutcome {
    let display = self.engine().context().policies.display.clone();
    display.map_or(WindowOutcome::Refused, |display| ask(&*display))
  }
}

/// How long a click lets a script open windows, as in Chromium.
const ACTIVATION: std::time::Duration = std::time::Duration::from_secs(10);
