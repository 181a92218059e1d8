//! Another page on the same engine: what an `<iframe>` shows.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use background_fetch::extension::deliver_events;
use reqwest::Url;
use serde::Serialize;
use tokio::sync::oneshot;

use super::STACK;
use super::host::Host;
use super::host::Opened;
use super::outcome::Outcome;
use super::page::Body;
use super::realm::open_page;
use super::realm::realm;
use super::realm::unload_page;
use super::realm::until;
use super::world::World;
use crate::discover::Scope;

/// A page on a thread of its own. It ends when this is dropped: the drop waits
/// for it, so that nothing of it outlives the engine.
pub struct Frame {
  close: Option<oneshot::Sender<()>>,
  thread: Option<thread::JoinHandle<()>>,
}

/// What the page that has opened another one may know of it.
#[derive(Serialize)]
pub struct Shown {
  /// What is in its body, as it was loaded; `None` when it is of another
  /// origin.
  body: Option<Body>,
}

type Loaded = Result<Shown, String>;

impl Frame {
  /// Opens `url` for the page at `from`; the receiver hears when it is loaded,
  /// or why not.
  pub fn open(
    world: World,
    url: Url,
    from: Url,
    opened: Opened,
  ) -> (Self, oneshot::Receiver<Loaded>) {
    let (close, closed) = oneshot::channel();
    let (loaded, is_loaded) = oneshot::channel();
    let thread = thread::Builder::new()
      .name(url.path().to_string())
      .stack_size(STACK)
      .spawn(move || run(world, url, from, opened, closed, loaded));
    let frame = Self {
      close: Some(close),
      // Without a thread, the page is never reported as loaded.
      thread: thread.ok(),
    };
    (frame, is_loaded)
  }
}

impl Drop for Frame {
  fn drop(&mut self) {
    self.close.take();
    if let Some(thread) = self.thread.take() {
      // A panic of its thread was printed.
      let _ = thread.join();
    }
  }
}

fn run(
  world: World,
  url: Url,
  from: Url,
  opened: Opened,
  closed: oneshot::Receiver<()>,
  loaded: oneshot::Sender<Loaded>,
) {
  let runtime = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build();
  let tokio = match runtime {
    Ok(tokio) => tokio,
    Err(error) => {
      // The caller may have gone.
      let _ = loaded.send(Err(error.to_string()));
      return;
    }
  };
  tokio.block_on(show(world, url, from, opened, closed, loaded));
}

/// Loads the page, turns its event loop until it is closed, and unloads it.
async fn show(
  world: World,
  url: Url,
  from: Url,
  opened: Opened,
  closed: oneshot::Receiver<()>,
  loaded: oneshot::Sender<Loaded>,
) {
  let mut closed = pin!(closed);
  let outcome = Rc::new(RefCell::new(Outcome::default()));
  let loader = world.setting.loader.clone();
  let log = world.log.clone();
  let mut navigation = world.engine.navigate(Some(&from));
  let source = tokio::select! {
    biased;
    _ = &mut closed => return,
    source = loader.load_document(&mut navigation, url) => source,
  };
  let source = match source {
    Ok(source) => source,
    Err(error) => {
      // The caller may have gone.
      let _ = loaded.send(Err(error));
      return;
    }
  };
  let url = source.url.clone();
  let is_same_origin = url.origin() == from.origin();
  if is_sandboxed(&source.csp) {
    // There are no realms of opaque origins: nothing of it runs.
    let _ = loaded.send(Ok(Shown { body: None }));
    return;
  }
  let host = Host::new(world, outcome, Some(opened));
  let client_id = navigation.client_id().to_string();
  let mut runtime =
    realm(Scope::Window, url.clone(), &source, Some(client_id), host);
  let shown = async {
    let result = open_page(&mut runtime, &loader, url, &source).await;
    deliver_events(&mut runtime);
    let body = is_same_origin.then(|| Body::shown(&source.text));
    // The caller may have gone.
    let _ = loaded.send(result.map(|()| Shown { body }));
    if let Err(error) = until(&mut runtime, || false).await {
      log.line(&format!("frame: {error}"));
    }
  };
  tokio::select! {
    biased;
    _ = closed => {}
    () = shown => {}
  }
  let unloaded = unload_page(&mut runtime);
  if let Ok(Err(error)) = tokio::time::timeout(UNLOAD, unloaded).await {
    log.line(&format!("frame: {error}"));
  }
}

/// How long what a page begins at its end may take to begin.
const UNLOAD: Duration = Duration::from_millis(200);

/// Whether a document with these values of `Content-Security-Policy` has an
/// opaque origin.
fn is_sandboxed(csp: &[String]) -> bool {
  let mut directives = csp.iter().flat_map(|value| value.split([';', ',']));
  directives.any(|directive| {
    let mut words = directive.split_ascii_whitespace();
    let is_sandbox = words
      .next()
      .is_some_and(|w| w.eq_ignore_ascii_case("sandbox"));
    is_sandbox && !words.any(|w| w.eq_ignore_ascii_case("allow-same-origin"))
  })
}
