//! The side of a command that finds the store in use.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use background_fetch::control::Client;
use background_fetch::control::Command;
use background_fetch::control::ControlError;
use background_fetch::control::Conversation;
use background_fetch::control::Heard;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::network::NetworkPolicy;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio::time::sleep;
use url::Url;

use super::News;
use super::Offer;
use super::Reply;
use super::Terms;
use super::Wanted;
use crate::download::Item;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::session::Hands;

/// How often it is looked whether the store is free.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// A process that has the store and takes no commands is about to begin or to
/// end; after so long it is said that it is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The downloads of a command, until they have ended or the command has the
/// store.
pub struct Giving<'a> {
  pub directory: &'a Path,
  pub terms: Terms,
  pub base: Option<Url>,
  pub policy: NetworkPolicy,
  pub items: &'a [Arc<Item>],
  pub screen: Arc<Screen>,
  /// What another process cannot do for this one.
  pub own: Vec<&'static str>,
  /// How those have ended that have.
  pub ended: Mutex<BTreeMap<usize, Option<String>>>,
  pub given: Given,
}

/// What another process has taken.
#[derive(Default)]
pub struct Given {
  taken: Mutex<Option<Taken>>,
  notify: Notify,
}

struct Taken {
  process: u32,
  /// As they were seen last.
  seen: BTreeMap<BackgroundFetchKey, BackgroundFetchSnapshot>,
}

