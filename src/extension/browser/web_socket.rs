//! The ops of `WebSocket`: they translate, and decide nothing.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use deno_core::OpState;
use deno_core::Resource;
use deno_core::ResourceId;
use deno_core::ToJsBuffer;
use deno_core::op2;
use serde::Serialize;
use url::Url;

use crate::dom_exception::DomException;
use crate::engine::Realm;
use crate::engine::WebSocket;
use crate::engine::WebSocketNews;
use crate::extension::error::OpError;
use crate::extension::net_check::take_permissions;
use crate::network::WebSocketCommand;
use crate::network::WebSocketEvent;

struct ScriptWebSocket(WebSocket);

impl Resource for ScriptWebSocket {
  fn name(&self) -> Cow<'_, str> {
    "webSocket".into()
  }
}

/// What comes next, for `js/browser/web_socket.js`.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum JsWebSocketNews {
  Open {
    protocol: String,
  },
  Text {
    text: String,
  },
  Binary {
    bytes: ToJsBuffer,
  },
  Sent {
    total: u64,
  },
  Closing,
  Closed {
    code: u16,
    reason: String,
    was_clean: bool,
    failed: bool,
  },
}

/// Opens a WebSocket to `url`.
#[op2]
#[smi]
pub(super) fn op_web_socket_open(
  state: &mut OpState,
  #[string] url: &str,
  #[serde] protocols: Vec<String>,
) -> Result<ResourceId, OpError> {
  let url =
    Url::parse(url).map_err(|error| DomException::Type(error.to_string()))?;
  take_permissions(state);
  let realm = state.borrow::<Realm>().clone();
  let socket = ScriptWebSocket(realm.open_web_socket(url, protocols));
  Ok(state.resource_table.add(socket))
}

/// Waits for what comes next.
#[op2]
#[serde]
pub(super) async fn op_web_socket_next(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<JsWebSocketNews, OpError> {
  let socket = state.borrow().resource_table.get::<ScriptWebSocket>(rid)?;
  let event = match socket.0.next().await {
    Some(WebSocketNews::Sent(total)) => {
      return Ok(JsWebSocketNews::Sent { total });
    }
    Some(WebSocketNews::Event(event)) => event,
    // The engine has ended.
    None => WebSocketEvent::failed(),
  };
  Ok(match event {
    WebSocketEvent::Open(protocol) => JsWebSocketNews::Open { protocol },
    WebSocketEvent::Text(text) => JsWebSocketNews::Text { text },
    WebSocketEvent::Binary(bytes) => JsWebSocketNews::Binary {
      bytes: Vec::from(bytes).into(),
    },
    WebSocketEvent::Closing => JsWebSocketNews::Closing,
    WebSocketEvent::Closed {
      code,
      reason,
      was_clean,
      failed,
    } => JsWebSocketNews::Closed {
      code,
      reason,
      was_clean,
      failed,
    },
  })
}

fn command(
  state: &OpState,
  rid: ResourceId,
  command: WebSocketCommand,
) -> Result<(), OpError> {
  let socket = state.resource_table.get::<ScriptWebSocket>(rid)?;
  socket.0.command(command);
  Ok(())
}

#[op2(fast)]
pub(super) fn op_web_socket_send_text(
  state: &mut OpState,
  #[smi] rid: ResourceId,
  #[string] text: String,
) -> Result<(), OpError> {
  command(state, rid, WebSocketCommand::Text(text))
}

#[op2(fast)]
pub(super) fn op_web_socket_send_binary(
  state: &mut OpState,
  #[smi] rid: ResourceId,
  #[buffer(copy)] bytes: Bytes,
) -> Result<(), OpError> {
  command(state, rid, WebSocketCommand::Binary(bytes))
}

/// Starts the closing handshake; `code` is negative for none.
#[op2(fast)]
pub(super) fn op_web_socket_close(
  state: &mut OpState,
  #[smi] rid: ResourceId,
  #[smi] code: i32,
  #[string] reason: String,
) -> Result<(), OpError> {
  let frame = u16::try_from(code).ok().map(|code| (code, reason));
  command(state, rid, WebSocketCommand::Close(frame))
}

/// Fails the connection.
#[op2(fast)]
pub(super) fn op_web_socket_fail(
  state: &mut OpState,
  #[smi] rid: ResourceId,
) -> Result<(), OpError> {
  let socket = state.resource_table.get::<ScriptWebSocket>(rid)?;
  socket.0.fail();
  Ok(())
}
