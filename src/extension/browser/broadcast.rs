//! The ops of `BroadcastChannel`.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use deno_core::OpState;
use deno_core::ResourceId;
use deno_core::ToJsBuffer;
use deno_core::op2;
use serde::Serialize;

use crate::engine::BroadcastMessage;
use crate::engine::BroadcastPart;
use crate::engine::Realm;
use crate::extension::error::OpError;
use crate::extension::structured_clone::add_blob_part;
use crate::extension::structured_clone::take_blob_part;

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

#[op2]
pub(super) fn op_broadcast_post(
  state: &mut OpState,
  #[string] name: String,
  #[smi] channel: u32,
  #[buffer(copy)] data: Bytes,
  #[serde] parts: Vec<ResourceId>,
) -> Result<(), OpError> {
  let parts = parts
    .into_iter()
    .map(|rid| take_blob_part(state, rid))
    .collect::<Result<_, _>>()?;
  state
    .borrow::<Realm>()
    .broadcast(name, channel, data, parts);
  Ok(())
}

/// Those of the message that came last.
struct LastParts(Vec<BroadcastPart>);

/// The parts of the message that came last, for one channel.
#[op2]
#[serde]
pub(super) fn op_broadcast_parts(state: &mut OpState) -> Vec<ResourceId> {
  let parts = match state.try_borrow::<LastParts>() {
    Some(LastParts(parts)) => parts.clone(),
    None => return Vec::new(),
  };
  parts
    .iter()
    .filter_map(|part| add_blob_part(state, part))
    .collect()
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
    parts,
    realm: sender,
    channel,
  } = realm.next_broadcast().await;
  state.borrow_mut().put(LastParts(parts));
  JsBroadcast {
    name,
    data: data.to_vec().into(),
    sender: if sender == realm.number() { channel } else { 0 },
  }
}
