//! The ops of `navigator` and of what hangs on it.

use std::cell::Cell;
use std::cell::RefCell;
use std::rc::Rc;

use deno_core::OpState;
use deno_core::op2;
use serde::Serialize;

use crate::dom_exception::DomException;
use crate::engine::PermissionState;
use crate::engine::Realm;
use crate::extension::error::OpError;

/// What never changes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JsNavigator {
  hardware_concurrency: usize,
  languages: Vec<String>,
  platform: String,
}

#[op2]
#[serde]
pub(super) fn op_navigator_facts() -> JsNavigator {
  JsNavigator {
    hardware_concurrency: std::thread::available_parallelism()
      .map_or(1, |threads| threads.get()),
    languages: languages(|name| std::env::var(name).ok()),
    platform: platform(std::env::consts::OS, std::env::consts::ARCH),
  }
}

/// What browsers call it:
/// <https://html.spec.whatwg.org/multipage/system-state.html#dom-navigator-platform>.
fn platform(os: &str, arch: &str) -> String {
  match os {
    "windows" => "Win32".into(),
    // Macs of every kind.
    "macos" => "MacIntel".into(),
    "linux" => format!("Linux {arch}"),
    _ => os.into(),
  }
}

/// The user's languages, most wanted first: of POSIX locales, which are as
/// `de_CH.UTF-8`.
fn languages(variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
  let wanted = ["LC_ALL", "LC_MESSAGES", "LANG"]
    .into_iter()
    .filter_map(variable)
    .find(|locale| !locale.is_empty());
  let tag = wanted.as_deref().and_then(|locale| {
    let tag = locale.split(['.', '@']).next()?.replace('_', "-");
    let is_language = |part: &str| part.chars().all(char::is_alphanumeric);
    let is_tag = tag.len() >= 2 && tag.split('-').all(is_language);
    (is_tag && tag != "POSIX").then_some(tag)
  });
  let tag = tag.unwrap_or_else(|| "en-US".to_string());
  let language = tag.split('-').next().map(str::to_string);
  let mut all = vec![tag];
  all.extend(language.filter(|language| *language != all[0]));
  all
}

/// How many keys the realms of one thread may make with QuickJS. It numbers the
/// native functions of a thread with 16 bits, never gives a number back, and
/// calls nothing, or another function, beyond 32,767. A key takes five numbers,
/// a realm about 800. What is left is for modules, which take some, too.
const MAX_KEYS: u32 = 4_000;

thread_local! {
  static KEYS: Cell<u32> = const { Cell::new(0) };
}

/// Whether a script may make so many keys.
#[op2(fast)]
pub(super) fn op_crypto_take_keys(#[smi] count: u32) -> bool {
  if !cfg!(feature = "quickjs") {
    return true;
  }
  let made = KEYS.get().saturating_add(count);
  let is_allowed = made <= MAX_KEYS;
  if is_allowed {
    KEYS.set(made);
  }
  is_allowed
}

#[op2(fast)]
pub(super) fn op_navigator_is_online(state: &mut OpState) -> bool {
  state.borrow::<Realm>().is_online()
}

#[op2]
pub(super) async fn op_navigator_online_other_than(
  state: Rc<RefCell<OpState>>,
  known: bool,
) -> bool {
  let realm = state.borrow().borrow::<Realm>().clone();
  realm.online_other_than(known).await
}

/// The state of the permission `name`, which is one of three.
#[op2]
#[string]
pub(super) fn op_navigator_permission(
  state: &mut OpState,
  #[string] name: &str,
) -> &'static str {
  let realm = state.borrow::<Realm>();
  let permission = match name {
    "background-fetch" => realm.background_fetch_permission(),
    "notifications" => realm.notification_permission(),
    // Nothing is ever evicted.
    _ => PermissionState::Granted,
  };
  state_name(permission)
}

/// Asks for the permission to show notifications.
#[op2]
#[string]
pub(super) async fn op_notification_request_permission(
  state: Rc<RefCell<OpState>>,
) -> &'static str {
  let realm = state.borrow().borrow::<Realm>().clone();
  state_name(realm.request_notification_permission().await)
}

fn state_name(permission: PermissionState) -> &'static str {
  match permission {
    PermissionState::Granted => "granted",
    PermissionState::Denied => "denied",
    PermissionState::Prompt => "prompt",
  }
}

#[op2(fast)]
pub(super) fn op_navigator_permission_changes(state: &mut OpState) -> u32 {
  state.borrow::<Realm>().permission_changes()
}

#[op2]
pub(super) async fn op_navigator_permission_changes_other_than(
  state: Rc<RefCell<OpState>>,
  known: u32,
) -> u32 {
  let realm = state.borrow().borrow::<Realm>().clone();
  realm.permission_changes_other_than(known).await
}

/// In bytes; `NaN` where it is not known.
#[derive(Serialize)]
pub(super) struct JsEstimate {
  usage: f64,
  quota: f64,
}

#[op2]
#[serde]
pub(super) async fn op_storage_estimate(
  state: Rc<RefCell<OpState>>,
) -> Result<JsEstimate, OpError> {
  let realm = state.borrow().borrow::<Realm>().clone();
  let origin = realm.options().url.origin();
  let estimate = realm.engine().storage_estimate(&origin).await;
  let estimate =
    estimate.map_err(|error| DomException::Type(error.to_string()))?;
  Ok(JsEstimate {
    usage: estimate.usage as f64,
    quota: estimate.quota.map_or(f64::NAN, |quota| quota as f64),
  })
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn a_locale_is_a_language_tag() {
    let of = |locale: &'static str| {
      languages(|name| (name == "LANG").then(|| locale.to_string()))
    };
    assert_eq!(of("de_CH.UTF-8"), ["de-CH", "de"]);
    assert_eq!(of("fr"), ["fr"]);
    assert_eq!(of("sr_RS@latin"), ["sr-RS", "sr"]);
    for none in ["C", "POSIX", "", "C.UTF-8", "../x"] {
      assert_eq!(of(none), ["en-US", "en"], "{none}");
    }
  }

  #[test]
  fn a_platform_is_called_as_browsers_do() {
    assert_eq!(platform("linux", "x86_64"), "Linux x86_64");
    assert_eq!(platform("macos", "aarch64"), "MacIntel");
    assert_eq!(platform("freebsd", "x86_64"), "freebsd");
  }
}
