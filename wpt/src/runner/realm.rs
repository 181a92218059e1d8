//! A realm, and the scripts that run in it.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::extension::Console;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::extensions;
use deno_core::JsRuntime;
use deno_core::PollEventLoopOptions;
use deno_core::RuntimeOptions;
use reqwest::Url;
use serde_json::json;

use super::host;
use super::host::Host;
use super::loader::Loader;
use super::log::Log;
use super::page;
use crate::discover::Scope;

/// What the extensions of a realm are made with that writes to `log`.
pub fn options(log: &Log) -> ExtensionOptions {
  let log = log.clone();
  ExtensionOptions {
    console: Console::Custom(Rc::new(move |text, _| log.write(text))),
    ..ExtensionOptions::default()
  }
}

/// A realm that has run no script.
pub fn realm(scope: Scope, url: Url, host: Host) -> JsRuntime {
  let kind = match scope {
    Scope::Window => RealmKind::Window,
    Scope::DedicatedWorker => RealmKind::DedicatedWorker,
    Scope::ServiceWorker => RealmKind::ServiceWorker,
  };
  let options = options(&host.world.log);
  let mut extensions =
    extensions(&host.world.engine, RealmOptions::new(kind, url), options);
  extensions.push(host::wpt_host::init(host));
  JsRuntime::new(RuntimeOptions {
    extensions,
    ..RuntimeOptions::default()
  })
}

/// Loads the page at `url` and runs its scripts.
///
/// # Errors
///
/// Something of it cannot be loaded, or the engine gave up.
pub async fn open_page(
  runtime: &mut JsRuntime,
  loader: &Loader,
  url: Url,
) -> Result<(), String> {
  let source = loader.load_text(url.clone()).await?;
  for element in page::elements(&source) {
    let attributes = json!(element.attributes);
    let (name, text) = (json!(element.name), json!(element.text));
    call(runtime, "append", &format!("{name}, {attributes}, {text}"))?;
    if element.name == "script" {
      if element.attribute("type") == Some("module") {
        return Err(format!("{url}: module scripts are not supported"));
      }
      let (source, script) = match element.attribute("src") {
        None => (element.text, url.clone()),
        Some(src) => {
          let script = url.join(src).map_err(|error| error.to_string())?;
          (loader.load_text(script.clone()).await?, script)
        }
      };
      run_script(runtime, &source, &script).await?;
    }
  }
  call(runtime, "loaded", "")
}

/// Runs the worker's script at `url`.
///
/// # Errors
///
/// As for [`open_page`].
pub async fn open_worker(
  runtime: &mut JsRuntime,
  loader: &Loader,
  scope: Scope,
  url: Url,
) -> Result<(), String> {
  let source = loader.load_text(url.clone()).await?;
  run_script(runtime, &source, &url).await?;
  if scope == Scope::ServiceWorker {
    // The harness takes it for the end of the script.
    let install = "dispatchEvent(new ExtendableEvent('install'))";
    execute(runtime, install.into())?;
  }
  Ok(())
}

/// Runs a script and the microtasks it leaves behind.
async fn run_script(
  runtime: &mut JsRuntime,
  source: &str,
  url: &Url,
) -> Result<(), String> {
  let arguments = format!("{}, {}", json!(source), json!(url.as_str()));
  call(runtime, "run", &arguments)?;
  let mut turns = 0;
  until(runtime, || {
    turns += 1;
    turns > 1
  })
  .await
}

fn call(
  runtime: &mut JsRuntime,
  function: &str,
  arguments: &str,
) -> Result<(), String> {
  let host = "globalThis[Symbol.for('wpt.host')]";
  execute(runtime, format!("{host}.{function}({arguments})"))
}

fn execute(runtime: &mut JsRuntime, source: String) -> Result<(), String> {
  match runtime.execute_script("wpt:runner", source) {
    Ok(_) => Ok(()),
    Err(error) => Err(error.to_string()),
  }
}

/// Turns the event loop until `done`, which is asked before every turn.
///
/// # Errors
///
/// The JavaScript engine gave up.
pub async fn until(
  runtime: &mut JsRuntime,
  mut done: impl FnMut() -> bool,
) -> Result<(), String> {
  poll_fn(|cx| {
    if done() {
      return Poll::Ready(Ok(()));
    }
    let turn = runtime.poll_event_loop(cx, PollEventLoopOptions::default());
    if let Poll::Ready(Err(error)) = turn {
      return Poll::Ready(Err(error.to_string()));
    }
    if done() {
      return Poll::Ready(Ok(()));
    }
    Poll::Pending
  })
  .await
}
