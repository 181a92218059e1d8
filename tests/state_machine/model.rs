//! What the laws are checked against: one record, and the tasks of an engine
//! that fetch it.

use std::collections::VecDeque;

use background_fetch::spec::FetchStart;
use background_fetch::spec::RecordResult;

use crate::server::Reply;
use crate::server::Resource;

/// One record, kept apart from the machine.
pub struct Model {
  pub resource: Resource,
  pub is_get: bool,
  pub stored: Stored,
  pub result: Option<RecordResult>,
  /// The attempt that was asked for last in this life; 0 before the first.
  pub latest: u32,
  /// The attempt whose fetch is under way, or about to be.
  pub live: Option<u32>,
  /// The attempt that waits for the resource to be available.
  pub waiting: Option<u32>,
  /// The attempt whose bytes are compared with what they have to be.
  pub verifying: Option<u32>,
  /// The most bytes there ever were in this life, and how many there had been
  /// when the whole was last asked for at once in place of the rest.
  pub most: u64,
  pub begun_again_at: Option<u64>,
  /// In the order in which they were asked for. The first one holds what
  /// writes the record's bytes; the others wait for it.
  pub tasks: VecDeque<Task>,
}

/// What is in the store.
#[derive(Clone, Debug, Default)]
pub struct Stored {
  pub bytes: u64,
  /// The version of the resource that the bytes are of.
  pub version: u32,
  /// How many bytes the whole has, in that version.
  pub whole: u64,
  /// Some of them came from a server that got something wrong.
  pub dishonest: bool,
}

pub struct Task {
  pub attempt: u32,
  /// It was asked to stop, and may not have noticed yet.
  pub terminated: bool,
  pub stage: Stage,
}

pub enum Stage {
  Queued,
  Started(FetchStart),
  Streaming(Stream),
}

pub struct Stream {
  pub reply: Reply,
  pub received: u64,
  pub appended: u64,
  /// Not to be read any more: what was received is still appended.
  pub closed: bool,
}

impl Model {
  pub fn new(resource: Resource, is_get: bool) -> Self {
    Self {
      resource,
      is_get,
      stored: Stored::default(),
      result: None,
      latest: 0,
      live: None,
      waiting: None,
      verifying: None,
      most: 0,
      begun_again_at: None,
      tasks: VecDeque::new(),
    }
  }

  /// Received and not appended, by tasks that have not ended.
  pub fn pending(&self) -> u64 {
    self.tasks.iter().map(Task::pending).sum()
  }

  pub fn stream(&mut self) -> Option<&mut Stream> {
    match &mut self.tasks.front_mut()?.stage {
      Stage::Streaming(stream) => Some(stream),
      _ => None,
    }
  }

  /// The process has died: the tasks with it.
  pub fn die(&mut self) {
    self.latest = 0;
    self.live = None;
    self.waiting = None;
    self.verifying = None;
    self.most = 0;
    self.begun_again_at = None;
    self.tasks.clear();
  }
}

impl Task {
  pub fn pending(&self) -> u64 {
    match &self.stage {
      Stage::Streaming(stream) => stream.received - stream.appended,
      _ => 0,
    }
  }
}
