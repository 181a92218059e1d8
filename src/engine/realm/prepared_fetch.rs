//! A `fetch()` between its first checks and its registration.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::Realm;
use super::request_body::RequestBodyHandle;
use super::request_body::RequestBodyWriter;
use crate::engine::error::FetchError;
use crate::engine::journal::turns::TurnId;
use crate::engine::policy::PermissionState;
use crate::engine::realm::fetch::BackgroundFetchOptions;
use crate::snapshot::BackgroundFetchSnapshot;
use crate::spec::Request;

/// A `fetch()` whose requests may be fetched, as far as they themselves say:
/// [`Realm::prepare_fetch`]. The permission is asked next, then the bodies are
/// stored, then it is registered. Until then nothing of it is left when it is
/// dropped.
#[must_use = "nothing is fetched before it is registered"]
pub struct PreparedFetch {
  realm: Realm,
  id: String,
  requests: Vec<Request>,
  permission: OnceCell<PermissionState>,
}

opaque_debug!(PreparedFetch);

impl PreparedFetch {
  pub(super) fn new(realm: Realm, id: String, requests: Vec<Request>) -> Self {
    Self {
      realm,
      id,
      requests,
      permission: OnceCell::new(),
    }
  }

  /// How many requests it has.
  pub fn requests(&self) -> &[Request] {
    &self.requests
  }

  /// Whatever can be refused before a body is read: asks
  /// [`Permission::request`](crate::engine::Permission::request), once, and
  /// looks at the id. [`PreparedFetch::register`] does it otherwise.
  ///
  /// # Errors
  ///
  /// Why `fetch()` has to be rejected.
  pub async fn request_permission(&self) -> Result<(), FetchError> {
    let ask = || self.realm.request_permission();
    self.permission.get_or_try_init(ask).await?;
    self.realm.may_still_register(&self.id)
  }

  /// Begins to store the body of one of the requests.
  ///
  /// # Errors
  ///
  /// No space is left, or the store failed.
  pub async fn create_request_body(
    &self,
  ) -> Result<RequestBodyWriter, FetchError> {
    self.realm.create_request_body().await
  }

  /// Registers the background fetch, and begins it. When this returns, it and
  /// every request body are on disk. `bodies` has one for each request, in
  /// order; what it lacks has none.
  ///
  /// # Errors
  ///
  /// Why the promise has to be rejected; nothing is left behind.
  pub async fn register(
    self,
    bodies: Vec<Option<RequestBodyHandle>>,
    options: BackgroundFetchOptions,
  ) -> Result<BackgroundFetchSnapshot, FetchError> {
    self.register_with(bodies, options, None).await
  }

  /// The same for a script, between [`Realm::begin_turn`] and
  /// [`Realm::end_turn`]: it takes no answer before, and may make more calls.
  /// All of them share a few flushes.
  pub(crate) async fn register_in_turn(
    self,
    bodies: Vec<Option<RequestBodyHandle>>,
    options: BackgroundFetchOptions,
  ) -> Result<BackgroundFetchSnapshot, FetchError> {
    let turn = self.realm.turn();
    self.register_with(bodies, options, Some(turn)).await
  }

  async fn register_with(
    self,
    mut bodies: Vec<Option<RequestBodyHandle>>,
    options: BackgroundFetchOptions,
    turn: Option<TurnId>,
  ) -> Result<BackgroundFetchSnapshot, FetchError> {
    let ask = || self.realm.request_permission();
    let permission = *self.permission.get_or_try_init(ask).await?;
    self.realm.may_still_register(&self.id)?;
    self.realm.may_reach(&self.requests)?;
    bodies.resize_with(self.requests.len(), || None);
    let requests = self.requests.into_iter().zip(&bodies);
    let requests = requests.map(|(mut request, body)| {
      request.body_length = body.as_ref().map(RequestBodyHandle::length);
      Arc::new(request)
    });
    let requests = requests.collect();
    self
      .realm
      .register(self.id, requests, bodies, options, permission, turn)
      .await
  }
}
