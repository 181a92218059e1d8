//! A disk that forgets what was not flushed, fills up and fails.
//!
//! The bytes of a file are certain after its flush, the names in a directory
//! after the flush of the directory; until then, when the power fails, each
//! change is there, lost or (bytes) torn, whatever becomes of the others.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::io::IoSlice;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use background_fetch::store::BodyId;
use background_fetch::store::ExportMode;
use background_fetch::store::FileSystem;
use background_fetch::store::OpenFile;
use background_fetch::store::StoreError;
use futures::future::BoxFuture;

use crate::dice::Dice;
use crate::plan::How;
use crate::world::Fate;
use crate::world::State;
use crate::world::Step;
use crate::world::World;

type Node = usize;

#[derive(Default)]
pub struct DiskState {
  files: Vec<File>,
  /// What a process sees. `None` is a directory.
  names: BTreeMap<PathBuf, Option<Node>>,
  /// What is there after a power failure for certain.
  durable_names: BTreeMap<PathBuf, Option<Node>>,
  /// Changes of names that are not certain.
  open_names: Vec<Name>,
  boot: u64,
  /// How many bytes more fit; `None` for any number.
  room: Option<u64>,
  /// Until when, in milliseconds.
  pub full_until: u64,
  failing_flushes: u64,
}

#[derive(Default)]
struct File {
  live: Vec<u8>,
  durable: Vec<u8>,
  /// Changes since the last flush, in order.
  open: Vec<Bytes>,
  modified: Option<SystemTime>,
}

enum Bytes {
  Write { offset: usize, bytes: Vec<u8> },
  Truncate(usize),
}

enum Name {
  Add(PathBuf, Option<Node>),
  Remove(PathBuf),
  Move(PathBuf, PathBuf),
}

impl DiskState {
  pub fn process_ended(&mut self, how: How, dice: &mut Dice) {
    if how != How::PowerFailure {
      return;
    }
    self.boot += 1;
    for change in std::mem::take(&mut self.open_names) {
      if dice.one_in(2) {
        apply_name(&mut self.durable_names, &change);
      }
    }
    // What was in a directory that is lost, is lost with it.
    let names = self.durable_names.clone();
    self.durable_names.retain(|path, _| {
      let mut above = path.ancestors().skip(1);
      above.all(|path| path == Path::new("") || names.contains_key(path))
    });
    self.names = self.durable_names.clone();
    for file in &mut self.files {
      for change in std::mem::take(&mut file.open) {
        match dice.below(3) {
          0 => {}
          1 => apply_bytes(&mut file.durable, &change, usize::MAX),
          _ => {
            let torn = match &change {
              Bytes::Write { bytes, .. } => dice.index(bytes.len() + 1),
              Bytes::Truncate(_) => usize::MAX,
            };
            apply_bytes(&mut file.durable, &change, torn);
          }
        }
      }
      file.live.clone_from(&file.durable);
    }
  }

  pub fn calm_down(&mut self) {
    self.room = None;
    self.failing_flushes = 0;
  }

  pub fn fill(&mut self, room: u64, until: u64) {
    self.room = Some(room);
    self.full_until = until;
  }

  pub fn is_full(&self) -> bool {
    self.room.is_some()
  }

  pub fn fail_flushes(&mut self, times: u64) {
    self.failing_flushes = times;
  }

  /// The names of all bodies.
  pub fn bodies(&self) -> Vec<String> {
    let files = self.names.iter().filter(|(_, node)| node.is_some());
    let bodies = files.filter(|(path, _)| path.starts_with("bodies"));
    bodies.map(|(path, _)| path.display().to_string()).collect()
  }

  /// How many bytes a body has.
  pub fn length(&self, body: BodyId) -> Option<u64> {
    let name = body.0.to_string();
    let mut names = self.names.iter();
    let (_, node) = names.find(|(path, _)| path.ends_with(&name))?;
    Some(self.files[(*node)?].live.len() as u64)
  }

