//! What a server answers, from the socket through the whole of the network
//! layer into a store.

use std::sync::OnceLock;

use background_fetch::store::Store;
use tokio::runtime::Runtime;

use crate::peer::Client;
use crate::peer::Ended;
use crate::peer::Protocol;
use crate::peer::Server;
use crate::peer::run;
use crate::peer::runtime;

struct World {
  runtime: Runtime,
  server: Server,
  client: Client,
}

/// Between two answers: what separates records in ASCII.
const NEXT_ANSWER: u8 = 0x1e;

impl World {
  fn start(protocol: Protocol) -> Self {
    let runtime = runtime();
    Self {
      server: Server::start(&runtime, protocol),
      client: runtime.block_on(Client::start(Store::in_memory(), 1)),
      runtime,
    }
  }

  /// However the server answers, the background fetch settles.
  fn answers(&self, data: &[u8]) -> Ended {
    self.server.says(data.split(|byte| *byte == NEXT_ANSWER));
    let ended = run(&self.runtime, async {
      self.client.begin("x", &self.server.origin).await;
      self.client.ended().await
    });
    assert!(!ended.is_success || !data.is_empty());
    ended
  }
}

/// The bytes of an answer over HTTP/1.1, and of those to the requests that
/// follow: for what was redirected, for the rest, for the whole once more. What
/// was not compressed has not become more.
pub fn http1_answer(data: &[u8]) {
  static WORLD: OnceLock<World> = OnceLock::new();
  let world = WORLD.get_or_init(|| World::start(Protocol::Http1));
  let ended = world.answers(data);
  let (lower, coding) = (data.to_ascii_lowercase(), b"coding");
  let may_grow = lower.windows(coding.len()).any(|part| part == coding);
  assert!(may_grow || ended.bytes <= data.len() as u64);
}

/// The frames that a server sends over HTTP/2 once a request is there, on as
/// many connections as there are answers.
pub fn http2_answer(data: &[u8]) {
  static WORLD: OnceLock<World> = OnceLock::new();
  let world = WORLD.get_or_init(|| World::start(Protocol::Http2));
  world.answers(data);
}
