//! Fetching a script of a service worker.

use url::Url;

use crate::dom_exception::DomException;
use crate::service_worker::delegate::ScriptRequest;
use crate::service_worker::delegate::ScriptResponse;
use crate::service_worker::delegate::ScriptRole;
use crate::service_worker::environment::WorkerEnvironment;
use crate::service_worker::model::message::refused;
use crate::service_worker::model::script::is_javascript;
use crate::service_worker::service_workers::ServiceWorkers;

/// A script that can be run.
pub(crate) struct FetchedScript {
  pub(crate) source: String,
  pub(crate) csp: Vec<String>,
  pub(crate) referrer_policy: String,
  pub(crate) service_worker_allowed: Option<String>,
}

impl ServiceWorkers {
  /// Fetches a script, and checks what
  /// [Update](https://w3c.github.io/ServiceWorker/#update-algorithm) (step 7)
  /// and [the fetch for `importScripts()`](https://w3c.github.io/ServiceWorker/#importscripts)
  /// both check.
  pub(crate) async fn fetch_script(
    &self,
    environment: &WorkerEnvironment,
    url: &Url,
    role: ScriptRole,
    bypass_cache: bool,
  ) -> Result<FetchedScript, DomException> {
    let request = ScriptRequest {
      url: url.clone(),
      role,
      bypass_cache,
      environment: environment.clone(),
    };
    let response = self.delegate.fetch_script(request).await;
    let response = response.map_err(|message| {
      let message = format!("the script {url} cannot be fetched: {message}");
      DomException::Type(message)
    })?;
    Self::script_of(url, &response)
  }

  /// The script in the answer for `url`.
  fn script_of(
    url: &Url,
    response: &ScriptResponse,
  ) -> Result<FetchedScript, DomException> {
    // What HTML asks of a classic script, before Update's hook is over.
    if !(200..=299).contains(&response.status) {
      let status = response.status;
      return Err(DomException::Type(format!(
        "the script {url} cannot be fetched: the server answered {status}"
      )));
    }
    // Update, step 7.7: the MIME type has to be one of JavaScript.
    if !is_javascript(response.headers.first("content-type")) {
      return Err(refused(&format!("{url} has no JavaScript MIME type")));
    }
    let header = |name: &str| response.headers.first(name).map(str::to_string);
    let csp = response.headers.values("content-security-policy");
    Ok(FetchedScript {
      csp: csp.map(str::to_string).collect(),
      referrer_policy: header("referrer-policy").unwrap_or_default(),
      service_worker_allowed: header("service-worker-allowed"),
      source: decode(&response.body),
    })
  }
}

impl ServiceWorkers {
  /// A script of a dedicated worker, which has none of a service worker's
  /// rules: what a service worker has answered, or what the network does.
  pub(crate) async fn script_of_worker(
    &self,
    environment: &WorkerEnvironment,
    url: &Url,
    role: ScriptRole,
    answer: Option<ScriptResponse>,
  ) -> Result<String, String> {
    let script = match answer {
      Some(answer) => Self::script_of(url, &answer),
      None => self.fetch_script(environment, url, role, false).await,
    };
    script
      .map(|script| script.source)
      .map_err(|e| e.to_string())
  }
}

/// [UTF-8 decode](https://encoding.spec.whatwg.org/#utf-8-decode)
fn decode(body: &[u8]) -> String {
  let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
  String::from_utf8_lossy(body).into_owned()
}
