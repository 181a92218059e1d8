//! What is sent between realms, as a structured clone with what is transferred.

use deno_core::OpState;
use deno_core::ToJsBuffer;
use deno_web::JsMessageData;
use deno_web::Transferable;
use deno_web::deserialize_js_transferables;
use deno_web::serialize_transferables;
use serde::Serialize;

use super::error::OpError;
use crate::dom_exception::DomException;
use crate::service_worker::Payload;

/// What a [`Payload`] is between two realms.
struct Serialized {
  data: Vec<u8>,
  transferables: Vec<Transferable>,
}

pub(super) fn payload(
  state: &mut OpState,
  message: JsMessageData,
) -> Result<Payload, OpError> {
  let data = message.data.to_vec();
  let transferables =
    deserialize_js_transferables(state, message.transferables)
      .map_err(|error| DomException::Type(error.to_string()))?;
  Ok(Payload(Box::new(Serialized {
    data,
    transferables,
  })))
}

/// What `deserializeJsMessageData` of deno_web takes.
#[derive(Serialize)]
pub(crate) struct JsPayload {
  data: ToJsBuffer,
  /// In JSON: deno_web does not name their type.
  transferables: serde_json::Value,
}

impl JsPayload {
  pub(crate) fn new(state: &mut OpState, payload: Payload) -> Option<Self> {
    let serialized = payload.0.downcast::<Serialized>().ok()?;
    let transferables = serialized.transferables;
    let transferables = serialize_transferables(state, transferables);
    Some(Self {
      data: serialized.data.into(),
      transferables: serde_json::to_value(transferables).ok()?,
    })
  }
}
