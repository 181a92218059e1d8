//! The file with what was received of a body, that someone has changed while
//! no process had the store.

use std::path::Path;
use std::path::PathBuf;
use std::sync::OnceLock;

use background_fetch::store::Store;
use tokio::runtime::Runtime;

use crate::peer::Client;
use crate::peer::Protocol;
use crate::peer::Server;
use crate::peer::copy_directory;
use crate::peer::run;
use crate::peer::runtime;

/// How long the body is, and how much of it is there.
const WHOLE: usize = 400;
const THERE: usize = 200;

struct World {
  runtime: Runtime,
  server: Server,
  /// A store in which a background fetch is under way.
  pristine: tempfile::TempDir,
}

impl World {
  fn start() -> Self {
    let runtime = runtime();
    let server = Server::start(&runtime, Protocol::Http1);
    let pristine = tempfile::tempdir().unwrap();
    server.says_and_stalls(&answer("200 OK", "", WHOLE, THERE));
    run(&runtime, async {
      let store = Store::open_directory(pristine.path()).unwrap();
      let client = Client::start(store, 0).await;
      client.begin("x", &server.origin).await;
      client.received(THERE as u64).await;
      client.stop().await;
    });
    Self {
      runtime,
      server,
      pristine,
    }
  }
}

fn answer(status: &str, more: &str, length: usize, sent: usize) -> Vec<u8> {
  let head = format!(
    "HTTP/1.1 {status}\r\nETag: \"1\"\r\n{more}Content-Length: {length}\r\n\r\n"
  );
  let mut answer = head.into_bytes();
  answer.resize(answer.len() + sent, b'x');
  answer
}

/// What the file has instead of what was received. The engine opens the store
/// all the same, and the background fetch succeeds with the whole body: what is
/// missing of the file is in its row.
pub fn store_bodies(data: &[u8]) {
  static WORLD: OnceLock<World> = OnceLock::new();
  let world = WORLD.get_or_init(World::start);
  let directory = tempfile::tempdir().unwrap();
  copy_directory(world.pristine.path(), directory.path());
  let bodies = files(&directory.path().join("bodies"));
  assert!(!bodies.is_empty());
  for body in bodies {
    std::fs::write(body, data).unwrap();
  }
  let there = data.len().max(THERE);
  let rest = if there < WHOLE {
    let last = WHOLE - 1;
    let range = format!("Content-Range: bytes {there}-{last}/{WHOLE}\r\n");
    let rest = WHOLE - there;
    answer("206 Partial Content", &range, rest, rest)
  } else {
    answer("200 OK", "", WHOLE, WHOLE)
  };
  world.server.says([&rest[..]]);
  let ended = run(&world.runtime, async {
    let store = Store::open_directory(directory.path()).unwrap();
    let client = Client::start(store, 0).await;
    let ended = client.ended().await;
    client.stop().await;
    ended
  });
  assert!(ended.is_success);
  assert_eq!(ended.bytes, WHOLE as u64);
}

/// All files in `directory` and below.
fn files(directory: &Path) -> Vec<PathBuf> {
  let entries = std::fs::read_dir(directory).unwrap();
  let paths = entries.map(|entry| entry.unwrap().path());
  paths
    .flat_map(|path| {
      if path.is_dir() {
        files(&path)
      } else {
        vec![path]
      }
    })
    .collect()
}
