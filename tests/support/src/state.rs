//! What the server's connections and the test share.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use tokio::sync::Notify;

use super::behaviour::Behaviour;
use super::content::Content;
use super::cors::Preflight;
use super::log::SeenRequest;
use super::plan::Plan;
use super::resource::{Body, Resource};

#[derive(Default)]
pub struct State {
  inner: Mutex<Inner>,
  changed: Notify,
}

#[derive(Default)]
pub struct Inner {
  entries: HashMap<String, Entry>,
  gates: HashMap<String, Gate>,
  pub requests: Vec<SeenRequest>,
  pub connections: usize,
  /// A connection is closed at the request after so many, without a look at
  /// it.
  pub requests_per_connection: Option<usize>,
  pub open: usize,
  pub most_open: usize,
}

struct Entry {
  resource: Resource,
  script: VecDeque<Behaviour>,
}

/// Where the requests for one path wait for the test.
#[derive(Default)]
pub struct Gate {
  waiting: usize,
  /// How often the gate was opened.
  opened: u64,
  /// It was opened while nothing waited: what comes next goes through.
  ahead: bool,
}

impl Gate {
  pub fn waiting(&self) -> usize {
    self.waiting
  }

  /// Opens it for all that wait, or else for the next one to come: a test
  /// need not know whether its request is here yet.
  fn open(&mut self) {
    self.ahead = self.waiting == 0;
    self.opened += 1;
    self.waiting = 0;
  }

  /// Waits in front of it. What is returned says for which opening.
  pub fn enter(&mut self) -> Entered {
    if std::mem::take(&mut self.ahead) {
      return Entered(None);
    }
    self.waiting += 1;
    Entered(Some(self.opened))
  }

  pub fn is_open_for(&self, entered: Entered) -> bool {
    entered.0 != Some(self.opened)
  }

  /// What has entered goes away, whether it was opened or not.
  pub fn leave(&mut self, entered: Entered) {
    // An opened gate does not count what waits any more.
    if !self.is_open_for(entered) {
      self.waiting -= 1;
    }
  }
}

/// How often the gate was opened when a request came to it; nothing for one
/// that need not wait.
#[derive(Clone, Copy)]
pub struct Entered(Option<u64>);

/// A resource and what is to be done to one request for it.
pub struct Taken {
  pub resource: Resource,
  pub plan: Plan,
}

impl State {
  pub fn lock(&self) -> MutexGuard<'_, Inner> {
    self
      .inner
      .lock()
      .unwrap_or_else(|poisoned| poisoned.into_inner())
  }

  pub fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
    let changed = change(&mut self.lock());
    self.changed.notify_waiters();
    changed
  }

  /// Resolves once `ready` yields something, looking at every change.
  pub async fn until<T>(
    &self,
    mut ready: impl FnMut(&Inner) -> Option<T>,
  ) -> T {
    loop {
      let changed = self.changed.notified();
      let mut changed = std::pin::pin!(changed);
      // Enlisted before the look, so that no change falls in between.
      changed.as_mut().enable();
      if let Some(found) = ready(&self.lock()) {
        return found;
      }
      changed.await;
    }
  }
}

impl Inner {
  pub fn serve(&mut self, path: &str, resource: Resource) {
    let script = resource.script.iter().cloned().collect();
    self
      .entries
      .insert(path.to_owned(), Entry { resource, script });
  }

  pub fn script(&mut self, path: &str, script: VecDeque<Behaviour>) {
    let entry = self.entries.get_mut(path);
    entry
      .unwrap_or_else(|| panic!("nothing is served at {path}"))
      .script = script;
  }

  pub fn gate(&self, path: &str) -> Option<&Gate> {
    self.gates.get(path)
  }

  pub fn gate_mut(&mut self, path: &str) -> &mut Gate {
    self.gates.entry(path.to_owned()).or_default()
  }

  /// Lets all go that wait now, or else the next one that comes; what comes
  /// later waits again.
  pub fn release(&mut self, path: &str) {
    self.gate_mut(path).open();
  }

  /// The target itself may be served, or else its path for every query.
  pub fn key(&self, target: &str) -> Option<String> {
    let path = target.split('?').next().unwrap_or_default();
    let mut keys = [target, path].into_iter();
    keys
      .find(|key| self.entries.contains_key(*key))
      .map(str::to_owned)
  }

  pub fn preflight(&self, key: &str) -> Option<Preflight> {
    self.entries.get(key)?.resource.preflight.clone()
  }

  pub fn take(&mut self, key: &str) -> Option<Taken> {
    let entry = self.entries.get_mut(key)?;
    let behaviour = match entry.script.len() {
      0 => Behaviour::Normal,
      1 => entry.script[0].clone(),
      _ => entry.script.pop_front()?,
    };
    update(&mut entry.resource, &behaviour);
    let resource = entry.resource.clone();
    Some(Taken {
      resource,
      plan: Plan::of(&behaviour),
    })
  }
}

/// What a behaviour changes for good.
fn update(resource: &mut Resource, behaviour: &Behaviour) {
  match behaviour {
    Behaviour::All(several) => {
      several.iter().for_each(|one| update(resource, one));
    }
    Behaviour::ChangeEtag(etag) => resource.etag = Some(etag.clone()),
    Behaviour::ChangeLastModified(date) => {
      resource.last_modified = Some(date.clone());
    }
    Behaviour::NewVersion { seed, etag } => {
      resource.etag = Some(etag.clone());
      if let Body::Content(content) = &mut resource.body {
        *content = Content::generated(content.size(), *seed);
      }
    }
    _ => {}
  }
}
