//! Another page on the same engine: what an `<iframe>` shows.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use background_fetch::extension::deliver_events;
use reqwest::Url;
use tokio::sync::oneshot;

use super::STACK;
use super::host::Host;
use super::host::Opened;
use super::outcome::Outcome;
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

type Loaded = oneshot::Receiver<Result<(), String>>;

impl Frame {
  /// Opens `url`; the receiver hears when it is loaded, or why not.
  pub fn open(world: World, url: Url, opened: Opened) -> (Self, Loaded) {
    let (close, closed) = oneshot::channel();
    let (loaded, is_loaded) = oneshot::channel();
    let thread = thread::Builder::new()
      .name(url.path().to_string())
      .stack_size(STACK)
      .spawn(move || run(world, url, opened, closed, loaded));
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
  opened: Opened,
  closed: oneshot::Receiver<()>,
  loaded: oneshot::Sender<Result<(), String>>,
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
  tokio.block_on(show(world, url, opened, closed, loaded));
}

/// Loads the page, turns its event loop until it is closed, and unloads it.
async fn show(
  world: World,
  url: Url,
  opened: Opened,
  closed: oneshot::Receiver<()>,
  loaded: oneshot::Sender<Result<(), String>>,
) {
  let outcome = Rc::new(RefCell::new(Outcome::default()));
  let loader = world.setting.loader.clone();
  let log = world.log.clone();
  let host = Host::new(world, outcome, Some(opened));
  let source = match loader.load_frame(url).await {
    Ok(source) => source,
    Err(error) => {
      // The caller may have gone.
      let _ = loaded.send(Err(error));
      return;
    }
  };
  let url = source.url.clone();
  let mut runtime = realm(Scope::Window, url.clone(), &source, host);
  let shown = async {
    let result = open_page(&mut runtime, &loader, url, &source).await;
    deliver_events(&mut runtime);
    // The caller may have gone.
    let _ = loaded.send(result);
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
