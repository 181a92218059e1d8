//! A realm whose globals are the embedder's own, with `deno_crypto` and an op
//! of the embedder's. Every script is part of the program: it works on a machine
//! that has neither cargo nor sources.

use std::sync::Arc;
use std::sync::Mutex;

use background_fetch::engine::{Engine, RealmKind, RealmOptions};
use background_fetch::extension::{check, init, realm, run_script};
use background_fetch::extension::{run_until_idle, with_scripts};
use background_fetch::store::Store;
use deno_core::{Extension, JsRuntime, OpState, RuntimeOptions, op2};
use ::embedder::Server;

/// What the script has printed.
type Lines = Arc<Mutex<Vec<String>>>;

#[op2(fast)]
fn op_embedder_print(state: &mut OpState, #[string] text: &str) {
  println!("{text}");
  let lines = state.borrow::<Lines>();
  lines.lock().expect("a lock").push(text.to_string());
}

#[op2]
#[string]
fn op_embedder_url(state: &mut OpState) -> String {
  state.borrow::<RealmOptions>().url.to_string()
}

deno_core::extension!(
  embedder,
  deps = [deno_webidl, deno_web, deno_fetch, deno_crypto],
  ops = [op_embedder_print, op_embedder_url],
  esm_entry_point = "ext:embedder/globals.js",
  esm = [dir "js", "globals.js"],
  options = { lines: Lines, realm: RealmOptions },
  state = |state, options| {
    state.put(options.lines);
    state.put(options.realm);
  },
);

/// What the build script has made.
fn scripts(specifier: &str) -> Option<&'static str> {
  include!(concat!(env!("OUT_DIR"), "/scripts.rs"))
}

fn extensions(
  engine: &Engine,
  options: RealmOptions,
  lines: Lines,
) -> Vec<Extension> {
  let own = vec![
    deno_webidl::deno_webidl::init(),
    deno_web::deno_web::init(
      Arc::new(deno_web::BlobStore::default()),
      Some(options.url.clone()),
      false,
      deno_web::InMemoryBroadcastChannel::default(),
    ),
    deno_net::deno_net::init(None, None),
    deno_fetch::deno_fetch::init(deno_fetch::Options::default()),
    deno_crypto::deno_crypto::init(None),
    embedder::init(lines, options.clone()),
  ];
  let own = own.into_iter().map(|one| with_scripts(one, scripts));
  // Its scripts are part of the crate.
  own.chain([init(engine, options)]).collect()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ::embedder::Result {
  let server = Server::start(&[])?;
  let engine = Engine::builder().start(Store::in_memory()).await?;
  let url = format!("{}/sw.js", server.origin).parse()?;
  let options = RealmOptions::new(RealmKind::ServiceWorker, url);
  let lines = Lines::default();
  let extensions = extensions(&engine, options, lines.clone());
  check(&extensions)?;
  let mut js = JsRuntime::new(RuntimeOptions {
    extensions,
    ..Default::default()
  });
  run_script(
    &mut js,
    "sw.js",
    r#"
      addEventListener("backgroundfetchsuccess", (event) => event.waitUntil((async () => {
        const record = await event.registration.match("/5000");
        const body = await (await record.responseReady).arrayBuffer();
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
        const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0"));
        console.log("sha-256", hex.join(""));
      })()));
      registration.backgroundFetch.fetch("file", "/5000");
    "#,
  )?;
  let realm = realm(&mut js);
  run_until_idle(&mut js, &realm).await?;
  let lines = lines.lock().expect("a lock").join("\n");
  assert!(lines.starts_with("sha-256 ") && lines.len() == 72, "{lines}");
  Ok(())
}
