//! The request for a document, before there is a realm.

use std::sync::Arc;

use url::Origin;
use url::Url;

use super::script_fetch::FetchClient;
use super::script_fetch::ask_service_worker;
use crate::engine::Engine;
use crate::network::FetchResponse;
use crate::network::NetworkError;
use crate::network::check_service_worker_response;
use crate::platform::new_uuid;
use crate::spec::CredentialsMode;
use crate::spec::RedirectMode;
use crate::spec::Request;
use crate::spec::RequestMode;

/// A document that an embedder loads: what service workers have to say of it,
/// and the client that it is to be. The document itself is the embedder's: who
/// follows redirects, and asks the network for what no service worker answers.
///
/// ```
/// # use background_fetch::engine::{Navigation, RealmOptions};
/// # use background_fetch::{Engine, RealmKind, Url};
/// # async fn load(engine: &Engine, url: Url) -> Result<(), Box<dyn std::error::Error>> {
/// let mut navigation = engine.navigate(None);
/// match navigation.fetch(url.clone()).await? {
///   Some(answer) => { /* The page is the answer's body. */ }
///   None => { /* Ask the network, and begin again when it redirects. */ }
/// }
/// let realm = engine.attach(RealmOptions {
///   client_id: Some(navigation.client_id().into()),
///   ..RealmOptions::new(RealmKind::Window, url)
/// });
/// # Ok(()) }
/// ```
pub struct Navigation {
  engine: Engine,
  referrer: String,
  /// Of the last URL that was asked for.
  origin: Option<Origin>,
  client_id: String,
}

opaque_debug!(Navigation);

impl Engine {
  /// Begins to load a document that the page `from` wants to show, or the user
  /// when that is `None`.
  pub fn navigate(&self, from: Option<&Url>) -> Navigation {
    Navigation {
      client_id: new_uuid(&*self.context().platform).to_string(),
      engine: self.clone(),
      referrer: from.map_or_else(String::new, Url::to_string),
      origin: None,
    }
  }
}

impl Navigation {
  /// Asks the service worker whose registration `url` matches, as
  /// [Handle Fetch](https://w3c.github.io/ServiceWorker/#handle-fetch) does for
  /// a navigation: once for the first URL, and once for each that a redirect
  /// leads to. `None`: there is none, or it leaves the request to the network.
  /// A redirect comes as a response of the type
  /// [`OpaqueRedirect`](crate::spec::ResponseType::OpaqueRedirect), with its `Location` in
  /// [`Response::internal_headers`](crate::engine::Response::internal_headers).
  ///
  /// Nothing is preloaded, whatever the registration says of
  /// [navigation preload](https://w3c.github.io/ServiceWorker/#navigation-preload).
  ///
  /// # Errors
  ///
  /// The service worker has failed, or has answered with what is not for a
  /// document.
  pub async fn fetch(
    &mut self,
    url: Url,
  ) -> Result<Option<FetchResponse>, NetworkError> {
    let context = self.engine.context();
    // https://html.spec.whatwg.org/multipage/browsing-the-web.html#create-navigation-params-by-fetching:
    // a redirect to another origin discards the reserved environment.
    let origin = url.origin();
    if self.origin.as_ref().is_some_and(|before| *before != origin) {
      self.client_id = new_uuid(&*context.platform).to_string();
    }
    self.origin = Some(origin);
    let request = Request {
      mode: RequestMode::Navigate,
      credentials: CredentialsMode::Include,
      redirect: RedirectMode::Manual,
      referrer: self.referrer.clone(),
      ..Request::get(url)
    };
    let client = FetchClient::Reserved(self.client_id.clone());
    let context = Arc::downgrade(context);
    let answer =
      ask_service_worker(context, client, request.clone(), None).await?;
    if let Some(answer) = &answer {
      check_service_worker_response(&request, &answer.response)?;
    }
    Ok(answer)
  }

  /// The id of the client that the document at the last URL is to be.
  pub fn client_id(&self) -> &str {
    &self.client_id
  }
}
