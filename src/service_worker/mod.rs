//! [Service Workers](https://w3c.github.io/ServiceWorker/), as far as a
//! background fetch needs them: registrations and their life, the job queue,
//! running and stopping a worker, clients and messages.
//!
//! `state` has values without I/O: they decide. `algorithms` and `lifetime`
//! do what they say, each algorithm under the specification's name. This
//! module knows neither the engine nor JavaScript: `Delegate` is what it
//! needs of the first, [`Realm`](crate::engine::Realm) its interface for the second.

mod algorithms;
mod delegate;
mod environment;
mod lifetime;
mod model;
mod service_workers;
mod state;

pub use self::algorithms::call::Call;
pub use self::algorithms::call::MatchAllOptions;
pub(crate) use self::algorithms::handle_fetch::Handled;
pub(crate) use self::delegate::Delegate;
pub use self::delegate::FunctionalEvents;
pub(crate) use self::delegate::NewRealm;
pub use self::delegate::ScriptRequest;
pub use self::delegate::ScriptResponse;
pub use self::delegate::ScriptRole;
pub use self::delegate::ServiceWorkerLimits;
pub use self::delegate::StartWorker;
pub use self::environment::WorkerEnvironment;
pub(crate) use self::lifetime::attach::Attachment;
pub use self::lifetime::handle::InternalWorkerHandle;
pub use self::model::message::Answer;
pub use self::model::message::Event;
pub(crate) use self::model::message::JobCaller;
pub use self::model::message::Payload;
pub use self::model::message::ServiceWorkerMessage;
pub use self::model::message::Source;
pub use self::model::navigation_preload::NavigationPreload;
pub use self::model::navigation_preload::NavigationPreloadChange;
pub use self::model::script::ScriptMap;
pub use self::model::script::UpdateViaCache;
pub use self::model::script::WorkerType;
pub use self::model::snapshot::ClientSnapshot;
pub use self::model::snapshot::RegistrationSnapshot;
pub use self::model::snapshot::ServiceWorkerState;
pub use self::model::snapshot::WorkerSnapshot;
pub(crate) use self::service_workers::ServiceWorkers;
pub use crate::ids::RegistrationId;
pub use crate::ids::WorkerId;
