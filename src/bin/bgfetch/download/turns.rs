//! Which of the files of a command are begun when.
//!
//! A file that is begun has a row in the store, a realm and a job; one that
//! waits for its turn costs no more than its [`Item`](super::Item). So no more
//! are begun than the engine needs in order to have the wire always full.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Backlog;
use super::Item;

/// How many may be begun and not ended: twice as many as the engine has on the
/// wire by default, for the others are being made durable and saved meanwhile.
const LIMIT: usize = 512;

/// Among so many hosts the places are divided; more take turns.
const HOSTS: usize = 16;

/// How many may be begun for each that the user lets be on the wire: a result
/// and an end each wait a while for others that they share a flush with.
const FOR_EACH: usize = 16;

/// The order of turns, as a value. Files of one host are begun in the order of
/// the command; of several hosts the one whose turn came first comes next, as
/// long as fewer than its share are begun.
pub struct Turns {
  hosts: Vec<Host>,
  /// The hosts that have a file to begin and a place for it, by that file.
  ready: BTreeSet<(usize, usize)>,
  /// How many are begun, without those that wait for the network or a server.
  begun: usize,
  /// How many may be begun of one host.
  share: usize,
}

#[derive(Default)]
struct Host {
  waiting: VecDeque<usize>,
  begun: usize,
}

/// A file that is to be begun, and its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
  file: usize,
  host: usize,
}

impl Turns {
  /// The files are numbers, each with the host that it comes from.
  pub fn new<'a>(
    files: impl Iterator<Item = (usize, &'a str)>,
    max_per_host: Option<u32>,
  ) -> Self {
    let mut hosts: Vec<Host> = Vec::new();
    let mut by_name = HashMap::new();
    for (file, name) in files {
      let host = *by_name.entry(name).or_insert_with(|| {
        hosts.push(Host::default());
        hosts.len() - 1
      });
      hosts[host].waiting.push_back(file);
    }
    let share = LIMIT / hosts.len().clamp(1, HOSTS);
    let for_wire =
      max_per_host.map_or(LIMIT, |n| (n as usize).saturating_mul(FOR_EACH));
    let first = |(n, host): (usize, &Host)| Some((*host.waiting.front()?, n));
    Self {
      ready: hosts.iter().enumerate().filter_map(first).collect(),
      hosts,
      begun: 0,
      share: share.min(for_wire).max(1),
    }
  }

  /// Whether there is a place for each of those that wait.
  pub fn has_places_for_all(&self) -> bool {
    let mut hosts = self.hosts.iter();
    self.begun + self.waiting() <= LIMIT
      && hosts.all(|host| host.begun + host.waiting.len() <= self.share)
  }

  /// The next file to begin, if there is a place for one.
  fn next(&mut self) -> Option<Turn> {
    if self.begun >= LIMIT {
      return None;
    }
    let (file, host) = self.ready.pop_first()?;
    self.hosts[host].waiting.pop_front();
    self.hosts[host].begun += 1;
    self.begun += 1;
    self.look_at(host);
    Some(Turn { file, host })
  }

  /// The file waits for the network or for its server: others of other hosts
  /// need not wait for it.
  fn stalled(&mut self) {
    self.begun -= 1;
  }

  fn ended(&mut self, turn: Turn, was_stalled: bool) {
    self.begun -= usize::from(!was_stalled);
    self.hosts[turn.host].begun -= 1;
    self.look_at(turn.host);
  }

  fn look_at(&mut self, number: usize) {
    let host = &self.hosts[number];
    if host.begun < self.share
      && let Some(first) = host.waiting.front()
    {
      self.ready.insert((*first, number));
    }
  }

  /// How many wait for their turn.
  fn waiting(&self) -> usize {
    self.hosts.iter().map(|host| host.waiting.len()).sum()
  }

