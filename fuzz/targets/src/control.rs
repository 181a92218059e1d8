//! What another process says on the control socket.

use std::path::PathBuf;
use std::sync::OnceLock;

use background_fetch::control::Server;
use background_fetch::control::serve;
use background_fetch::store::Store;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

use crate::peer::Client;
use crate::peer::run;
use crate::peer::runtime;

struct World {
  runtime: Runtime,
  socket: PathBuf,
  _client: Client,
  _server: Server,
  _directory: tempfile::TempDir,
}

impl World {
  fn start() -> Self {
    let runtime = runtime();
    let directory = tempfile::tempdir().unwrap();
    let client = runtime.block_on(Client::start(Store::in_memory(), 0));
    let server = serve(&client.engine, directory.path()).unwrap();
    let mut files = std::fs::read_dir(directory.path()).unwrap();
    let socket = files.next().expect("a socket").unwrap().path();
    Self {
      runtime,
      socket,
      _client: client,
      _server: server,
      _directory: directory,
    }
  }

  async fn says(&self, data: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(&self.socket).await.unwrap();
    // It may hang up before it has heard all.
    if stream.write_all(data).await.is_ok() {
      let _ = stream.shutdown().await;
    }
    let mut answers = Vec::new();
    let _ = stream.read_to_end(&mut answers).await;
    answers
  }
}

/// The bytes that come on the socket. Each command has an answer in a line of
/// its own, and the next client is heard.
pub fn control(data: &[u8]) {
  static WORLD: OnceLock<World> = OnceLock::new();
  let world = WORLD.get_or_init(World::start);
  run(&world.runtime, async {
    let answers = world.says(data).await;
    for line in answers.split_inclusive(|&byte| byte == b'\n') {
      let answer: serde_json::Value = serde_json::from_slice(line).unwrap();
      assert!(answer["answer"].is_string(), "{answer}");
    }
    let list = b"{\"version\":1,\"command\":\"list\"}\n";
    let listed = world.says(list).await;
    let listed: serde_json::Value = serde_json::from_slice(&listed).unwrap();
    assert_eq!(listed["answer"], "list");
  });
}
