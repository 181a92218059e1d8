//! The shapes in which values go to JavaScript.

use deno_core::OpState;
use serde::Deserialize;
use serde::Serialize;

use super::payload::JsPayload;
use super::service_worker_messages::JsContent;
use crate::engine::BackgroundFetchOptions;
use crate::engine::RealmKind;
use crate::engine::RealmMessage;
use crate::snapshot::BackgroundFetchSnapshot;
use crate::spec::CacheQueryOptions;
use crate::spec::ImageResource;

pub(crate) fn kind_name(kind: RealmKind) -> &'static str {
  match kind {
    RealmKind::Window => "window",
    RealmKind::DedicatedWorker => "dedicated-worker",
    RealmKind::SharedWorker => "shared-worker",
    RealmKind::ServiceWorker => "service-worker",
  }
}

/// A background fetch, as an instance of `BackgroundFetchRegistration` has it.
/// Numbers of bytes are JavaScript numbers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsBackgroundFetch {
  key: f64,
  id: String,
  download_total: f64,
  downloaded: f64,
  upload_total: f64,
  uploaded: f64,
  result: &'static str,
  failure_reason: &'static str,
  records_available: bool,
}

impl From<BackgroundFetchSnapshot> for JsBackgroundFetch {
  fn from(snapshot: BackgroundFetchSnapshot) -> Self {
    Self {
      key: snapshot.key.0 as f64,
      id: snapshot.id,
      download_total: snapshot.download_total as f64,
      downloaded: snapshot.downloaded as f64,
      upload_total: snapshot.upload_total as f64,
      uploaded: snapshot.uploaded as f64,
      result: snapshot.result.as_str(),
      failure_reason: snapshot.failure_reason.as_str(),
      records_available: snapshot.records_available,
    }
  }
}

/// A [`RealmMessage`] for `js/background_fetch/messages.js`.
#[derive(Serialize)]
#[serde(
  rename_all = "camelCase",
  rename_all_fields = "camelCase",
  tag = "kind"
)]
pub(crate) enum JsMessage {
  Updates {
    updates: Vec<JsBackgroundFetch>,
  },
  /// A functional event to fire.
  FunctionalEvent {
    name: &'static str,
    lease: f64,
    background_fetch: JsBackgroundFetch,
  },
  /// For `js/service_worker/service_worker_messages.js`.
  ServiceWorker {
    message: JsContent,
    data: Option<JsPayload>,
  },
}

impl JsMessage {
  pub(crate) fn new(state: &mut OpState, message: RealmMessage) -> Self {
    match message {
      RealmMessage::Updates(updates) => Self::Updates {
        updates: updates.into_iter().map(Into::into).collect(),
      },
      RealmMessage::Event {
        lease,
        name,
        background_fetch,
      } => Self::FunctionalEvent {
        name,
        lease: lease.into_id().0 as f64,
        background_fetch: (*background_fetch).into(),
      },
      RealmMessage::ServiceWorker(message) => {
        let (message, data) = JsContent::new(state, message);
        Self::ServiceWorker { message, data }
      }
    }
  }
}

/// `BackgroundFetchOptions`, converted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsOptions {
  title: Option<String>,
  icons: Option<Vec<ImageResource>>,
  /// An `unsigned long long`, as precisely as a JavaScript number has it.
  download_total: f64,
}

impl From<JsOptions> for BackgroundFetchOptions {
  fn from(options: JsOptions) -> Self {
    Self {
      title: options.title.unwrap_or_default(),
      icons: options.icons.unwrap_or_default(),
      download_total: options.download_total as u64,
    }
  }
}

/// `BackgroundFetchUIOptions`, converted.
#[derive(Deserialize)]
pub(crate) struct JsUiOptions {
  pub title: Option<String>,
  pub icons: Option<Vec<ImageResource>>,
}

/// `CacheQueryOptions`, converted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsCacheQueryOptions {
  ignore_search: bool,
  ignore_method: bool,
  ignore_vary: bool,
}

impl From<JsCacheQueryOptions> for CacheQueryOptions {
  fn from(options: JsCacheQueryOptions) -> Self {
    Self {
      ignore_search: options.ignore_search,
      ignore_method: options.ignore_method,
      ignore_vary: options.ignore_vary,
    }
  }
}
