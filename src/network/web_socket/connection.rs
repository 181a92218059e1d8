//! An open WebSocket: [RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)'s
//! frames and its closing handshake.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::SinkExt;
use futures::StreamExt;
use futures::stream::SplitSink;
use futures::stream::SplitStream;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::super::TransportConnection;

type Stream = WebSocketStream<TransportConnection>;

/// The largest message that is taken, in bytes: it is in memory as a whole,
/// once on the way and once for the script.
const MAX_MESSAGE: usize = 256 * 1024 * 1024;
/// How long the far side may take to answer a close frame, as in Firefox.
const CLOSING_HANDSHAKE: Duration = Duration::from_secs(10);
/// How long it may take after that to end the connection, as in Chromium.
const END_OF_CONNECTION: Duration = Duration::from_secs(2);

/// What a script does with a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketCommand {
  /// Sends a text.
  Text(String),
  /// Sends bytes.
  Binary(Bytes),
  /// [Starts the closing handshake](https://websockets.spec.whatwg.org/#concept-websocket-close),
  /// with a code and a reason, or without a code.
  Close(Option<(u16, String)>),
  /// [Fails the connection](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7).
  Fail,
}

/// What a script sees of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketEvent {
  /// It is open, with this subprotocol or the empty string.
  Open(String),
  /// A text has come.
  Text(String),
  /// Bytes have come.
  Binary(Bytes),
  /// The [closing handshake is started](https://websockets.spec.whatwg.org/#eventdef-websocket-close)
  /// by the far side.
  Closing,
  /// The last one.
  Closed {
    /// What the far side has said, 1005 if it has said nothing, 1006 if the
    /// connection did not end in order.
    code: u16,
    /// The reason that it has given.
    reason: String,
    /// Whether there was a whole closing handshake.
    was_clean: bool,
    /// Whether the connection was
    /// [failed](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7).
    failed: bool,
  },
}

impl WebSocketEvent {
  /// What comes of a connection that did not end in order.
  pub fn failed() -> Self {
    Self::Closed {
      code: 1006,
      reason: String::new(),
      was_clean: false,
      failed: true,
    }
  }
}

/// Where a connection reports to.
pub struct WebSocketEvents {
  /// While they are not taken, no more is read.
  pub events: mpsc::Sender<WebSocketEvent>,
  /// How many bytes of messages have been handed to the network.
  pub sent: watch::Sender<u64>,
}

/// An open connection.
pub struct WebSocketConnection {
  protocol: String,
  stream: Stream,
}

opaque_debug!(WebSocketEvents, WebSocketConnection);

impl WebSocketConnection {
  pub(super) async fn new(
    protocol: String,
    connection: TransportConnection,
  ) -> Self {
    let config = WebSocketConfig::default()
      .max_message_size(Some(MAX_MESSAGE))
      .max_frame_size(Some(MAX_MESSAGE));
    let stream =
      WebSocketStream::from_raw_socket(connection, Role::Client, Some(config))
        .await;
    Self { protocol, stream }
  }

  /// Does what `commands` say, and reports to `events`, until the connection
  /// has ended. When no command can come any more, it is going away.
  pub async fn run(
    self,
    commands: mpsc::UnboundedReceiver<WebSocketCommand>,
    reports: WebSocketEvents,
  ) {
    let WebSocketEvents { events, sent } = reports;
    // A script that does not listen any more gives no command either.
    let _ = events.send(WebSocketEvent::Open(self.protocol)).await;
    let (sink, stream) = self.stream.split();
    let mut writer = Writer {
      sink,
      commands,
      sent,
    };
    let mut reader = Reader {
      stream,
      events: events.clone(),
    };
    let end = {
      let mut writing = std::pin::pin!(writer.run().fuse());
      let mut reading = std::pin::pin!(reader.run());
      tokio::select! {
        end = &mut reading => end,
        written = &mut writing => match written {
          Written::All => {
            let end = timeout(CLOSING_HANDSHAKE, reading).await;
            end.unwrap_or(End::Failed(None))
          }
          Written::Fail => End::Failed(Some(CloseCode::Away)),
        }
      }
    };
    let last = match end {
      End::Closed(frame) => {
        // What is answered to the close frame is sent while this waits for
        // the server to end the connection.
        let rest = reader.until_the_end();
        let _ = timeout(END_OF_CONNECTION, rest).await;
        closed(frame)
      }
      End::Failed(code) => {
        if let Some(code) = code {
          let frame = CloseFrame {
            code,
            reason: "".into(),
          };
          let close = writer.sink.send(Message::Close(Some(frame)));
          let _ = timeout(END_OF_CONNECTION, close).await;
        }
        WebSocketEvent::failed()
      }
    };
    let _ = events.send(last).await;
  }
}

