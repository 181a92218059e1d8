//! Messages to broadcast channels, on their way from realm to realm.

use std::any::Any;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Weak;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use url::Origin;

/// What a message carries beside its bytes: the engine does not know what it is.
pub type BroadcastPart = Arc<dyn Any + Send + Sync>;

/// A message, as every realm of the origin gets it: its sender's, too.
#[derive(Clone, Debug)]
pub struct BroadcastMessage {
  /// The channel's.
  pub name: String,
  /// A serialized value.
  pub data: Bytes,
  /// Parts of blobs that it carries.
  pub parts: Vec<BroadcastPart>,
  /// The realm whose script has sent it, and the number that this script gave
  /// to its channel.
  pub realm: u64,
  /// The channel that it has come by, as its realm names it.
  pub channel: u32,
}

/// Every origin's listeners.
#[derive(Default)]
pub(crate) struct Broadcasts(
  pub(crate) Mutex<HashMap<Origin, Vec<Weak<Listener>>>>,
);

/// A realm with a channel.
#[derive(Default)]
pub(crate) struct Listener {
  pub(crate) messages: Mutex<VecDeque<BroadcastMessage>>,
  pub(crate) notify: Notify,
}
