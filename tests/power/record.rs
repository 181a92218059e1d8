//! What a watched process has done to a directory, and what it has said.

use std::collections::HashMap;
use std::path::Path;
use std::path::PathBuf;

use crate::call::Call;
use crate::disk::Bytes;
use crate::disk::Disk;
use crate::disk::Fate;
use crate::disk::Name;
use crate::trace::Watched;

pub struct Record {
  root: PathBuf,
  calls: Vec<Watched>,
  /// How many calls had returned when each of these lines was written.
  said: Vec<(usize, String)>,
}

/// How a descriptor writes: at the end, or here.
#[derive(Clone, Copy)]
struct Descriptor {
  appends: bool,
  position: u64,
}

impl Record {
  pub fn new(root: &Path, calls: Vec<Watched>) -> Self {
    let mut said = Vec::new();
    for (at, Watched { call, .. }) in calls.iter().enumerate() {
      if !matches!(&*call.name, "write" | "writev" | "sendto" | "sendmsg") {
        continue;
      }
      let (_, path) = call.descriptor(0);
      if !Path::new(path).starts_with(root) {
        let text = call.text(1);
        said.extend(text.lines().map(|line| (at, line.to_string())));
      }
    }
    Self {
      root: root.to_owned(),
      calls,
      said,
    }
  }

  pub fn root(&self) -> &Path {
    &self.root
  }

  /// The moments, as numbers of calls that have returned, at which something
  /// has just changed: the files, what is certain of them, or what was said.
  pub fn moments(&self) -> Vec<usize> {
    let root = self.root.to_str().unwrap();
    let is_change = |at: &usize| {
      let call = &self.calls[*at].call;
      let reads = matches!(&*call.name, "read" | "lseek")
        || (call.name == "openat" && !call.arguments[2].contains("O_CREAT"));
      let said = self.said.iter().any(|(said, _)| said == at);
      let is_ours = |text: &String| text.contains(root);
      let touches = call.arguments.iter().any(is_ours);
      said || (!reads && touches)
    };
    (0..self.calls.len())
      .filter(is_change)
      .map(|at| at + 1)
      .collect()
  }

  /// Everything that was said before the call of this number.
  pub fn promises(&self, moment: usize) -> Vec<&str> {
    let before = self.said.iter().filter(|(at, _)| *at < moment);
    before.map(|(_, line)| line.as_str()).collect()
  }

  /// Goes through it from the beginning.
  pub fn replay(&self) -> Replay<'_> {
    Replay {
      record: self,
      root: &self.root,
      disk: Disk::default(),
      descriptors: HashMap::new(),
      next: 0,
    }
  }
}

pub struct Replay<'a> {
  record: &'a Record,
  root: &'a Path,
  disk: Disk,
  descriptors: HashMap<i64, Descriptor>,
  /// The number of the next call.
  next: usize,
}