impl Giving<'_> {
  /// Returns the store as soon as it is free, or `None` when another process
  /// has done all that there was to do.
  ///
  /// # Errors
  ///
  /// The store cannot be used.
  pub async fn give_or_open(&self) -> Result<Option<Store>, Failure> {
    let begin = Instant::now();
    let mut said = String::new();
    loop {
      let owner = match Store::open_directory(self.directory) {
        Ok(store) => return Ok(Some(store)),
        Err(StoreError::Locked { owner, .. }) => owner,
        Err(error) => return Err(error.into()),
      };
      let mut say = |why: &str| {
        if said != why {
          said = why.to_string();
          self.wait_is_told(&owner, why);
        }
      };
      if !self.own.is_empty() {
        say(&format!(
          "{} can only hold for a process of its own",
          self.own.join(", ")
        ));
        sleep(POLL_INTERVAL).await;
        continue;
      }
      match self.give().await {
        Ok(Gave::All) => return Ok(None),
        Ok(Gave::Some) => continue,
        Ok(Gave::Nothing { why, mut waits }) => {
          say(&why);
          // It ends with the process.
          waits.end().await;
        }
        Err(ControlError::NotServed) if begin.elapsed() < PATIENCE => {}
        Err(ControlError::NotServed) => say("it takes no work of others"),
        Err(ControlError::Refused(why)) => say(&why),
        Err(error) => say(&error.to_string()),
      }
      sleep(POLL_INTERVAL).await;
    }
  }

  fn wait_is_told(&self, owner: &str, why: &str) {
    let directory = self.directory.display();
    self.screen.note(&format!(
      "the store {directory} is in use by {owner}; this command waits until \
       that has ended: {why} (another --store would not have to wait)"
    ));
    self.screen.told_to_programs(serde_json::json!({
      "event": "storeInUse",
      "owner": owner,
      "reason": why,
    }));
  }

  /// Waits until another process has taken something.
  pub async fn is_given(&self) {
    self.given.notify.notified().await;
  }

  async fn give(&self) -> Result<Gave, ControlError> {
    let client = Client::connect(self.directory).await?;
    let Conversation {
      mut heard,
      mut said,
    } = client.hand_over().await?;
    let left = {
      let ended = self.ended.lock();
      let all = 0..self.items.len();
      all.filter(|i| !ended.contains_key(i)).collect::<Vec<_>>()
    };
    let offer = Offer {
      process: std::process::id(),
      terms: self.terms.clone(),
      base: self.base.clone(),
      policy: self.policy,
      items: left.len(),
    };
    said.say(&Wanted::Offer(offer)).await?;
    for index in &left {
      said.say(&*self.items[*index]).await?;
    }
    let process = match heard.next().await? {
      None => return Err(ControlError::NotServed),
      Some(Reply::Refused { why, .. }) => {
        return Ok(Gave::Nothing { why, waits: heard });
      }
      Some(Reply::Taken { process }) => process,
      Some(Reply::GivenUp { .. }) => {
        return Err(ControlError::Refused("something else".to_string()));
      }
    };
    self.given_to(process, left.len());
    while let Ok(Some(news)) = heard.next::<News>().await {
      self.hear(news, &left);
      if self.ended.lock().len() == self.items.len() {
        return Ok(Gave::All);
      }
    }
    *self.given.taken.lock() = None;
    self
      .screen
      .note(&format!("process {process} has ended; this one continues"));
    Ok(Gave::Some)
  }

  fn given_to(&self, process: u32, count: usize) {
    *self.given.taken.lock() = Some(Taken {
      process,
      seen: BTreeMap::new(),
    });
    self.given.notify.notify_one();
    let files = if count == 1 { "the file" } else { "the files" };
    self.screen.note(&format!(
      "process {process} has the store, and gets {files} for this command"
    ));
    self.screen.told_to_programs(serde_json::json!({
      "event": "handedOver",
      "process": process,
    }));
  }

  fn hear(&self, news: News, left: &[usize]) {
    match news {
      News::Observed { snapshot } => {
        if let Some(taken) = &mut *self.given.taken.lock() {
          taken.seen.insert(snapshot.key, (*snapshot).clone());
        }
        self.screen.observed(&snapshot);
      }
      News::DownloadEnded { snapshot, ended } => {
        if let Some(taken) = &mut *self.given.taken.lock() {
          taken.seen.remove(&snapshot.key);
        }
        self.screen.download_ended(&snapshot, &ended);
      }
      News::Unchanged { id, url, path } => {
        self.screen.unchanged(&id, &url, &path);
      }
      News::Note { text } => self.screen.note(&text),
      News::ItemEnded { item, why } => {
        if let Some(index) = left.get(item) {
          self.ended.lock().insert(*index, why);
        }
      }
    }
  }

  /// What the user is told who does not wait any longer.
  pub fn leave(&self) {
    if let Some(taken) = &*self.given.taken.lock() {
      let process = taken.process;
      self.screen.clear();
      self.screen.note(&format!(
        "process {process} continues with what is left; `bgfetch pause ID` \
         and `bgfetch abort ID` stop it, `bgfetch list` has the ids"
      ));
    }
  }
}

/// What has come of an offer.
enum Gave {
  All,
  /// The process has ended before all was done.
  Some,
  Nothing {
    why: String,
    waits: Heard,
  },
}

impl Hands for Giving<'_> {
  fn under_way(&self) -> Vec<BackgroundFetchSnapshot> {
    let taken = self.given.taken.lock();
    let seen = taken.iter().flat_map(|taken| taken.seen.values());
    seen.filter(|b| !b.is_settled()).cloned().collect()
  }

  async fn set_paused(
    &self,
    key: BackgroundFetchKey,
    paused: bool,
  ) -> Result<(), String> {
    self
      .command(match paused {
        true => Command::Pause { key },
        false => Command::Unpause { key },
      })
      .await
  }

  async fn abort(&self, key: BackgroundFetchKey) -> Result<(), String> {
    self.command(Command::Abort { key }).await
  }

  /// The other process begins what is left; those that are seen are aborted.
  fn give_up_queued(&self) {}
}

impl Giving<'_> {
  async fn command(&self, command: Command) -> Result<(), String> {
    let ask = async {
      let mut client = Client::connect(self.directory).await?;
      client.ask(command).await
    };
    ask.await.map(drop).map_err(|error| error.to_string())
  }
}
