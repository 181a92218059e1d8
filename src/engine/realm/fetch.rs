//! [`BackgroundFetchManager.fetch()`](https://wicg.github.io/background-fetch/#background-fetch-manager-fetch),
//! behind the script's interface.

use std::sync::Arc;

use super::Realm;
use super::prepared_fetch::PreparedFetch;
use super::request_body::RequestBodyHandle;
use crate::engine::error::FetchError;
use crate::engine::error::type_error;
use crate::engine::job::row;
use crate::engine::job::row::StoredEnvironment;
use crate::engine::journal::turns::TurnId;
use crate::engine::net_permission::NetPermission;
use crate::engine::policy::PermissionState;
use crate::ids::BackgroundFetchKey;
use crate::platform::millis;
use crate::snapshot::BackgroundFetchSnapshot;
use crate::spec::BackgroundFetch;
use crate::spec::BackgroundFetchRecord;
use crate::spec::BackgroundFetchResponse;
use crate::spec::ImageResource;
use crate::spec::Request;
use crate::spec::RequestMode;
use crate::store::RecordBodies;
use crate::store::StoreError;
use crate::store::StoredBackgroundFetch;
use crate::telemetry;

/// One request of `fetch()`, its body stored already.
#[derive(Debug)]
pub struct NewRecord {
  /// The request.
  pub request: Request,
  /// Its body, if it has one.
  pub body: Option<RequestBodyHandle>,
}

/// The [options](https://wicg.github.io/background-fetch/#dictdef-backgroundfetchoptions)
/// of `fetch()`.
#[derive(Clone, Debug, Default)]
pub struct BackgroundFetchOptions {
  /// What a display shows. Empty by default.
  pub title: String,
  /// What a display may show beside it.
  pub icons: Vec<ImageResource>,
  /// In bytes; 0 for no limit.
  pub download_total: u64,
}

impl Realm {
  /// Begins a `fetch()`: refuses what the requests themselves are reason
  /// enough for. Their bodies are stored next, if they have any.
  ///
  /// # Errors
  ///
  /// Why `fetch()` has to be rejected.
  pub fn prepare_fetch(
    &self,
    id: String,
    requests: Vec<Request>,
  ) -> Result<PreparedFetch, FetchError> {
    // Deviation E4
    if id.is_empty() {
      return Err(type_error("the id of a background fetch cannot be empty"));
    }
    // fetch.5: If requests is empty, reject with a TypeError.
    if requests.is_empty() {
      return Err(type_error("a background fetch needs at least one request"));
    }
    let environment = self.environment();
    for request in &requests {
      // fetch.6.2: "no-cors" rejects with a TypeError.
      if request.mode == RequestMode::NoCors {
        return Err(type_error("a background fetch cannot be \"no-cors\""));
      }
      // Deviation E3
      environment
        .may_register(&request.url)
        .map_err(FetchError::Type)?;
    }
    Ok(PreparedFetch::new(self.clone(), id, requests))
  }

  /// `fetch()` of requests whose bodies are stored already. When it returns,
  /// the background fetch and every request body are on disk.
  ///
  /// # Errors
  ///
  /// Why the promise has to be rejected; nothing is left behind.
  pub async fn fetch(
    &self,
    id: String,
    records: Vec<NewRecord>,
    options: BackgroundFetchOptions,
  ) -> Result<BackgroundFetchSnapshot, FetchError> {
    let both = records.into_iter().map(|record| {
      let NewRecord { request, body } = record;
      (request, body)
    });
    let (requests, bodies) = both.unzip();
    let prepared = self.prepare_fetch(id, requests)?;
    prepared.register(bodies, options).await
  }

  /// `fetch()`, from the edit queue on. When this is dropped early all of it
  /// happens, or nothing.
  pub(super) async fn register(
    self,
    id: String,
    requests: Vec<Arc<Request>>,
    mut bodies: Vec<Option<RequestBodyHandle>>,
    options: BackgroundFetchOptions,
    permission: PermissionState,
    turn: Option<TurnId>,
  ) -> Result<BackgroundFetchSnapshot, FetchError> {
    let context = self.engine().context().clone();
    // fetch.8: Enqueue to the active background fetches edit queue:
    let registration = self.registration.clone();
    let queue = registration.edit_queue.lock(&id).await;
    // fetch.8.4, fetch.8.5; fetch.8.1 to fetch.8.3 are before the bodies.
    self.may_register_id(&id)?;
    // fetch.8.9: storing the requests exceeds a quota. What the author
    // announces to download counts, too: better refused now than in the middle.
    context
      .check_quota(&registration.scope, options.download_total)
      .await?;
    // fetch.8.12: Let bgFetch be a new background fetch.
    let stored = self.stored_environment();
    let mut row = self.new_row(id, requests, &bodies, options, permission);
    row.environment = stored.to_json();
    let realm = self.clone();
    let known = row.clone();
    let registered = context.journal.insert(row, turn, move |key| {
      let _queue = queue;
      let begun = key.map(|key| {
        for body in bodies.iter_mut().flatten() {
          // From now on the bodies are the background fetch's.
          body.release();
        }
        let row = StoredBackgroundFetch { key, ..known };
        realm.begin_registered(row, stored)
      });
      (bodies, begun)
    });
    let (bodies, begun) = registered.await?;
    match begun {
      Ok(snapshot) => Ok(snapshot),
      Err(error) => Err(self.not_stored(bodies, error).await),
    }
  }

  pub(super) fn turn(&self) -> TurnId {
    TurnId(self.attached.id)
  }