  /// Those that wait and `is_meant` are not begun any more; which these are.
  fn give_up(&mut self, is_meant: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut given_up = Vec::new();
    self.ready.clear();
    for number in 0..self.hosts.len() {
      let waiting = std::mem::take(&mut self.hosts[number].waiting);
      let (meant, left): (VecDeque<_>, VecDeque<_>) =
        waiting.into_iter().partition(|file| is_meant(*file));
      given_up.extend(meant);
      self.hosts[number].waiting = left;
      self.look_at(number);
    }
    given_up
  }
}

/// [`Turns`], with wake-ups.
pub struct Queue {
  /// What the files are.
  items: Vec<Arc<Item>>,
  turns: Mutex<Turns>,
  /// How many have a place and are in no row yet.
  starting: AtomicUsize,
  /// Those that the user has given up.
  given_up: Mutex<Vec<usize>>,
  changed: Notify,
  /// Where those are noted that are begun.
  backlog: Option<Backlog>,
}

/// The place of a file that was begun, until it is dropped.
pub struct Place {
  queue: Arc<Queue>,
  turn: Turn,
  stalled: AtomicBool,
  begun: AtomicBool,
}

impl Queue {
  pub fn new(
    items: Vec<Arc<Item>>,
    turns: Turns,
    backlog: Option<Backlog>,
  ) -> Arc<Self> {
    Arc::new(Self {
      items,
      turns: Mutex::new(turns),
      starting: AtomicUsize::new(0),
      given_up: Mutex::default(),
      changed: Notify::new(),
      backlog,
    })
  }

  /// The next file to begin, if there is a place for one.
  pub fn next(self: &Arc<Self>) -> Option<(usize, Arc<Place>)> {
    let turn = self.turns.lock().next()?;
    self.starting.fetch_add(1, Ordering::Relaxed);
    let place = Place {
      queue: self.clone(),
      turn,
      stalled: AtomicBool::new(false),
      begun: AtomicBool::new(false),
    };
    Some((turn.file, Arc::new(place)))
  }

  /// How many there are that the engine does not know of.
  pub fn unknown(&self) -> usize {
    self.turns.lock().waiting() + self.starting.load(Ordering::Relaxed)
  }

  /// The user wants none of those that wait and `is_meant`; how many these are.
  pub fn give_up(&self, is_meant: impl Fn(&Item) -> bool) -> usize {
    let is_meant = |file: usize| is_meant(&self.items[file]);
    let files = self.turns.lock().give_up(is_meant);
    for file in &files {
      self.note_begun(*file);
    }
    let count = files.len();
    self.given_up.lock().extend(files);
    self.changed.notify_one();
    count
  }

  /// Those that were given up since it was asked the last time.
  pub fn given_up(&self) -> Vec<usize> {
    std::mem::take(&mut *self.given_up.lock())
  }

  /// Waits until there may be a place, something was given up, or fewer are
  /// unknown. For one caller.
  pub async fn changed(&self) {
    self.changed.notified().await;
  }

  /// All have ended: nothing need be remembered.
  pub fn finish(&self) {
    if let Some(backlog) = &self.backlog {
      backlog.finish();
    }
  }

  fn note_begun(&self, file: usize) {
    if let Some(backlog) = &self.backlog {
      backlog.note_begun(file);
    }
  }
}

impl Place {
  /// The file is in the store now, or has ended without.
  pub fn begun(&self) {
    if !self.begun.swap(true, Ordering::Relaxed) {
      self.queue.starting.fetch_sub(1, Ordering::Relaxed);
      self.queue.note_begun(self.turn.file);
      self.queue.changed.notify_one();
    }
  }

  /// It waits for the network, or for its server.
  pub fn stalled(&self) {
    if !self.stalled.swap(true, Ordering::Relaxed) {
      self.queue.turns.lock().stalled();
      self.queue.changed.notify_one();
    }
  }
}