/// <https://websockets.spec.whatwg.org/#feedback-from-the-protocol>
fn closed(frame: Option<CloseFrame>) -> WebSocketEvent {
  // "no status code": RFC 6455, section 7.1.5.
  let (code, reason) = frame.map_or((1005, String::new()), |frame| {
    (frame.code.into(), frame.reason.to_string())
  });
  WebSocketEvent::Closed {
    code,
    reason,
    was_clean: true,
    failed: false,
  }
}

/// Why nothing more is read.
enum End {
  /// A close frame came.
  Closed(Option<CloseFrame>),
  /// The connection is failed, and the far side is notified.
  Failed(Option<CloseCode>),
}

struct Reader {
  stream: SplitStream<Stream>,
  events: mpsc::Sender<WebSocketEvent>,
}

impl Reader {
  async fn run(&mut self) -> End {
    loop {
      let event = match self.stream.next().await {
        Some(Ok(Message::Text(text))) => {
          WebSocketEvent::Text(text.as_str().into())
        }
        Some(Ok(Message::Binary(bytes))) => WebSocketEvent::Binary(bytes),
        Some(Ok(Message::Close(frame))) => {
          let _ = self.events.send(WebSocketEvent::Closing).await;
          return End::Closed(frame);
        }
        // A ping has its answer already.
        Some(Ok(_)) => continue,
        Some(Err(error)) => return End::Failed(code_of(&error)),
        None => return End::Failed(None),
      };
      // A script that has ended reads on, for the close frame.
      let _ = self.events.send(event).await;
    }
  }

  async fn until_the_end(&mut self) {
    while let Some(Ok(_)) = self.stream.next().await {}
  }
}

/// What is said to a far side that has broken the protocol.
fn code_of(error: &Error) -> Option<CloseCode> {
  match error {
    Error::Protocol(_) => Some(CloseCode::Protocol),
    Error::Utf8(_) => Some(CloseCode::Invalid),
    Error::Capacity(CapacityError::MessageTooLong { .. }) => {
      Some(CloseCode::Size)
    }
    _ => None,
  }
}

/// Why nothing more is written.
enum Written {
  /// The close frame is out, or nothing can be sent any more.
  All,
  /// The connection is to be failed.
  Fail,
}

struct Writer {
  sink: SplitSink<Stream, Message>,
  commands: mpsc::UnboundedReceiver<WebSocketCommand>,
  sent: watch::Sender<u64>,
}

impl Writer {
  async fn run(&mut self) -> Written {
    loop {
      let message = match self.commands.recv().await {
        Some(WebSocketCommand::Text(text)) => Message::text(text),
        Some(WebSocketCommand::Binary(bytes)) => Message::Binary(bytes),
        Some(WebSocketCommand::Close(frame)) => {
          Message::Close(frame.map(|(code, reason)| CloseFrame {
            code: code.into(),
            reason: reason.into(),
          }))
        }
        Some(WebSocketCommand::Fail) => return Written::Fail,
        // https://websockets.spec.whatwg.org/#make-disappear: 1001.
        None => Message::Close(Some(CloseFrame {
          code: CloseCode::Away,
          reason: "".into(),
        })),
      };
      let is_close = message.is_close();
      let length = message.len() as u64;
      // Why it fails, the reader sees as well.
      if self.sink.send(message).await.is_err() || is_close {
        return Written::All;
      }
      self.sent.send_modify(|sent| *sent += length);
    }
  }
}
