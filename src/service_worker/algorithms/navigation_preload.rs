//! [`NavigationPreloadManager`](https://w3c.github.io/ServiceWorker/#navigationpreloadmanager):
//! what its methods do in parallel.

use super::call::no_registration;
use crate::dom_exception::DomException;
use crate::ids::RegistrationId;
use crate::service_worker::model::message::Answer;
use crate::service_worker::model::message::Caller;
use crate::service_worker::model::navigation_preload::NavigationPreloadChange;
use crate::service_worker::service_workers::ServiceWorkers;

impl ServiceWorkers {
  /// `enable()`, `disable()` and `setHeaderValue()`. The answer comes when the
  /// change is durable.
  pub(crate) fn change_navigation_preload(
    &self,
    caller: Caller,
    id: RegistrationId,
    change: NavigationPreloadChange,
  ) -> Result<(), DomException> {
    let has_changed = {
      let mut state = self.lock();
      let registration = state.map.registration_mut(id);
      let registration = registration.ok_or_else(no_registration)?;
      // Step 2.1: If registration's active worker is null, reject.
      if registration.active.is_none() {
        return Err(DomException::InvalidState(
          "the registration has no active worker".into(),
        ));
      }
      registration.navigation_preload.change(change)
    };
    self.spawn(|itself| async move {
      if has_changed {
        itself.save(id).await;
      }
      itself.lock().reply(caller, Ok(Answer::Nothing));
    });
    Ok(())
  }

  /// `getState()`
  pub(crate) fn navigation_preload_state(
    &self,
    caller: Caller,
    id: RegistrationId,
  ) -> Result<(), DomException> {
    let state = self.lock();
    let registration = state.map.registration(id);
    let registration = registration.ok_or_else(no_registration)?;
    let preload = registration.navigation_preload.clone();
    state.reply(caller, Ok(Answer::NavigationPreload(preload)));
    Ok(())
  }
}
