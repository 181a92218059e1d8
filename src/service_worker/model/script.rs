//! Scripts of a service worker, and how they are asked for.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use url::Url;

/// The [script resource map](https://w3c.github.io/ServiceWorker/#dfn-script-resource-map):
/// the worker's own script and everything that it has imported, as text.
pub type ScriptMap = BTreeMap<Url, String>;

/// [The type of a service worker](https://w3c.github.io/ServiceWorker/#dfn-type).
#[derive(
  Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
/// How a worker's script is evaluated.
#[serde(rename_all = "lowercase")]
pub enum WorkerType {
  /// As a script, with `importScripts()`.
  #[default]
  Classic,
  /// As a module.
  Module,
}

/// [How the HTTP cache is asked](https://w3c.github.io/ServiceWorker/#dfn-update-via-cache).
/// There is none here, so it is a value that scripts get back, and no more.
#[derive(
  Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
/// Which scripts of a worker may come from the HTTP cache when it is updated.
#[serde(rename_all = "lowercase")]
pub enum UpdateViaCache {
  /// Those that it imports.
  #[default]
  Imports,
  /// All.
  All,
  /// None.
  None,
}

/// Whether `content_type` is that of a
/// [JavaScript MIME type](https://mimesniff.spec.whatwg.org/#javascript-mime-type).
pub(crate) fn is_javascript(content_type: Option<&str>) -> bool {
  let Some(content_type) = content_type else {
    return false;
  };
  let essence = content_type.split(';').next().unwrap_or_default().trim();
  JAVASCRIPT
    .iter()
    .any(|mime_type| essence.eq_ignore_ascii_case(mime_type))
}

const JAVASCRIPT: &[&str] = &[
  "application/ecmascript",
  "application/javascript",
  "application/x-ecmascript",
  "application/x-javascript",
  "text/ecmascript",
  "text/javascript",
  "text/javascript1.0",
  "text/javascript1.1",
  "text/javascript1.2",
  "text/javascript1.3",
  "text/javascript1.4",
  "text/javascript1.5",
  "text/jscript",
  "text/livescript",
  "text/x-ecmascript",
  "text/x-javascript",
];
