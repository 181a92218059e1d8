//! [WebSockets](https://websockets.spec.whatwg.org/): the opening handshake as
//! a fetch, with all the rules of fetches, and messages after it.

mod connection;
mod handshake;
pub(super) mod obtain;

use std::sync::Arc;

pub use self::connection::WebSocketCommand;
pub use self::connection::WebSocketConnection;
pub use self::connection::WebSocketEvent;
pub use self::connection::WebSocketEvents;
use self::handshake::Key;
use self::handshake::check_answer;
use super::ClientEnvironment;
use super::FetchParams;
use super::NetCheck;
use super::Network;
use super::NetworkError;
use super::fetch::Fetch;
use super::main_fetch::main_fetch_recursive;
use super::transport::basic_credentials;
use crate::spec::CredentialsMode;
use crate::spec::Destination;
use crate::spec::RedirectMode;
use crate::spec::Request;
use crate::spec::RequestMode;
use url::Url;

/// What to connect to.
pub struct WebSocketParams {
  /// With the scheme `ws` or `wss`.
  pub url: Url,
  /// The subprotocols that the script understands, the best first.
  pub protocols: Vec<String>,
  /// Who connects.
  pub environment: ClientEnvironment,
  /// Asked before the connection is made.
  pub net_check: Option<Arc<dyn NetCheck>>,
}

opaque_debug!(WebSocketParams);

impl Network {
  /// [Establishes a WebSocket connection](https://websockets.spec.whatwg.org/#concept-websocket-establish):
  /// resolves when the opening handshake is over.
  ///
  /// # Errors
  ///
  /// The connection is failed; why is for people, not for scripts.
  pub async fn connect_web_socket(
    &self,
    params: WebSocketParams,
  ) -> Result<WebSocketConnection, NetworkError> {
    let WebSocketParams {
      url,
      protocols,
      environment,
      net_check,
    } = params;
    // Step 1: Let requestURL be a copy of url, with its scheme set to "http",
    // if url's scheme is "ws"; otherwise to "https".
    let http = format!("http{}", &url.as_str()["ws".len()..]);
    let request_url = Url::parse(&http)
      .map_err(|error| NetworkError::refused(error.to_string()))?;
    // Step 2: Let request be a new request.
    let request = Request {
      mode: RequestMode::WebSocket,
      credentials: CredentialsMode::Include,
      cache: "no-store".into(),
      redirect: RedirectMode::Error,
      referrer: String::new(),
      referrer_policy: "no-referrer".into(),
      ..Request::get(request_url)
    };
    let mut fetch = Fetch::new(
      self.clone(),
      FetchParams {
        request,
        destination: Destination::Empty,
        environment,
        range: None,
        identity: false,
        body: None,
        transmitted: Arc::new(|_| {}),
        net_check,
      },
    );
    // Steps 3 to 9: No extension is spoken here, so none is offered.
    let key = Key::random();
    let headers = &mut fetch.request.headers;
    headers.append("upgrade", "websocket");
    headers.append("connection", "Upgrade");
    headers.append("sec-websocket-key", key.as_str());
    headers.append("sec-websocket-version", "13");
    // What would be sent if the server asked for it.
    if let Some(value) = basic_credentials(&url) {
      headers.append("authorization", value);
    }
    if !protocols.is_empty() {
      headers.append("sec-websocket-protocol", protocols.join(", "));
    }
    // Step 11: fetch the request of the handshake.
    let response = main_fetch_recursive(&mut fetch).await?;
    // Steps 11.1 to 11.6: check what the server has answered.
    let protocol =
      check_answer(&fetch.request.url, &response, &key, &protocols)?;
    let connection = response.upgrade.ok_or_else(|| {
      NetworkError::bad_answer("the connection cannot be taken over")
    })?;
    Ok(WebSocketConnection::new(protocol, connection).await)
  }
}