  fn node(&self, path: &Path) -> io::Result<Node> {
    match self.names.get(path) {
      Some(Some(node)) => Ok(*node),
      Some(None) => Err(io::ErrorKind::IsADirectory.into()),
      None => Err(io::ErrorKind::NotFound.into()),
    }
  }

  fn name(&mut self, change: Name) {
    apply_name(&mut self.names, &change);
    self.open_names.push(change);
  }

  fn append(&mut self, node: Node, bytes: &[u8], now: SystemTime) -> usize {
    let end = self.files[node].live.len();
    self.write(node, bytes, end, now)
  }

  fn write(
    &mut self,
    node: Node,
    bytes: &[u8],
    offset: usize,
    now: SystemTime,
  ) -> usize {
    let fits = self.room.map_or(bytes.len(), |room| {
      bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX))
    });
    if let Some(room) = &mut self.room {
      *room -= fits as u64;
    }
    let file = &mut self.files[node];
    let change = Bytes::Write {
      offset,
      bytes: bytes[..fits].to_vec(),
    };
    apply_bytes(&mut file.live, &change, usize::MAX);
    file.modified = Some(now);
    file.open.push(change);
    fits
  }

  fn sync_file(&mut self, node: Node) -> io::Result<()> {
    let file = &mut self.files[node];
    if file.open.is_empty() {
      return Ok(());
    }
    file.open.clear();
    self.fail_flush()?;
    let file = &mut self.files[node];
    file.durable.clone_from(&file.live);
    Ok(())
  }

  fn sync_directory(&mut self, directory: &Path) -> io::Result<()> {
    let (of_it, others): (Vec<Name>, _) = std::mem::take(&mut self.open_names)
      .into_iter()
      .partition(|change| change.directory() == Some(directory));
    self.open_names = others;
    if !of_it.is_empty() {
      self.fail_flush()?;
    }
    for change in of_it {
      apply_name(&mut self.durable_names, &change);
    }
    Ok(())
  }

  /// One that fails has lost what it was for: it counts as clean now, and no
  /// later flush writes it.
  fn fail_flush(&mut self) -> io::Result<()> {
    if self.failing_flushes == 0 {
      return Ok(());
    }
    self.failing_flushes -= 1;
    Err(io::Error::other("the disk has failed to write"))
  }
}

impl Name {
  fn directory(&self) -> Option<&Path> {
    match self {
      Self::Add(path, _) | Self::Remove(path) | Self::Move(_, path) => {
        path.parent()
      }
    }
  }
}

fn apply_name(names: &mut BTreeMap<PathBuf, Option<Node>>, change: &Name) {
  match change {
    Name::Add(path, node) => {
      names.insert(path.clone(), *node);
    }
    Name::Remove(path) => {
      names.remove(path);
    }
    Name::Move(from, to) => {
      if let Some(node) = names.remove(from) {
        names.insert(to.clone(), node);
      }
    }
  }
}

/// Applies the first `torn` bytes of a change; the space of the others is
/// there.
fn apply_bytes(file: &mut Vec<u8>, change: &Bytes, torn: usize) {
  match change {
    Bytes::Truncate(length) => file.resize(*length, 0),
    Bytes::Write { offset, bytes } => {
      let end = offset + bytes.len();
      if file.len() < end {
        file.resize(end, 0);
      }
      let written = bytes.len().min(torn);
      file[*offset..offset + written].copy_from_slice(&bytes[..written]);
    }
  }
}

fn dead() -> io::Error {
  io::Error::other("the process is dead")
}

/// The disk, as a process uses it.
#[derive(Clone)]
pub struct SimDisk(pub World);

impl SimDisk {
  /// One call that changes something.
  fn change<T>(
    &self,
    what: &str,
    path: &Path,
    call: impl FnOnce(&mut State) -> io::Result<T>,
  ) -> io::Result<T> {
    let fate = self.0.may_die(Step::DiskCall);
    if fate == Fate::DeadBefore {
      return Err(dead());
    }
    let mut state = self.0.state();
    if state.now().as_millis() as u64 >= state.disk.full_until {
      state.disk.room = None;
    }
    let result = call(&mut state);
    let failed = match &result {
      Ok(_) => String::new(),
      Err(error) => format!(": {error}"),
    };
    state.say(&format!("disk {what} {}{failed}", path.display()));
    match fate {
      Fate::Lives => result,
      _ => Err(dead()),
    }
  }

