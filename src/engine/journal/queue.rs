//! What is to be written about one background fetch, in order.

use std::collections::BTreeMap;
use std::collections::HashMap;

use bytes::Bytes;

use super::value::Ticket;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::spec::Extents;
use crate::store::Change;
use crate::store::Group;
use crate::store::SMALL_BODY;
use crate::store::Write;

/// How far a body has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
  pub(crate) record: usize,
  /// Which bytes of the body are there.
  pub(crate) extents: Extents,
  /// How many of them were added since the last time that it was said.
  pub(crate) more: u64,
}

impl Progress {
  /// How many bytes the body has, if they can be written into its row in the
  /// place of a flush.
  pub(super) fn small(&self) -> Option<u64> {
    let end = self.extents.end();
    let is_small = (1..=SMALL_BODY).contains(&end);
    let has_gaps = !self.extents.ahead().is_empty();
    (is_small && !has_gaps).then_some(end)
  }
}

#[derive(Debug)]
pub(super) enum Entry {
  Change(Change),
  /// As much of a body as there is when it is written.
  Stored(BodyId),
  /// What a caller waits for.
  Ticket(Ticket),
}

#[derive(Default)]
pub(super) struct Queue {
  entries: Vec<Entry>,
  /// For each entry that speaks of one.
  bodies: BTreeMap<BodyId, Progress>,
  /// It should not wait for a checkpoint.
  pub(super) is_urgent: bool,
  /// The database has refused it. It waits, and no caller does.
  pub(super) is_refused: bool,
}

impl Queue {
  pub(super) fn is_empty(&self) -> bool {
    self.entries.is_empty()
  }

  pub(super) fn entries(&self) -> &[Entry] {
    &self.entries
  }

  pub(super) fn push(&mut self, change: Change) {
    self.entries.push(Entry::Change(change));
  }

  pub(super) fn push_ticket(&mut self, ticket: Ticket) {
    self.entries.push(Entry::Ticket(ticket));
  }

  /// In the place that the first progress with the body had: of those that
  /// come again and again the last one counts.
  pub(super) fn record_progress(&mut self, body: BodyId, progress: Progress) {
    let known = self.bodies.remove(&body);
    if known.is_none() {
      self.entries.push(Entry::Stored(body));
    }
    let more = progress.more + known.map_or(0, |known| known.more);
    let progress = Progress { more, ..progress };
    self.bodies.insert(body, progress);
  }

  pub(super) fn forget(&mut self, body: BodyId) -> Option<Progress> {
    let forgotten = self.bodies.remove(&body)?;
    let is_it = |e: &Entry| matches!(e, Entry::Stored(other) if *other == body);
    self.entries.retain(|entry| !is_it(entry));
    Some(forgotten)
  }

  /// `changes` take the place of what a caller was waiting for.
  pub(super) fn replace_ticket(
    &mut self,
    ticket: Ticket,
    changes: Vec<Change>,
  ) {
    let is_it =
      |e: &Entry| matches!(e, Entry::Ticket(other) if *other == ticket);
    if let Some(at) = self.entries.iter().position(is_it) {
      let changes = changes.into_iter().map(Entry::Change);
      self.entries.splice(at..=at, changes);
    }
  }

  /// Its first entries are written.
  pub(super) fn drop_first(&mut self, count: usize) {
    let written: Vec<Entry> = self.entries.drain(..count).collect();
    for entry in written {
      if let Entry::Stored(body) = entry {
        self.bodies.remove(&body);
      }
    }
  }

  /// `younger` goes behind it.
  pub(super) fn append(&mut self, younger: Self) {
    let Self {
      entries,
      mut bodies,
      is_urgent,
      ..
    } = younger;
    for entry in entries {
      match entry {
        Entry::Stored(body) => {
          if let Some(progress) = bodies.remove(&body) {
            self.record_progress(body, progress);
          }
        }
        other => self.entries.push(other),
      }
    }
    self.is_urgent |= is_urgent;
  }

  /// The bodies that it speaks of.
  pub(super) fn bodies(&self) -> impl Iterator<Item = (BodyId, &Progress)> {
    self.bodies.iter().map(|(id, progress)| (*id, progress))
  }

  /// Whether a body has to be flushed before it can be written.
  pub(super) fn needs_flush(&self) -> bool {
    !self.bodies.is_empty()
  }

  /// All of it, and where each part ends: what a caller waits for is a part of
  /// its own. `small` has the bytes of bodies that were not flushed.
  pub(super) fn group(
    &self,
    key: BackgroundFetchKey,
    small: &HashMap<BodyId, Bytes>,
    wanted: impl Fn(Ticket) -> Vec<Change>,
  ) -> (Group, Vec<usize>) {
    let (mut group, mut ends) = (Vec::new(), Vec::new());
    let mut part = Vec::new();
    for (index, entry) in self.entries.iter().enumerate() {
      match entry {
        Entry::Change(change) => part.push(change.clone()),
        Entry::Stored(body) => {
          if let Some(progress) = self.bodies.get(body) {
            part.push(Change::Stored {
              key,
              record: progress.record,
              body: *body,
              extents: progress.extents.clone(),
              bytes: small.get(body).cloned(),
            });
          }
        }
        Entry::Ticket(ticket) => {
          if !part.is_empty() {
            group.push(Write::Changes(std::mem::take(&mut part)));
            ends.push(index);
          }
          group.push(Write::Changes(wanted(*ticket)));
          ends.push(index + 1);
        }
      }
    }
    if !part.is_empty() {
      group.push(Write::Changes(part));
      ends.push(self.entries.len());
    }
    (group, ends)
  }
}
