//! The network permission, as a realm asks for it.

use crate::engine::error::FetchError;
use crate::engine::realm::Realm;
use crate::spec::Request;

impl Realm {
  /// Asks for each request once: what may not be reached is not registered.
  pub(super) fn may_reach(
    &self,
    requests: &[Request],
  ) -> Result<(), FetchError> {
    let context = self.engine().context();
    let default = context.policies.default_net_check.clone();
    for check in [default, self.net_check()].iter().flatten() {
      for request in requests {
        check.check(&request.url).map_err(FetchError::MayNotReach)?;
      }
    }
    Ok(())
  }
}