impl Replay<'_> {
  /// The disk after so many calls, which must not become fewer.
  pub fn disk_at(&mut self, moment: usize) -> &Disk {
    let record = self.record;
    for at in self.next..moment {
      self.replay(at, &record.calls[at]);
    }
    self.next = moment;
    &self.disk
  }

  fn replay(&mut self, at: usize, Watched { call, begun }: &Watched) {
    let failed = call.returned() < 0;
    match &*call.name {
      "fsync" | "fdatasync" | "syncfs" => self.flush(call, *begun, failed),
      _ if failed => {}
      "openat" => self.open(at, call),
      "write" | "writev" => self.write(at, call),
      "pwrite64" => {
        let offset = call.number(3);
        self.write_at(at, call, offset);
      }
      "lseek" | "read" => self.seek(call),
      "ftruncate" => {
        let (_, path) = call.descriptor(0);
        if let Some(node) = self.disk.node(Path::new(path)) {
          self.disk.change(at, node, Bytes::Truncate(call.number(1)));
        }
      }
      "mkdir" => self.name(at, Name::Add(path(call, 0), None)),
      "mkdirat" => self.name(at, Name::Add(path_at(call, 0), None)),
      "unlink" => self.name(at, Name::Remove(path(call, 0))),
      "unlinkat" => self.name(at, Name::Remove(path_at(call, 0))),
      "rename" => self.name(at, Name::Move(path(call, 0), path(call, 1))),
      "renameat" | "renameat2" => {
        self.name(at, Name::Move(path_at(call, 0), path_at(call, 2)));
      }
      "linkat" => {
        let node = self.disk.node(&path_at(call, 0));
        self.name(at, Name::Add(path_at(call, 2), node));
      }
      "sendto" | "sendmsg" => {}
      other => {
        let text = call.arguments.join(", ");
        let root = self.root.to_str().unwrap();
        assert!(!text.contains(root), "{other}({text}) is unknown");
      }
    }
  }

  fn name(&mut self, at: usize, name: Name) {
    let (Name::Add(path, _) | Name::Remove(path) | Name::Move(_, path)) = &name;
    if path.starts_with(self.root) {
      self.disk.name(at, name);
    }
  }

  fn open(&mut self, at: usize, call: &Call) {
    let (descriptor, path) = call.opened();
    let path = Path::new(path);
    let flags = &call.arguments[2];
    let appends = flags.contains("O_APPEND");
    let position = 0;
    let opened = Descriptor { appends, position };
    self.descriptors.insert(descriptor, opened);
    if !path.starts_with(self.root) {
      return;
    }
    if flags.contains("O_CREAT") && !self.disk.exists(path) {
      self.disk.create(at, path);
    } else if let (Some(node), true) =
      (self.disk.node(path), flags.contains("O_TRUNC"))
    {
      self.disk.change(at, node, Bytes::Truncate(0));
    }
  }

  fn write(&mut self, at: usize, call: &Call) {
    let (number, path) = call.descriptor(0);
    let Some(node) = self.disk.node(Path::new(path)) else {
      return;
    };
    let length = self.disk.length(node);
    let descriptor = self.descriptors.get_mut(&number).unwrap();
    let offset = match descriptor.appends {
      true => length,
      false => descriptor.position,
    };
    descriptor.position = offset + call.returned() as u64;
    self.write_at(at, call, offset);
  }

  fn write_at(&mut self, at: usize, call: &Call, offset: u64) {
    let (_, path) = call.descriptor(0);
    if let Some(node) = self.disk.node(Path::new(path)) {
      let mut bytes = call.bytes(1);
      bytes.truncate(call.returned() as usize);
      self.disk.change(at, node, Bytes::Write { offset, bytes });
    }
  }

  fn seek(&mut self, call: &Call) {
    let (number, _) = call.descriptor(0);
    let returned = call.returned() as u64;
    if let Some(descriptor) = self.descriptors.get_mut(&number) {
      match &*call.name {
        "lseek" => descriptor.position = returned,
        _ => descriptor.position += returned,
      }
    }
  }

  fn flush(&mut self, call: &Call, begun: usize, failed: bool) {
    let fate = match failed {
      true => Fate::Doubtful,
      false => Fate::Durable,
    };
    let (_, path) = call.descriptor(0);
    let path = Path::new(path);
    match self.disk.node(path) {
      // One of everything that fails decides nothing: the file that has failed
      // says so once more.
      _ if call.name == "syncfs" && failed => {}
      _ if call.name == "syncfs" => self.disk.flush_everything(begun),
      Some(node) => self.disk.flush_file(node, begun, fate),
      None => self.disk.flush_directory(path, begun, fate),
    }
  }
}

fn path(call: &Call, index: usize) -> PathBuf {
  call.text(index).into()
}

/// A path that is relative to the directory before it.
fn path_at(call: &Call, index: usize) -> PathBuf {
  let (_, directory) = call.descriptor(index);
  Path::new(directory).join(path(call, index + 1))
}
