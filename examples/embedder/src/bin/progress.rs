//! Progress of many background fetches over HTTP: a server that answers with
//! what the engine knows, as JSON.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use background_fetch::engine::{Engine, RealmKind, RealmOptions};
use background_fetch::extension::{ExtensionOptions, extensions, realm};
use background_fetch::extension::{run_script, run_until_idle};
use background_fetch::store::Store;
use deno_core::{JsRuntime, RuntimeOptions, serde_json};
use embedder::Server;

/// Everything there is, each with how far it is.
fn progress(engine: &Engine) -> serde_json::Value {
  let all = engine.background_fetches();
  let all = all.iter().map(|one| {
    serde_json::json!({
      "id": one.id,
      "title": one.title,
      "downloaded": one.downloaded,
      "total": one.total_to_download(),
      "paused": one.paused,
      "waiting": one.waiting.as_ref().map(|waiting| &waiting.reason),
    })
  });
  all.collect()
}

fn answer(mut client: TcpStream, engine: &Engine) -> std::io::Result<()> {
  let head = BufReader::new(client.try_clone()?).lines();
  for line in head {
    if line?.is_empty() {
      break;
    }
  }
  let body = progress(engine).to_string();
  write!(
    client,
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
     Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
    body.len()
  )
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> embedder::Result {
  let server = Server::start(&[])?;
  let engine = Engine::builder().start(Store::in_memory()).await?;
  let listener = TcpListener::bind("127.0.0.1:0")?;
  let address = listener.local_addr()?;
  let shown = engine.clone();
  thread::spawn(move || {
    for client in listener.incoming().flatten() {
      let _ = answer(client, &shown);
    }
  });
  println!("progress is at http://{address}/");
  let url = format!("{}/sw.js", server.origin).parse()?;
  let options = RealmOptions::new(RealmKind::ServiceWorker, url);
  let mut js = JsRuntime::new(RuntimeOptions {
    extensions: extensions(&engine, options, ExtensionOptions::default()),
    ..Default::default()
  });
  // Each one ends with an event that the script does not let go of before it
  // was asked how far they are.
  run_script(
    &mut js,
    "sw.js",
    r#"
      const { backgroundFetch } = registration;
      const all = Array.from({ length: 20 }, (_, n) => `film ${n}`);
      let letGo;
      const asked = new Promise((resolve) => letGo = resolve);
      globalThis.letGo = letGo;
      addEventListener("backgroundfetchsuccess", (event) => event.waitUntil(asked));
      for (const id of all) backgroundFetch.fetch(id, "/7000", { title: id });
    "#,
  )?;
  let realm = realm(&mut js);
  let poll = async {
    loop {
      let asked = tokio::task::spawn_blocking(move || ask(address)).await;
      let films = asked.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
      let films = films.as_array().cloned().unwrap_or_default();
      let whole = films.iter().filter(|film| film["downloaded"] == 7000);
      if whole.count() == 20 {
        return Ok::<_, String>(films.len());
      }
      tokio::task::yield_now().await;
    }
  };
  let films = {
    let run = run_until_idle(&mut js, &realm);
    tokio::select! {
      films = poll => films?,
      ended = run => return Ok(ended?),
    }
  };
  println!("{films} films, each with 7000 bytes");
  run_script(&mut js, "let_go.js", "letGo()")?;
  run_until_idle(&mut js, &realm).await?;
  assert_eq!(films, 20);
  Ok(())
}

/// What a browser would do.
fn ask(address: std::net::SocketAddr) -> std::io::Result<serde_json::Value> {
  let mut server = TcpStream::connect(address)?;
  write!(server, "GET / HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
  let mut answer = String::new();
  server.read_to_string(&mut answer)?;
  let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
  Ok(serde_json::from_str(body)?)
}
