//! The network permission of a Deno runtime.

use std::sync::Arc;

use ::deno_permissions::PermissionsContainer;
use url::Url;

use crate::network::NetCheck;

/// The check of a runtime whose network permission is `permissions`, for
/// [`RealmFacts::net_check`](crate::engine::RealmFacts::net_check): it is
/// asked before every hop, redirects included, and sees what was granted or
/// revoked until then.
///
/// Nobody is prompted: a background fetch goes on when nobody looks, so what
/// would have to be asked for is denied.
pub fn net_check(permissions: PermissionsContainer) -> NetCheck {
  Arc::new(move |url: &Url| {
    permissions
      .deep_clone_without_prompt()
      .check_net_url(url, "backgroundFetch.fetch()")
      .map_err(|error| error.to_string())
  })
}
