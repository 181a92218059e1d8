//! The ops of `BroadcastChannel`.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use deno_core::OpState;
use deno_core::ToJsBuffer;
use deno_core::op2;
use serde::Serialize;

use crate::engine::BroadcastMessage;
use crate::engine::Realm;

/// A message for the channels of this realm.
#[derive(Serialize)]
pub(super) struct JsBroadcast {
  name: String,
  data: ToJsBuffer,
  /// The number of the channel that has sent it, if it is this realm's, or 0.
  sender: u32,
}

#[op2(fast)]
pub(super) fn op_broadcast_listen(state: &mut OpState) {
  state.borrow::<Realm>().listen_to_broadcasts();
}

#[op2(fast)]
pub(super) fn op_broadcast_post(
  state: &mut OpState,
  #[string] name: String,
  #[smi] channel: u32,
  #[buffer(copy)] data: Bytes,
) {
  state.borrow::<Realm>().broadcast(name, channel, data);
}

#[op2]
#[serde]
pub(super) async fn op_broadcast_next(
  state: Rc<RefCell<OpState>>,
) -> JsBroadcast {
  let realm = state.borrow().borrow::<Realm>().clone();
  let BroadcastMessage {
    name,
    data,
    realm: sender,
    channel,
  } = realm.next_broadcast().await;
  JsBroadcast {
    name,
    data: data.to_vec().into(),
    sender: if sender == realm.number() { channel } else { 0 },
  }
}
