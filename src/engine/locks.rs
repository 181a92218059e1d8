//! [Web Locks](https://w3c.github.io/web-locks/) of an origin, between all of
//! its realms.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Deserialize;
use serde::Serialize;
use tokio::sync::oneshot;
use url::Origin;

/// <https://w3c.github.io/web-locks/#enumdef-lockmode>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LockMode {
  /// One holder at a time.
  Exclusive,
  /// Any number of holders, and no exclusive one.
  Shared,
}

/// A lock that is held, or wanted:
/// [`LockInfo`](https://w3c.github.io/web-locks/#dictdef-lockinfo).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LockInfo {
  /// What the script has named it.
  pub name: String,
  /// How it is held, or wanted.
  pub mode: LockMode,
  /// The client that has it, or wants it.
  pub client_id: String,
}

/// How a lock is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockRequest {
  /// It is waited for.
  Wait,
  /// It is had at once or not at all.
  IfAvailable,
  /// Its holder loses it.
  Steal,
}

/// Every origin's.
#[derive(Default)]
pub(crate) struct Locks(Mutex<HashMap<Origin, Arc<Mutex<LockManager>>>>);

impl Locks {
  pub(crate) fn of(&self, origin: Origin) -> Arc<Mutex<LockManager>> {
    self.0.lock().entry(origin).or_default().clone()
  }
}

/// A [lock manager](https://w3c.github.io/web-locks/#lock-managers): a value.
#[derive(Default)]
pub(crate) struct LockManager {
  last: u64,
  held: Vec<Held>,
  queue: VecDeque<Wanted>,
}

struct Held {
  id: u64,
  info: LockInfo,
  /// Hears of it when it is stolen.
  stolen: Option<oneshot::Sender<()>>,
}

struct Wanted {
  id: u64,
  info: LockInfo,
  granted: oneshot::Sender<()>,
  stolen: oneshot::Sender<()>,
}

impl LockManager {
  /// [Request a lock](https://w3c.github.io/web-locks/#algorithm-request-lock);
  /// `None` when it is not available at once, and the caller does not wait.
  fn request(&mut self, info: LockInfo, how: LockRequest) -> Option<Ticket> {
    if how == LockRequest::Steal {
      let of_name = |held: &mut Held| held.info.name == info.name;
      for mut lost in self.held.extract_if(.., of_name) {
        if let Some(stolen) = lost.stolen.take() {
          let _ = stolen.send(());
        }
      }
    }
    let is_first = how == LockRequest::Steal;
    if how == LockRequest::IfAvailable && !self.is_grantable(&info, None) {
      return None;
    }
    self.last += 1;
    let id = self.last;
    let (granted, grant) = oneshot::channel();
    let (stolen, theft) = oneshot::channel();
    let wanted = Wanted {
      id,
      info,
      granted,
      stolen,
    };
    match is_first {
      true => self.queue.push_front(wanted),
      false => self.queue.push_back(wanted),
    }
    self.process();
    Some(Ticket { id, grant, theft })
  }

  /// [Process the lock request queue](https://w3c.github.io/web-locks/#algorithm-process-lock-request-queue)
  fn process(&mut self) {
    let mut index = 0;
    while index < self.queue.len() {
      let wanted = &self.queue[index];
      if !self.is_grantable(&wanted.info, Some(index)) {
        index += 1;
        continue;
      }
      if let Some(wanted) = self.queue.remove(index) {
        self.held.push(Held {
          id: wanted.id,
          info: wanted.info,
          stolen: Some(wanted.stolen),
        });
        // Who does not wait any more lets go of it in a moment.
        let _ = wanted.granted.send(());
      }
    }
  }

  /// [Grantable](https://w3c.github.io/web-locks/#grantable), for a request at
  /// `index` of the queue, or behind it.
  fn is_grantable(&self, info: &LockInfo, index: Option<usize>) -> bool {
    let before = index.unwrap_or(self.queue.len());
    let mut before = self.queue.iter().take(before);
    if before.any(|wanted| wanted.info.name == info.name) {
      return false;
    }
    let is_shared = info.mode == LockMode::Shared;
    let mut held = self.held.iter().filter(|h| h.info.name == info.name);
    held.all(|held| is_shared && held.info.mode == LockMode::Shared)
  }

