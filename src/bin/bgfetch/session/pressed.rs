//! What the keys do.

use background_fetch::display::text;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::store::BackgroundFetchKey;
use futures::future::join_all;

use crate::download::Downloads;
use crate::keys;
use crate::keys::Key;
use crate::keys::Keys;
use crate::screen::Screen;

const QUESTION: &str = "abort all of them? press y; any other key lets them be";

/// What the keys do something with.
pub trait Hands {
  /// What has not come to its end.
  fn under_way(&self) -> Vec<BackgroundFetchSnapshot>;

  async fn set_paused(
    &self,
    key: BackgroundFetchKey,
    paused: bool,
  ) -> Result<(), String>;

  async fn abort(&self, key: BackgroundFetchKey) -> Result<(), String>;

  /// Gives up what is not begun yet.
  fn give_up_queued(&self);
}

/// Those of this process.
pub struct Own<'a> {
  pub engine: &'a Engine,
  pub downloads: &'a Downloads,
}

impl Hands for Own<'_> {
  fn under_way(&self) -> Vec<BackgroundFetchSnapshot> {
    let mut all = self.engine.background_fetches();
    all.retain(|b| !b.is_settled());
    all
  }

  async fn set_paused(
    &self,
    key: BackgroundFetchKey,
    paused: bool,
  ) -> Result<(), String> {
    let done = match paused {
      true => self.engine.pause(key).await.map(drop),
      false => self.engine.unpause(key).await.map(drop),
    };
    done.map_err(|error| error.to_string())
  }

  async fn abort(&self, key: BackgroundFetchKey) -> Result<(), String> {
    let done = self.engine.abort(key).await;
    done.map(drop).map_err(|error| error.to_string())
  }

  fn give_up_queued(&self) {
    self.downloads.give_up_queued(|_| true);
  }
}

/// Does what the keys ask for, until one of them asks for the end: everything
/// is kept then.
pub async fn quit(hands: &impl Hands, screen: &Screen) {
  let keys = screen.has_bars().then(Keys::watch).flatten();
  let Some(mut keys) = keys else {
    return std::future::pending().await;
  };
  screen.hint(keys::HINT);
  loop {
    match keys.next().await {
      Key::Pause => set_paused(hands, screen, true).await,
      Key::Resume => set_paused(hands, screen, false).await,
      Key::Details => details(hands, screen),
      Key::Abort => {
        screen.hint(QUESTION);
        if keys.next().await == Key::Yes {
          abort(hands, screen).await;
        }
        screen.hint(keys::HINT);
      }
      Key::Quit => return,
      Key::Yes | Key::Other => {}
    }
  }
}

async fn set_paused(hands: &impl Hands, screen: &Screen, paused: bool) {
  let all = hands.under_way().into_iter();
  let all = all.map(|b| hands.set_paused(b.key, paused));
  report(screen, join_all(all).await);
}

async fn abort(hands: &impl Hands, screen: &Screen) {
  hands.give_up_queued();
  let all = hands.under_way().into_iter();
  let all = all.map(|b| hands.abort(b.key));
  report(screen, join_all(all).await);
}

fn report(screen: &Screen, done: Vec<Result<(), String>>) {
  // One sentence is enough, however many there are.
  if let Some(error) = done.into_iter().find_map(Result::err) {
    screen.error(&error);
  }
}

/// How many are notified of in detail.
const MANY: usize = 20;

fn details(hands: &impl Hands, screen: &Screen) {
  let all = hands.under_way();
  for b in all.iter().take(MANY) {
    let stored = text::bytes(b.received);
    let of = match b.total_to_download() {
      Some(total) => format!(" of {}", text::bytes(total)),
      None => String::new(),
    };
    let state = match &b.waiting {
      _ if b.paused => "paused".to_string(),
      Some(waiting) => text::waiting(waiting),
      None => "under way".to_string(),
    };
    let id = text::printable(&b.id);
    screen.note(&format!("{id}: {stored}{of}, {state}"));
  }
  if let Some(more) = all.len().checked_sub(MANY).filter(|more| *more > 0) {
    screen.note(&format!("and {more} more"));
  }
}
