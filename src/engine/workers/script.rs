//! Scripts of service workers, over the network.

use futures::StreamExt;

use crate::engine::context::Context;
use crate::network::FetchParams;
use crate::service_worker::ScriptRequest;
use crate::service_worker::ScriptResponse;
use crate::service_worker::ScriptRole;
use crate::spec::Destination;
use crate::spec::RedirectMode;
use crate::spec::Request;
use crate::spec::RequestMode;

/// Fetches a script. The error is a human-readable message.
pub(crate) async fn fetch(
  context: &Context,
  script: ScriptRequest,
) -> Result<ScriptResponse, String> {
  let environment = script.environment;
  let default_net_check = &context.policies.default_net_check;
  if environment.net_check_lost && default_net_check.is_none() {
    return Err(
      "the permission to use the network that its page had is not there since \
       the restart; let the page register the worker again"
        .into(),
    );
  }
  let mut request = Request::get(script.url);
  if script.bypass_cache {
    request.cache = "no-cache".into();
  }
  if script.role == ScriptRole::Main {
    // https://w3c.github.io/ServiceWorker/#update-algorithm, steps 7.1 and 7.5:
    // the server can tell the request, and may not redirect it.
    request.headers.append("service-worker", "script");
    request.redirect = RedirectMode::Error;
    request.mode = RequestMode::SameOrigin;
  }
  if script.role == ScriptRole::ClassicImport {
    // https://html.spec.whatwg.org/#fetch-a-classic-worker-imported-script,
    // step 3: a new request has the mode "no-cors".
    request.mode = RequestMode::NoCors;
  }
  let params = FetchParams {
    request,
    destination: match script.role {
      ScriptRole::Main => Destination::ServiceWorker,
      ScriptRole::ClassicImport | ScriptRole::ModuleImport => {
        Destination::Script
      }
    },
    environment: environment.client,
    range: None,
    identity: false,
    body: None,
    transmitted: std::sync::Arc::new(|_| {}),
    net_check: environment.net_check,
  };
  let response = context.network.fetch(params).await;
  let mut response = response.map_err(|error| error.to_string())?;
  let mut body = Vec::new();
  while let Some(chunk) = response.body.next().await {
    let chunk = chunk.map_err(|error| error.to_string())?;
    if body.len() + chunk.len() > MAX_SCRIPT {
      return Err(format!("it is larger than {MAX_SCRIPT} bytes"));
    }
    body.extend_from_slice(&chunk);
  }
  Ok(ScriptResponse {
    status: response.response.status,
    headers: response.response.internal_headers().clone(),
    body: body.into(),
  })
}

/// In bytes.
const MAX_SCRIPT: usize = 64 * 1024 * 1024;