  /// Those that are held, and those that are waited for.
  pub(crate) fn snapshot(&self) -> (Vec<LockInfo>, Vec<LockInfo>) {
    (
      self.held.iter().map(|held| held.info.clone()).collect(),
      self.queue.iter().map(|w| w.info.clone()).collect(),
    )
  }

  fn release(&mut self, id: u64) {
    self.held.retain(|held| held.id != id);
    self.queue.retain(|wanted| wanted.id != id);
    self.process();
  }
}

struct Ticket {
  id: u64,
  grant: oneshot::Receiver<()>,
  theft: oneshot::Receiver<()>,
}

/// A lock that is held, or waited for. Dropping it lets go of it.
pub struct LockHandle {
  manager: Arc<Mutex<LockManager>>,
  ticket: Ticket,
}

opaque_debug!(LockHandle);

impl LockHandle {
  /// Waits until the lock is held. Safe to cancel, once.
  pub async fn granted(&mut self) {
    if (&mut self.ticket.grant).await.is_err() {
      std::future::pending::<()>().await;
    }
  }

  /// Waits until the lock is stolen.
  pub async fn stolen(&mut self) {
    if (&mut self.ticket.theft).await.is_err() {
      std::future::pending::<()>().await;
    }
  }

  /// Lets go of the lock while it is waited for.
  pub fn releaser(&self) -> impl Fn() + use<> {
    let (manager, id) = (self.manager.clone(), self.ticket.id);
    move || manager.lock().release(id)
  }
}

impl LockHandle {
  /// Requests a lock; `None` when it is not available at once, and the caller
  /// does not wait.
  pub(crate) fn request(
    manager: Arc<Mutex<LockManager>>,
    info: LockInfo,
    how: LockRequest,
  ) -> Option<Self> {
    let ticket = manager.lock().request(info, how)?;
    Some(Self { manager, ticket })
  }
}

impl Drop for LockHandle {
  fn drop(&mut self) {
    self.manager.lock().release(self.ticket.id);
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  fn info(name: &str, mode: LockMode) -> LockInfo {
    LockInfo {
      name: name.into(),
      mode,
      client_id: String::new(),
    }
  }

  fn is_granted(ticket: &mut Ticket) -> bool {
    ticket.grant.try_recv().is_ok()
  }

  #[test]
  fn locks_of_one_name_are_given_in_their_order() {
    use LockMode::Exclusive;
    use LockMode::Shared;
    let mut locks = LockManager::default();
    let mut want =
      |name, mode| locks.request(info(name, mode), LockRequest::Wait).unwrap();
    let mut first = want("a", Shared);
    let mut second = want("a", Shared);
    let mut third = want("a", Exclusive);
    let mut fourth = want("a", Shared);
    let mut other = want("b", Exclusive);
    assert!(is_granted(&mut first) && is_granted(&mut second));
    assert!(is_granted(&mut other));
    // The fourth does not overtake the third.
    assert!(!is_granted(&mut third) && !is_granted(&mut fourth));
    locks.release(first.id);
    assert!(!is_granted(&mut third));
    locks.release(second.id);
    assert!(is_granted(&mut third) && !is_granted(&mut fourth));
    locks.release(third.id);
    assert!(is_granted(&mut fourth));
  }

  #[test]
  fn a_lock_is_had_at_once_or_not_and_may_be_stolen() {
    let mut locks = LockManager::default();
    let mut ask = |how| locks.request(info("a", LockMode::Exclusive), how);
    let mut first = ask(LockRequest::IfAvailable).unwrap();
    assert!(is_granted(&mut first));
    assert!(ask(LockRequest::IfAvailable).is_none());
    let mut waits = ask(LockRequest::Wait).unwrap();
    let mut thief = ask(LockRequest::Steal).unwrap();
    assert!(is_granted(&mut thief) && !is_granted(&mut waits));
    assert!(first.theft.try_recv().is_ok());
    locks.release(first.id);
    assert!(!is_granted(&mut waits));
    locks.release(thief.id);
    assert!(is_granted(&mut waits));
  }
}