  fn look<T>(
    &self,
    call: impl FnOnce(&mut State) -> io::Result<T>,
  ) -> io::Result<T> {
    match self.0.is_alive() {
      true => call(&mut self.0.state()),
      false => Err(dead()),
    }
  }

  fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    let node = self.look(|state| state.disk.node(path))?;
    Ok(self.opened(path, node))
  }

  fn opened(&self, path: &Path, node: Node) -> Box<dyn OpenFile> {
    Box::new(SimFile {
      disk: self.clone(),
      path: path.to_owned(),
      node,
    })
  }
}

impl FileSystem for SimDisk {
  fn create_directory(&self, path: &Path) -> io::Result<()> {
    self.change("create_directory", path, |state| {
      if state.disk.names.contains_key(path) {
        return Err(io::ErrorKind::AlreadyExists.into());
      }
      if path.parent().is_some_and(|above| {
        above != Path::new("") && !state.disk.names.contains_key(above)
      }) {
        return Err(io::ErrorKind::NotFound.into());
      }
      state.disk.name(Name::Add(path.to_owned(), None));
      Ok(())
    })
  }

  fn make_private(&self, _: &Path) -> io::Result<()> {
    Ok(())
  }

  fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    let node = self.change("create", path, |state| {
      let now = state.wall_time();
      let disk = &mut state.disk;
      if disk.names.contains_key(path) {
        return Err(io::ErrorKind::AlreadyExists.into());
      }
      if path.parent().is_some_and(|above| {
        above != Path::new("") && !disk.names.contains_key(above)
      }) {
        return Err(io::ErrorKind::NotFound.into());
      }
      let node = disk.files.len();
      disk.files.push(File {
        modified: Some(now),
        ..File::default()
      });
      disk.name(Name::Add(path.to_owned(), Some(node)));
      Ok(node)
    })?;
    Ok(self.opened(path, node))
  }

  fn append(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    self.open(path)
  }

  fn modify(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    self.open(path)
  }

  fn direct(&self, _: &Path) -> io::Result<Box<dyn OpenFile>> {
    Err(io::ErrorKind::Unsupported.into())
  }

  fn read(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    self.open(path)
  }

  fn export(
    &self,
    _: BodyId,
    from: &Path,
    to: &Path,
    _: ExportMode,
  ) -> Result<(), StoreError> {
    Ok(self.change("export", to, |state| {
      state.disk.node(from)?;
      Ok(())
    })?)
  }

  fn read_text(&self, path: &Path) -> io::Result<String> {
    self.look(|state| {
      let node = state.disk.node(path)?;
      let bytes = state.disk.files[node].live.clone();
      String::from_utf8(bytes).map_err(io::Error::other)
    })
  }

  fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
    self.change("write", path, |state| {
      let now = state.wall_time();
      let disk = &mut state.disk;
      let node = disk.files.len();
      disk.files.push(File::default());
      disk.name(Name::Add(path.to_owned(), Some(node)));
      match disk.append(node, bytes, now) < bytes.len() {
        true => Err(io::ErrorKind::StorageFull.into()),
        false => Ok(()),
      }
    })
  }

  fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
    self.change("rename", to, |state| {
      state.disk.node(from)?;
      let change = Name::Move(from.to_owned(), to.to_owned());
      state.disk.name(change);
      Ok(())
    })
  }

  fn remove(&self, path: &Path) -> io::Result<()> {
    self.change("remove", path, |state| {
      let node = state.disk.node(path)?;
      let length = state.disk.files[node].live.len() as u64;
      if let Some(room) = &mut state.disk.room {
        *room += length;
      }
      state.disk.name(Name::Remove(path.to_owned()));
      Ok(())
    })
  }

  fn modified(&self, path: &Path) -> io::Result<SystemTime> {
    self.look(|state| {
      let node = state.disk.node(path)?;
      let modified = state.disk.files[node].modified;
      Ok(modified.unwrap_or(SystemTime::UNIX_EPOCH))
    })
  }

  fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
    self.look(|state| {
      if !state.disk.names.contains_key(directory) {
        return Err(io::ErrorKind::NotFound.into());
      }
      let all = state.disk.names.keys();
      let inside = all.filter(|path| path.parent() == Some(directory));
      let names = inside.filter_map(|path| path.file_name());
      Ok(names.map(OsString::from).collect())
    })
  }

  fn sync_file(&self, path: &Path) -> io::Result<()> {
    self.change("sync", path, |state| {
      let node = state.disk.node(path)?;
      state.disk.sync_file(node)
    })
  }

  fn sync_directory(&self, path: &Path) -> io::Result<()> {
    self.change("sync_directory", path, |state| {
      if path != Path::new("") && !state.disk.names.contains_key(path) {
        return Err(io::ErrorKind::NotFound.into());
      }
      state.disk.sync_directory(path)
    })
  }

  fn sync_file_system(&self) -> io::Result<bool> {
    Ok(false)
  }

  fn available(&self) -> io::Result<u64> {
    self.look(|state| Ok(state.disk.room.unwrap_or(1 << 40)))
  }

  fn boot_id(&self) -> Option<String> {
    Some(self.0.state().disk.boot.to_string())
  }

  fn is_there(&self) -> Result<(), StoreError> {
    Ok(())
  }

  /// Inline, for a thread of its own would have a time of its own; but not at
  /// once.
  fn run(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
    let world = self.0.clone();
    let task = tokio::spawn(async move {
      world.latency(4).await;
      work();
      world.latency(3).await;
    });
    Box::pin(async move {
      let _ = task.await;
    })
  }
}

