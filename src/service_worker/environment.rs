//! What a worker inherits.

use std::sync::Arc;

use crate::network::ClientEnvironment;
use crate::network::NetCheck;

/// What a worker inherits of the client that has registered it, and of the
/// response that its script came in.
#[derive(Clone)]
pub struct WorkerEnvironment {
  /// The client; but the Content Security Policies and the referrer policy are
  /// those of the script, once it was fetched.
  pub client: ClientEnvironment,
  /// As long as this process lives.
  pub net_check: Option<Arc<dyn NetCheck>>,
  /// Whether there was one before a restart, so that nothing is fetched until
  /// the worker's realm brings one again.
  pub net_check_lost: bool,
  /// As in `RealmOptions`.
  pub embedder_data: Option<String>,
}

opaque_debug!(WorkerEnvironment);

impl WorkerEnvironment {
  /// For an update that no client asks for, and so without the policies of one.
  pub(crate) fn without_client(&self) -> Self {
    Self {
      client: ClientEnvironment::new(
        self.client.url.clone(),
        self.client.policy,
      ),
      ..self.clone()
    }
  }
}
