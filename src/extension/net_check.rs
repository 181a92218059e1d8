//! The network permission of a Deno runtime.

use std::sync::Arc;

use ::deno_permissions::PermissionsContainer;
use deno_core::OpState;
use url::Url;

use crate::engine::Realm;
use crate::network::NetCheck;

/// The check of a runtime whose network permission is `permissions`: it is
/// asked before every hop, redirects included, and sees what was granted or
/// revoked until then.
///
/// A realm whose runtime has a `PermissionsContainer` in its `OpState` has this
/// check without being asked, unless
/// [`RealmOptions::net_check`](crate::engine::RealmOptions::net_check) is another
/// one.
///
/// The user is not prompted: a background fetch continues without a user at the
/// terminal, so what would have to be asked for is denied.
pub fn net_check(permissions: PermissionsContainer) -> Arc<dyn NetCheck> {
  Arc::new(move |url: &Url| {
    permissions
      .deep_clone_without_prompt()
      .check_net_url(url, "backgroundFetch.fetch()")
      .map_err(|error| error.to_string())
  })
}

/// Gives the realm its runtime's permission, before it may start anything: a
/// host puts that into the `OpState` when it likes.
pub(crate) fn take_permissions(state: &OpState) {
  if let Some(permissions) = state.try_borrow::<PermissionsContainer>() {
    let realm = state.borrow::<Realm>();
    realm.net_check_or(|| net_check(permissions.clone()));
  }
}