  /// Its script is calling `fetch()`, and takes no answer before
  /// [`Realm::end_turn`].
  pub(crate) fn begin_turn(&self) {
    self.engine().context().journal.begin_turn(self.turn());
  }

  /// Its script has come to the end of what it was doing when it called
  /// `fetch()`, and takes answers again.
  pub(crate) fn end_turn(&self) {
    self.engine().context().journal.end_turn(self.turn());
  }

  /// `fetch()`, when it is durable.
  fn begin_registered(
    &self,
    row: StoredBackgroundFetch,
    stored: Arc<StoredEnvironment>,
  ) -> BackgroundFetchSnapshot {
    let context = self.engine().context();
    // fetch.8.13: Set bgFetchMap[id] to bgFetch.
    let net_permission = NetPermission::Known(self.net_check());
    let job = row::make_known(
      context,
      self.engine().jobs(),
      row,
      stored,
      net_permission,
    );
    self.starts();
    self.registration.unfinished(1);
    // fetch.8.14 is the script's. A copy is made before anything happens, as
    // the instance is.
    let snapshot = job.snapshot();
    self.watch(job.key);
    // fetch.8.15: display; fetch.8.16: perform a background fetch
    context.notify_observers(&job);
    telemetry::started(&job.span, job.records.len());
    job.update(|p, actions| p.begin(actions));
    snapshot
  }

  /// Deletes the request bodies of a background fetch that was not stored.
  async fn not_stored(
    &self,
    bodies: Vec<Option<RequestBodyHandle>>,
    error: StoreError,
  ) -> FetchError {
    let context = self.engine().context();
    let mut requested = 0;
    for body in bodies.into_iter().flatten() {
      requested += body.length();
      body.delete().await;
    }
    let quota = context.quota(&self.registration.scope);
    context.not_stored(&quota, requested, error).await
  }

  /// fetch.8.4, fetch.8.5, as it stands now.
  pub(super) fn may_still_register(&self, id: &str) -> Result<(), FetchError> {
    // An earlier call that is still in the edit queue may be about to free the
    // id: then it is looked at there alone.
    match self.registration.edit_queue.try_lock(id) {
      Some(_queue) => self.may_register_id(id),
      None => self.may_register(),
    }
  }

  /// fetch.8.4, fetch.8.5: refused without an active worker, or with an id in
  /// use.
  fn may_register_id(&self, id: &str) -> Result<(), FetchError> {
    self.may_register()?;
    // fetch.8.5: bgFetchMap[id] exists: TypeError
    if self.registration.active(id).is_some() {
      return Err(FetchError::Type(format!(
        "there is an active background fetch with the id \"{id}\" already"
      )));
    }
    Ok(())
  }

  /// fetch.8.4: no active worker: TypeError
  fn may_register(&self) -> Result<(), FetchError> {
    match self.has_active_worker() {
      true => Ok(()),
      false => Err(type_error(
        "the service worker registration has no active worker",
      )),
    }
  }

  /// The [permission](https://wicg.github.io/background-fetch/#permissions) to
  /// fetch in the background.
  pub fn background_fetch_permission(&self) -> PermissionState {
    let policies = &self.engine().context().policies;
    policies.permission.state(&self.registration.origin)
  }

  /// fetch.8.1 to fetch.8.3; the user may be asked.
  pub(super) async fn request_permission(
    &self,
  ) -> Result<PermissionState, FetchError> {
    // fetch.8.1: Let permission be the permission state.
    let context = self.engine().context();
    let origin = &self.registration.origin;
    let answer = &*context.policies.permission;
    let permission = context.request_permission(answer, origin).await;
    // fetch.8.2: without the permission the promise is rejected.
    if permission == PermissionState::Denied {
      return Err(FetchError::NotAllowed);
    }
    Ok(permission)
  }

  /// What has to be known of the realm when it is no more.
  fn stored_environment(&self) -> Arc<StoredEnvironment> {
    Arc::new(StoredEnvironment {
      environment: self.environment(),
      embedder_data: self.options().embedder_data.clone().unwrap_or_default(),
      keep_failed: self.options().keep_failed,
      net_check: self.net_check().is_some(),
    })
  }

  fn new_row(
    &self,
    id: String,
    requests: Vec<Arc<Request>>,
    bodies: &[Option<RequestBodyHandle>],
    options: BackgroundFetchOptions,
    permission: PermissionState,
  ) -> StoredBackgroundFetch {
    // fetch.3, fetch.8.8.3.3: the sum of the bodies' lengths
    let lengths = requests.iter().filter_map(|request| request.body_length);
    let upload_total = lengths.sum();
    // fetch.6.4 to fetch.6.6: a record for each request, with an empty
    // response.
    let records = requests.into_iter().map(|request| BackgroundFetchRecord {
      request,
      response_data: BackgroundFetchResponse::default(),
    });
    StoredBackgroundFetch {
      key: BackgroundFetchKey(0),
      scope: self.registration.scope.clone(),
      environment: String::new(),
      background_fetch: BackgroundFetch {
        title: options.title,
        icons: options.icons,
        download_total: options.download_total,
        upload_total,
        // display.11: with the permission "prompt" it may begin paused.
        paused: permission == PermissionState::Prompt,
        ..BackgroundFetch::new(id, records.collect())
      },
      bodies: bodies
        .iter()
        .map(|body| RecordBodies {
          request: body.as_ref().and_then(|body| body.id()),
          ..RecordBodies::default()
        })
        .collect(),
      active: true,
      event_owed: false,
      abnormal_ends: 0,
      retained: None,
      created: millis(&*self.engine().context().platform),
    }
  }
}
