//! What a desktop shows of scripts: notifications and windows, as lines.

use std::sync::Arc;

use background_fetch::display::Display;
use background_fetch::display::ShownNotification;
use background_fetch::display::WindowOutcome;
use background_fetch::display::text::printable;
use background_fetch::engine::BackgroundFetchSnapshot;
use serde_json::json;
use url::Url;

use crate::screen::Screen;

/// Says on the screen what a script wants to be shown. The background fetches
/// themselves the screen hears of from the session.
pub struct Desktop(pub Arc<Screen>);

impl Display for Desktop {
  fn show(&self, _: &BackgroundFetchSnapshot) {}

  fn show_notification(&self, shown: &ShownNotification) {
    let notification = &shown.notification;
    let mut text = format!("notification: {}", printable(&notification.title));
    if !notification.body.is_empty() {
      text += &format!(": {}", printable(&notification.body));
    }
    for action in &notification.actions {
      text += &format!(" [{}]", printable(&action.title));
    }
    self
      .0
      .told(&text, json!({ "event": "notification", "shown": shown }));
  }

  fn close_notification(&self, shown: &ShownNotification) {
    let event = json!({ "event": "notificationclosed", "id": shown.id });
    self.0.told_to_programs(event);
  }

  fn open_window(&self, url: &Url) -> WindowOutcome {
    let text = format!("open {}", printable(url.as_str()));
    self
      .0
      .told(&text, json!({ "event": "openwindow", "url": url }));
    WindowOutcome::Done
  }

  fn focus_window(&self, url: &Url) -> WindowOutcome {
    let text = format!("show {}", printable(url.as_str()));
    self
      .0
      .told(&text, json!({ "event": "focuswindow", "url": url }));
    WindowOutcome::Done
  }
}
