//! [Service Workers](https://w3c.github.io/ServiceWorker/), as far as a
//! background fetch needs them: registrations and their life, the job queue,
//! running and stopping a worker, clients and messages.
//!
//! `registrations` and `job` are values without I/O: they decide. The other
//! files do what they say, each algorithm under the specification's name. This
//! room knows neither the engine nor JavaScript: `Surroundings` is what it
//! needs of the first, [`Realm`](crate::engine::Realm) its door for the second.

mod activate;
mod at_work;
mod attach;
mod call;
mod clients;
mod control;
mod fetch_script;
mod fire;
mod handle_fetch;
mod import;
mod inbox;
mod install;
mod job;
mod registrations;
mod restore;
mod run;
mod run_jobs;
mod running;
mod script;
mod service_workers;
mod snapshot;
mod soft_update;
mod start_job;
mod stop;
mod surroundings;
mod update;

pub(crate) use self::attach::Attachment;
pub use self::call::Call;
pub use self::call::CallError;
pub use self::call::MatchAllOptions;
pub use self::control::WorkerControl;
pub use self::fetch_script::ScriptRequest;
pub use self::fetch_script::ScriptResponse;
pub use self::fetch_script::ScriptRole;
pub(crate) use self::handle_fetch::Handled;
pub use self::import::ImportError;
pub use self::inbox::Answer;
pub use self::inbox::Event;
pub use self::inbox::Payload;
pub use self::inbox::ServiceWorkerMessage;
pub use self::inbox::Source;
pub use self::script::ScriptMap;
pub use self::script::UpdateViaCache;
pub use self::script::WorkerType;
pub(crate) use self::service_workers::ServiceWorkers;
pub use self::snapshot::ClientSnapshot;
pub use self::snapshot::RegistrationSnapshot;
pub use self::snapshot::ServiceWorkerState;
pub use self::snapshot::WorkerSnapshot;
pub use self::surroundings::FunctionalEvents;
pub(crate) use self::surroundings::NewRealm;
pub use self::surroundings::ServiceWorkerLimits;
pub use self::surroundings::StartWorker;
pub(crate) use self::surroundings::Surroundings;
pub use self::surroundings::WorkerEnvironment;

use crate::identifier::identifier;

identifier! {
  /// Names a service worker registration as long as the engine runs. One that
  /// follows another in the same scope has a number of its own.
  pub struct RegistrationId(pub u64);
}

identifier! {
  /// Names a service worker as long as the engine runs.
  pub struct WorkerId(pub u64);
}

/// Names a realm that is attached to the engine.
pub(crate) type RealmId = u64;
