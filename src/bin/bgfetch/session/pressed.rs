//! What the keys do.

use background_fetch::display::text;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use futures::future::join_all;

use crate::keys;
use crate::keys::Key;
use crate::keys::Keys;
use crate::screen::Screen;

const QUESTION: &str = "abort all of them? press y; any other key lets them be";

/// Does what the keys ask for, until one of them asks for the end: everything
/// is kept then.
pub async fn quit(engine: &Engine, screen: &Screen) {
  let keys = screen.has_bars().then(Keys::watch).flatten();
  let Some(mut keys) = keys else {
    return std::future::pending().await;
  };
  screen.hint(keys::HINT);
  loop {
    match keys.next().await {
      Key::Pause => set_paused(engine, screen, true).await,
      Key::Resume => set_paused(engine, screen, false).await,
      Key::Details => details(engine, screen),
      Key::Abort => {
        screen.hint(QUESTION);
        if keys.next().await == Key::Yes {
          abort(engine, screen).await;
        }
        screen.hint(keys::HINT);
      }
      Key::Quit => return,
      Key::Yes | Key::Other => {}
    }
  }
}

fn under_way(engine: &Engine) -> Vec<BackgroundFetchSnapshot> {
  let mut all = engine.background_fetches();
  all.retain(|b| !b.is_settled());
  all
}

async fn set_paused(engine: &Engine, screen: &Screen, paused: bool) {
  let all = under_way(engine).into_iter().map(async |b| match paused {
    true => engine.pause(b.key).await,
    false => engine.unpause(b.key).await,
  });
  report(screen, join_all(all).await);
}

async fn abort(engine: &Engine, screen: &Screen) {
  let all = under_way(engine).into_iter();
  let all = all.map(async |b| engine.abort(b.key).await);
  report(screen, join_all(all).await);
}

fn report<E: std::fmt::Display>(screen: &Screen, done: Vec<Result<bool, E>>) {
  // One sentence is enough, however many there are.
  if let Some(error) = done.into_iter().find_map(Result::err) {
    screen.error(&error.to_string());
  }
}

/// How many are notified of in detail.
const MANY: usize = 20;

fn details(engine: &Engine, screen: &Screen) {
  let all = under_way(engine);
  for b in all.iter().take(MANY) {
    let stored = text::bytes(b.downloaded);
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
