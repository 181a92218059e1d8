//! The rows of a store that someone has damaged.

use std::path::Path;
use std::sync::OnceLock;

use background_fetch::store::Store;
use rusqlite::Connection;
use rusqlite::types::Null;
use tokio::runtime::Runtime;

use crate::peer::Client;
use crate::peer::Protocol;
use crate::peer::Server;
use crate::peer::copy_directory;
use crate::peer::run;
use crate::peer::runtime;

struct World {
  runtime: Runtime,
  _server: Server,
  /// A store in which two background fetches are under way; the first one is
  /// going to be damaged.
  pristine: tempfile::TempDir,
  /// Table and name of each column of a row, but the keys.
  columns: Vec<(String, String)>,
}

impl World {
  fn start() -> Self {
    let runtime = runtime();
    let server = Server::start(&runtime, Protocol::Http1);
    // Its clients wait.
    server.says_and_stalls(b"");
    let pristine = tempfile::tempdir().unwrap();
    run(&runtime, async {
      let store = Store::open_directory(pristine.path()).unwrap();
      let client = Client::start(store, 0).await;
      client.begin("damaged", &server.origin).await;
      client.begin("healthy", &server.origin).await;
      client.stop().await;
    });
    Self {
      columns: columns(&open(pristine.path())),
      runtime,
      _server: server,
      pristine,
    }
  }
}

fn open(directory: &Path) -> Connection {
  Connection::open(directory.join("facts.sqlite3")).unwrap()
}

fn columns(connection: &Connection) -> Vec<(String, String)> {
  let sql = "SELECT t.name, c.name
    FROM sqlite_master t JOIN pragma_table_info(t.name) c
    WHERE t.name IN ('background_fetch', 'record')
      AND c.name NOT IN ('key', 'background_fetch')
    ORDER BY t.name, c.cid";
  let mut statement = connection.prepare(sql).unwrap();
  let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
  rows.unwrap().map(Result::unwrap).collect()
}

/// Columns of the stored rows, overwritten: in each line a letter for the
/// column, one for the type, and the value. An unreadable row is reported; it
/// is not a panic, another row can still be read, and an engine opens the store
/// and continues with that row.
pub fn store_rows(data: &[u8]) {
  static WORLD: OnceLock<World> = OnceLock::new();
  let world = WORLD.get_or_init(World::start);
  let directory = tempfile::tempdir().unwrap();
  copy_directory(world.pristine.path(), directory.path());
  overwrite(open(directory.path()), &world.columns, data);
  run(&world.runtime, async {
    let store = Store::open_directory(directory.path()).unwrap();
    let rows = store.metadata.load().await.unwrap();
    assert_eq!(rows.len(), 2);
    let healthy = rows[1].as_ref().expect("the other row can be read");
    assert_eq!(healthy.background_fetch.id, "healthy");
    if let Err(damage) = &rows[0] {
      assert!(!damage.message.is_empty());
    }
    let client = Client::start(store, 0).await;
    assert!(client.ids().contains(&"healthy".to_string()));
    client.stop().await;
  });
}

fn overwrite(
  connection: Connection,
  columns: &[(String, String)],
  data: &[u8],
) {
  connection
    .execute_batch(
      "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;
       PRAGMA synchronous = OFF;",
    )
    .unwrap();
  for line in data.split(|&byte| byte == b'\n').take(8) {
    let [column, kind, value @ ..] = line else {
      continue;
    };
    let (table, column) = &columns[usize::from(*column) % columns.len()];
    let which = match table.as_str() {
      "record" => "background_fetch = 1",
      _ => "key = 1",
    };
    let sql = format!("UPDATE {table} SET {column} = ?1 WHERE {which}");
    let text = String::from_utf8_lossy(value);
    // What does not fit the column's type at all is refused, and stays.
    let _ = match kind % 4 {
      0 => connection.execute(&sql, [text.as_ref()]),
      1 => connection.execute(&sql, [value]),
      2 => connection.execute(&sql, [text.trim().parse::<i64>().unwrap_or(-1)]),
      _ => connection.execute(&sql, [Null]),
    };
  }
  connection.close().unwrap();
}
