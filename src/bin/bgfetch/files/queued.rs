//! Many files: which are begun when, and what of them is noted before.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use parking_lot::Mutex;

use super::Files;
use crate::attend::sentence;
use crate::download::Backlog;
use crate::download::Download;
use crate::download::Item;
use crate::download::Left;
use crate::download::Queue;
use crate::download::Turns;
use crate::download::Whole;

/// What earlier commands have left that is not even begun.
pub struct Backlogs {
  pub left: Vec<Left>,
  all_readable: bool,
}

impl Backlogs {
  /// Whether there was nothing.
  pub fn is_empty(&self) -> bool {
    self.left.is_empty() && self.all_readable
  }
}

impl Files {
  /// Gets those of `items` that have not ended, and notes why one has no file.
  pub async fn get_left(
    &self,
    items: &[Arc<Item>],
    noted: &Mutex<BTreeMap<usize, Option<String>>>,
  ) {
    let ended: HashSet<usize> = noted.lock().keys().copied().collect();
    let note = |index, why| {
      noted.lock().insert(index, why);
    };
    let is_noted = self
      .get_all(items, |index| ended.contains(&index), note)
      .await;
    if is_noted {
      note_elsewhere(Left::read(&self.directory, |_| {}), items);
    }
  }

  /// Gets `items`, each by itself, without those that have `ended`; says of
  /// each that it has come to its end, and why it has no file. `false` when the
  /// store could not note them, so that none is begun.
  ///
  /// All of them are durable before the first is begun: in a backlog, when
  /// they are not all begun at once.
  pub async fn get_all(
    &self,
    items: &[Arc<Item>],
    ended: impl Fn(usize) -> bool,
    say: impl Fn(usize, Option<String>),
  ) -> bool {
    let left = || (0..items.len()).filter(|index| !ended(*index));
    let turns = self.turns(items, left());
    let backlog = match turns.has_places_for_all() {
      true => Ok(None),
      false => self.write_backlog(items, &ended).map(Some),
    };
    match backlog {
      Ok(backlog) => {
        let queue = Queue::new(items.to_vec(), turns, backlog);
        self.get_queued(items, queue, say).await;
        true
      }
      Err(error) => {
        let why = format!("the store cannot note what there is to do: {error}");
        left().for_each(|index| say(index, Some(why.clone())));
        false
      }
    }
  }

  fn write_backlog(
    &self,
    items: &[Arc<Item>],
    ended: impl Fn(usize) -> bool,
  ) -> std::io::Result<Backlog> {
    let earlier = Left::read(&self.directory, |_| {});
    let whole = Whole {
      base: self.base.clone(),
      policy: self.policy,
    };
    let backlog = Backlog::write(&self.directory, whole, items)?;
    let ended = (0..items.len()).filter(|index| ended(*index));
    ended.for_each(|index| backlog.note_begun(index));
    note_elsewhere(earlier, items);
    Ok(backlog)
  }

  fn turns(
    &self,
    items: &[Arc<Item>],
    left: impl Iterator<Item = usize>,
  ) -> Turns {
    let host = |index: usize| {
      let host = items[index].download.url.host_str();
      (index, host.unwrap_or_default())
    };
    Turns::new(left.map(host), self.max_per_host)
  }

  /// The same for those that an earlier command has left.
  pub(super) async fn get_backlog(
    &self,
    left: Left,
    say: impl Fn(&Item, Option<String>),
  ) -> std::io::Result<()> {
    let (whole, items, backlog) = left.open()?;
    let files =
      self.again(whole.base, whole.policy, items.len(), self.screen.clone());
    let say = |index: usize, why| say(&items[index], why);
    let turns = files.turns(&items, 0..items.len());
    let queue = Queue::new(items.clone(), turns, Some(backlog));
    files.get_queued(&items, queue, say).await;
    Ok(())
  }

  async fn get_queued(
    &self,
    items: &[Arc<Item>],
    queue: Arc<Queue>,
    say: impl Fn(usize, Option<String>),
  ) {
    self.downloads.queued(&queue);
    let mut under_way = FuturesUnordered::new();
    loop {
      while let Some((index, place)) = queue.next() {
        under_way.push(async move {
          let ended = self.get_at(&items[index], Some(&place)).await;
          place.begun();
          (index, ended)
        });
      }
      self.screen.queued(self.downloads.unknown());
      for index in queue.given_up() {
        say(index, Some("it was aborted".to_string()));
      }
      if under_way.is_empty() {
        return queue.finish();
      }
      tokio::select! {
        Some((index, ended)) = under_way.next() => {
          say(index, ended.why().map(str::to_string));
        }
        () = queue.changed() => {}
      }
    }
  }

  /// What earlier commands have left that is not even begun. What is begun is
  /// in the store. To be asked for once: it says what cannot be read.
  pub fn backlogs(&self) -> Backlogs {
    Backlog::remove_parts(&self.directory);
    let mut seen = HashSet::new();
    let mut all_readable = true;
    let report = |damage: String| {
      self.screen.error(&damage);
      all_readable = false;
    };
    let all = Left::read(&self.directory, report).into_iter();
    let left = all.map(|left| {
      let is_stored = |download| self.stored.contains_key(&download);
      left.without(|item| item.downloads().any(is_stored))
    });
    let left = left
      .map(|left| left.without_again(&mut seen))
      .filter(|left| !left.is_done())
      .collect();
    Backlogs { left, all_readable }
  }

  /// Gets them. Whether every file is there.
  pub async fn get_backlogs(&self, backlogs: Backlogs) -> bool {
    let all_there = AtomicBool::new(backlogs.all_readable);
    let say = |item: &Item, why: Option<String>| {
      if let Some(why) = why {
        self.screen.error(&sentence(&item.typed, &why));
        all_there.store(false, Ordering::Relaxed);
      }
    };
    let all = backlogs.left.into_iter().map(async |left| {
      if let Err(error) = self.get_backlog(left, say).await {
        self
          .screen
          .error(&format!("a list of files is gone: {error}"));
        all_there.store(false, Ordering::Relaxed);
      }
    });
    join_all(all).await;
    all_there.into_inner()
  }
}

/// Earlier commands may have been left with some of `items`, which are safe now.
fn note_elsewhere(earlier: Vec<Left>, items: &[Arc<Item>]) {
  let own: HashSet<&Download> = items.iter().map(|i| &i.download).collect();
  for left in earlier {
    left.note_elsewhere(|item| own.contains(&item.download));
  }
}
