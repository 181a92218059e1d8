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
use super::loader::Source;
use super::log::Log;
use super::modules::Modules;
use super::page;
use super::page::Body;
use crate::discover::Scope;
use crate::discover::Test;

/// What the extensions of a realm are made with that writes to `log`.
pub fn options(log: &Log) -> ExtensionOptions {
  let log = log.clone();
  ExtensionOptions {
    console: Console::Custom(Rc::new(move |text: &str, _| log.write(text))),
    ..ExtensionOptions::default()
  }
}

/// A realm for what was loaded from `url`, that has run no script; `client_id`
/// is what its navigation has reserved.
pub fn realm(
  scope: Scope,
  url: Url,
  source: &Source,
  client_id: Option<String>,
  host: Host,
) -> JsRuntime {
  let kind = match scope {
    Scope::Window => RealmKind::Window,
    Scope::DedicatedWorker => RealmKind::DedicatedWorker,
    Scope::ServiceWorker => RealmKind::ServiceWorker,
    Scope::SharedWorker => RealmKind::SharedWorker,
    Scope::ShadowRealm => unreachable!("what has no realm is not run"),
  };
  let modules = Modules {
    loader: host.world.setting.loader.clone(),
    scope,
  };
  let options = options(&host.world.log);
  let realm_options = RealmOptions {
    client_id,
    csp: source.csp.clone(),
    referrer_policy: match scope {
      Scope::Window => page::referrer_policy(source).parse().ok(),
      _ => source.referrer_policy.parse().ok(),
    },
    ..RealmOptions::new(kind, url)
  };
  let mut extensions = extensions(&host.world.engine, realm_options, options);
  extensions.push(host::wpt_host::init(host));
  JsRuntime::new(RuntimeOptions {
    extensions,
    module_loader: Some(Rc::new(modules)),
    ..RuntimeOptions::default()
  })
}

/// Runs the scripts of a page.
///
/// # Errors
///
/// One of them cannot be loaded, or the engine gave up.
pub async fn open_page(
  runtime: &mut JsRuntime,
  loader: &Loader,
  url: Url,
  source: &Source,
) -> Result<(), String> {
  // They run when all the rest is there.
  let mut modules = Vec::new();
  for element in page::elements(&source.text) {
    let attributes = json!(element.attributes);
    let (name, text) = (json!(element.name), json!(element.text));
    call(runtime, "append", &format!("{name}, {attributes}, {text}"))?;
    if element.name == "script" {
      let src = match element.attribute("src") {
        None => None,
        Some(src) => Some(url.join(src).map_err(|error| error.to_string())?),
      };
      match (element.attribute("type"), src) {
        (Some("module"), None) => modules.push(Module::Inline(element.text)),
        (Some("module"), Some(src)) => modules.push(Module::At(src)),
        (_, None) => run_script(runtime, &element.text, &url).await?,
        (_, Some(src)) => {
          let source = loader.load_script(src.clone()).await?;
          run_script(runtime, &source, &src).await?;
        }
      }
    }
  }
  for (index, module) in modules.into_iter().enumerate() {
    run_module(runtime, module, &url, index).await?;
  }
  let text = Body::written(&source.text).map(|body| body.text);
  call(
    runtime,
    "loaded",
    &json!(text.unwrap_or_default()).to_string(),
  )
}

/// Fires the events of the end of a page, and runs what they begin.
///
/// # Errors
///
/// The JavaScript engine gave up.
pub async fn unload_page(runtime: &mut JsRuntime) -> Result<(), String> {
  call(runtime, "unload", "")?;
  until(runtime, || false).await
}

/// A module script.
enum Module {
  At(Url),
  Inline(String),
}

/// Runs a module to its end. One that fails is the page's error, as what a
/// classic script throws is.
async fn run_module(
  runtime: &mut JsRuntime,
  module: Module,
  page: &Url,
  index: usize,
) -> Result<(), String> {
  let loaded = match module {
    Module::At(url) => runtime.load_side_es_module(&url).await,
    Module::Inline(source) => {
      // Two modules of one page are not the same one.
      let mut name = page.clone();
      name.set_fragment(Some(&format!("module-{index}")));
      runtime.load_side_es_module_from_code(&name, source).await
    }
  };
  let result = match loaded {
    Ok(id) => {
      let evaluation = runtime.mod_evaluate(id);
      let options = PollEventLoopOptions::default();
      runtime.with_event_loop_promise(evaluation, options).await
    }
    Err(error) => Err(error),
  };
  match result {
    Ok(()) => Ok(()),
    Err(error) => call(
      runtime,
      "moduleFailed",
      &json!(error.to_string()).to_string(),
    ),
  }
}

/// Runs a worker's script.
///
/// # Errors
///
/// As for [`open_page`].
pub async fn open_worker(
  runtime: &mut JsRuntime,
  test: &Test,
  url: Url,
  source: &Source,
) -> Result<(), String> {
  if test.is_module {
    let module = Module::At(url.clone());
    run_module(runtime, module, &url, 0).await?;
  } else {
    run_script(runtime, &source.text, &url).await?;
  }
  if test.scope == Scope::ServiceWorker {
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
