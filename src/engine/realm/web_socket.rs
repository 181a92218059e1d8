//! [WebSockets](https://websockets.spec.whatwg.org/) of a realm, behind the
//! script's interface.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Realm;
use crate::engine::until::until;
use crate::network::NetworkError;
use crate::network::WebSocketCommand;
use crate::network::WebSocketEvent;
use crate::network::WebSocketEvents;
use crate::network::WebSocketParams;

/// How many WebSockets a realm may have, as in Chromium: each holds a
/// connection, and a process has only so many files.
const MAX_WEB_SOCKETS: usize = 255;
/// How many messages wait for the script before no more is read.
const MESSAGES: usize = 16;

/// A WebSocket that a script has made. When it is dropped, the connection is
/// going away.
pub struct WebSocket {
  commands: mpsc::UnboundedSender<WebSocketCommand>,
  events: tokio::sync::Mutex<Events>,
  connecting: CancellationToken,
  /// Counted as long as this lives.
  _counted: Arc<()>,
}

opaque_debug!(WebSocket);

struct Events {
  events: mpsc::Receiver<WebSocketEvent>,
  sent: watch::Receiver<u64>,
}

/// What happens to a [`WebSocket`].
#[derive(Debug)]
#[non_exhaustive]
pub enum WebSocketNews {
  /// What the connection has brought.
  Event(WebSocketEvent),
  /// So many bytes of messages were handed to the network in all.
  Sent(u64),
}

impl WebSocket {
  /// Does nothing to a connection that has ended.
  pub fn command(&self, command: WebSocketCommand) {
    let _ = self.commands.send(command);
  }

  /// [Fails the connection](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7),
  /// also while it is made.
  pub fn fail(&self) {
    self.connecting.cancel();
    // It may be open by now, and who calls this does not know it yet.
    self.command(WebSocketCommand::Fail);
  }

  /// Waits for what comes next; `None` after the last event. One caller at a
  /// time.
  pub async fn next(&self) -> Option<WebSocketNews> {
    let mut guard = self.events.lock().await;
    let Events { events, sent } = &mut *guard;
    tokio::select! {
      biased;
      Ok(()) = sent.changed() => {
        Some(WebSocketNews::Sent(*sent.borrow_and_update()))
      }
      event = events.recv() => event.map(WebSocketNews::Event),
    }
  }
}

impl Realm {
  /// [Establishes a WebSocket connection](https://websockets.spec.whatwg.org/#concept-websocket-establish)
  /// to `url`, whose scheme is `ws` or `wss`, for a script of this realm.
  pub fn open_web_socket(&self, url: Url, protocols: Vec<String>) -> WebSocket {
    let context = self.engine().context();
    let (commands, commanded) = mpsc::unbounded_channel();
    let (reports, events) = mpsc::channel(MESSAGES);
    let (sent, sent_so_far) = watch::channel(0);
    let connecting = CancellationToken::new();
    let counted = self.attached.web_sockets.clone();
    let is_one_too_many = Arc::strong_count(&counted) > MAX_WEB_SOCKETS + 1;
    let params = WebSocketParams {
      url,
      protocols,
      environment: self.environment(),
      net_check: self.net_check(),
    };
    let (network, stopping) =
      (context.network.clone(), context.stopping.clone());
    let weak = Arc::downgrade(context);
    let failing = connecting.clone();
    let connection = async move {
      if is_one_too_many {
        return Err(NetworkError::not_allowed(format!(
          "there may be {MAX_WEB_SOCKETS} WebSockets in a page or worker"
        )));
      }
      let connected = until(&failing, network.connect_web_socket(params)).await;
      if let (Some(connected), Some(context)) = (&connected, weak.upgrade()) {
        match connected {
          Ok(_) => context.online.answered(),
          Err(error) => context.online.failed(error.kind),
        }
      }
      connected.unwrap_or_else(|| Err(NetworkError::terminated()))
    };
    context.spawn(async move {
      let run = async {
        match connection.await {
          Ok(connection) => {
            let reports = WebSocketEvents {
              events: reports,
              sent,
            };
            connection.run(commanded, reports).await;
          }
          Err(error) => {
            tracing::debug!(%error, "a WebSocket of a script is not opened");
            let _ = reports.send(WebSocketEvent::failed()).await;
          }
        }
      };
      until(&stopping, run).await;
    });
    WebSocket {
      commands,
      events: tokio::sync::Mutex::new(Events {
        events,
        sent: sent_so_far,
      }),
      connecting,
      _counted: counted,
    }
  }
}

impl Drop for WebSocket {
  fn drop(&mut self) {
    // Nothing waits for it. One that is open finds that there are no more
    // commands.
    self.connecting.cancel();
  }
}