impl Drop for Place {
  fn drop(&mut self) {
    let was_stalled = self.stalled.load(Ordering::Relaxed);
    self.queue.turns.lock().ended(self.turn, was_stalled);
    self.queue.changed.notify_one();
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  fn turns(hosts: &[(&str, usize)], max_per_host: Option<u32>) -> Turns {
    let names = hosts
      .iter()
      .flat_map(|(host, count)| std::iter::repeat_n(*host, *count));
    Turns::new(names.enumerate(), max_per_host)
  }

  fn begin_all(turns: &mut Turns) -> Vec<Turn> {
    std::iter::from_fn(|| turns.next()).collect()
  }

  #[test]
  fn no_more_are_begun_than_there_are_places() {
    let mut turns = turns(&[("a", 2 * LIMIT)], None);
    let begun = begin_all(&mut turns);
    let files: Vec<_> = begun.iter().map(|turn| turn.file).collect();
    assert_eq!(files, (0..LIMIT).collect::<Vec<_>>());
    turns.ended(begun[7], false);
    let next = begin_all(&mut turns);
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].file, LIMIT);
  }

  #[test]
  fn a_long_list_of_one_host_leaves_places_to_others() {
    let mut turns = turns(&[("a", 4 * LIMIT), ("b", 3)], None);
    let begun = begin_all(&mut turns);
    let last: Vec<_> = begun[begun.len() - 3..].to_vec();
    assert!(last.iter().all(|turn| turn.host == 1), "{last:?}");
    assert_eq!(begun.len(), LIMIT / 2 + 3);
  }

  #[test]
  fn a_limit_for_hosts_lets_more_hosts_have_a_place() {
    let mut turns = turns(&[("a", 100), ("b", 100)], Some(1));
    let begun = begin_all(&mut turns);
    let of_first = begun.iter().filter(|turn| turn.host == 0).count();
    assert_eq!((of_first, begun.len()), (FOR_EACH, 2 * FOR_EACH));
  }

  #[test]
  fn hosts_that_do_not_answer_do_not_hold_others_up() {
    let dead: Vec<String> = (0..LIMIT).map(|n| format!("dead{n}")).collect();
    let mut hosts: Vec<_> = dead.iter().map(|name| (&**name, 1)).collect();
    hosts.push(("alive", 1));
    let mut turns = turns(&hosts, None);
    let begun = begin_all(&mut turns);
    assert_eq!(begun.len(), LIMIT);
    turns.stalled();
    assert_eq!(begin_all(&mut turns)[0].file, LIMIT);
    turns.ended(begun[0], true);
    assert_eq!(turns.begun, LIMIT);
  }

  #[test]
  fn all_have_a_place_when_all_are_begun_at_once() {
    for (hosts, max_per_host) in [
      (&[("a", LIMIT)] as &[_], None),
      (&[("a", LIMIT + 1)], None),
      (&[("a", LIMIT / 2), ("b", LIMIT / 2)], None),
      (&[("a", LIMIT / 2 + 1), ("b", 1)], None),
      (&[("a", FOR_EACH)], Some(1)),
      (&[("a", FOR_EACH + 1)], Some(1)),
    ] {
      let mut turns = turns(hosts, max_per_host);
      let has_places = turns.has_places_for_all();
      begin_all(&mut turns);
      assert_eq!(has_places, turns.waiting() == 0, "{hosts:?}");
    }
  }

  #[test]
  fn what_is_given_up_is_not_begun() {
    let mut turns = turns(&[("a", LIMIT + 3)], None);
    let begun = begin_all(&mut turns);
    assert_eq!(turns.give_up(|file| file != LIMIT + 1), [LIMIT, LIMIT + 2]);
    turns.ended(begun[0], false);
    turns.ended(begun[1], false);
    assert_eq!(begin_all(&mut turns)[0].file, LIMIT + 1);
    assert_eq!(turns.next(), None);
    assert_eq!(turns.waiting(), 0);
  }
}