struct SimFile {
  disk: SimDisk,
  path: PathBuf,
  node: Node,
}

impl OpenFile for SimFile {
  fn length(&self) -> io::Result<u64> {
    let look = |state: &mut State| Ok(state.disk.files[self.node].live.len());
    Ok(self.disk.look(look)? as u64)
  }

  fn set_length(&self, bytes: u64) -> io::Result<()> {
    self.disk.change("set_length", &self.path, |state| {
      let file = &mut state.disk.files[self.node];
      let change = Bytes::Truncate(bytes as usize);
      apply_bytes(&mut file.live, &change, usize::MAX);
      file.open.push(change);
      Ok(())
    })
  }

  fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let all: Vec<u8> = slices.iter().flat_map(|s| s.iter().copied()).collect();
    self.write("append", &all, None)
  }

  fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<usize> {
    self.write("write_at", buffer, Some(offset as usize))
  }

  fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    self.disk.look(|state| {
      let live = &state.disk.files[self.node].live;
      let start = live.len().min(offset as usize);
      let length = buffer.len().min(live.len() - start);
      buffer[..length].copy_from_slice(&live[start..start + length]);
      Ok(length)
    })
  }

  fn write_back(&self, _: u64, _: u64) {}
}

impl SimFile {
  /// Behind what is there, or at `offset`.
  fn write(
    &self,
    call: &str,
    all: &[u8],
    offset: Option<usize>,
  ) -> io::Result<usize> {
    self.disk.change(call, &self.path, |state| {
      let now = state.wall_time();
      // Less than all may be taken.
      let most = match state.dice.one_in(8) {
        true => 1 + state.dice.index(all.len()),
        false => all.len(),
      };
      let bytes = &all[..most.min(all.len())];
      let written = match offset {
        None => state.disk.append(self.node, bytes, now),
        Some(offset) => state.disk.write(self.node, bytes, offset, now),
      };
      match written == 0 && !bytes.is_empty() {
        true => Err(io::ErrorKind::StorageFull.into()),
        false => Ok(written),
      }
    })
  }
}

/// So that a disk can be handed to a store.
pub fn file_system(world: &World) -> Arc<dyn FileSystem> {
  Arc::new(SimDisk(world.clone()))
}
