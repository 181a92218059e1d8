//! The row of a background fetch, and the one way to the job that is made of it:
//! for a new one, after a restart, and when it is continued.

use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use super::Job;
use super::JobInit;
use super::Jobs;
use super::record_slot::NewSlot;
use super::response_data::ResponseState;
use crate::engine::context::Context;
use crate::engine::net_permission::NetPermission;
use crate::network::ClientEnvironment;
use crate::spec::FetchMachine;
use crate::store::StoredBackgroundFetch;

/// What the store keeps of the realm that started a background fetch.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredEnvironment {
  pub(crate) environment: ClientEnvironment,
  pub(crate) embedder_data: String,
  /// See [`RealmOptions::keep_failed`](crate::engine::RealmOptions::keep_failed).
  #[serde(default)]
  pub(crate) keep_failed: bool,
  /// Whether the realm had a check of its own.
  #[serde(default)]
  pub(crate) net_check: bool,
}

impl StoredEnvironment {
  pub(crate) fn to_json(&self) -> String {
    // Strings, enumerations and URLs always have a JSON form.
    serde_json::to_string(self).unwrap_or_default()
  }
}

/// The background fetch of a row, known to the engine. Nothing of it runs yet.
pub(crate) fn make_known(
  context: &Arc<Context>,
  jobs: &Arc<Jobs>,
  row: StoredBackgroundFetch,
  stored: Arc<StoredEnvironment>,
  net_permission: NetPermission,
) -> Arc<Job> {
  let records = row.background_fetch.records.iter().zip(row.bodies);
  let slots = records.map(|(record, bodies)| {
    let data = &record.response_data;
    NewSlot {
      request: record.request.clone(),
      request_body: bodies.request,
      response: ResponseState::restored(
        data.response.clone(),
        data.bytes(),
        data.result,
        bodies.response,
      ),
      diagnostic: bodies.diagnostic,
    }
  });
  let slots = slots.collect();
  let id = row.background_fetch.id.clone();
  let job = Job::new(
    context,
    jobs,
    JobInit {
      key: row.key,
      registration: context.registrations.get(&row.scope),
      stored,
      retained: row.retained,
      net_permission,
      slots,
      machine: FetchMachine::new(row.background_fetch),
    },
  );
  if row.active {
    job.registration.insert_active(id, job.key);
  }
  jobs.insert(job.key, job.clone());
  job
}
