//! One of the states in which a power failure may leave a disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use fastrand::Rng;
use tempfile::TempDir;

use crate::disk::Bytes;
use crate::disk::Change;
use crate::disk::Disk;
use crate::disk::Fate;
use crate::disk::apply;

/// The smallest part that a disk writes whole, in bytes.
const SECTOR: usize = 512;

/// What becomes of the changes that were not flushed.
#[derive(Clone, Copy, Debug)]
pub enum Persistence {
  Nothing,
  Everything,
  /// The names and no bytes: files that are empty, or end in zeros.
  Names,
  /// The bytes and no names.
  Data,
  /// Each change by itself: there, lost or torn.
  Chance,
}

impl Persistence {
  pub fn any(dice: &mut Rng) -> Self {
    match dice.u32(0..8) {
      0 => Self::Nothing,
      1 => Self::Everything,
      2 => Self::Names,
      3 => Self::Data,
      _ => Self::Chance,
    }
  }
}

/// What is found when the power is back.
pub struct State {
  names: BTreeMap<PathBuf, Option<Vec<u8>>>,
}

impl Disk {
  pub fn fail(&self, persistence: Persistence, seed: u64) -> State {
    let mut dice = Rng::with_seed(seed);
    let mut names = BTreeMap::new();
    for change in &self.names {
      let stays = match persistence {
        Persistence::Nothing | Persistence::Data => false,
        Persistence::Everything | Persistence::Names => true,
        Persistence::Chance => dice.bool(),
      };
      if change.fate == Fate::Durable || stays {
        apply(&mut names, &change.what);
      }
    }
    // The bytes of a file with two names are the same.
    let mut bytes = BTreeMap::new();
    for node in names.values().flatten() {
      let of_node = || after(&self.files[*node], persistence, &mut dice);
      bytes.entry(*node).or_insert_with(of_node);
    }
    let found = |node: Option<usize>| node.map(|node| bytes[&node].clone());
    State {
      names: names.into_iter().map(|(p, n)| (p, found(n))).collect(),
    }
  }
}

fn after(
  changes: &[Change<Bytes>],
  persistence: Persistence,
  dice: &mut Rng,
) -> Vec<u8> {
  let mut file = Vec::new();
  for change in changes {
    let is_durable = change.fate == Fate::Durable;
    let stays = match persistence {
      Persistence::Nothing => false,
      Persistence::Everything | Persistence::Data => true,
      Persistence::Names => {
        // Its length may have been written, as a name is.
        if let (Bytes::Write { offset, bytes }, false, true) =
          (&change.what, is_durable, dice.bool())
        {
          let end = *offset as usize + bytes.len();
          file.resize(file.len().max(end), 0);
        }
        false
      }
      Persistence::Chance => match dice.u32(0..4) {
        0 | 1 => true,
        2 => false,
        _ => {
          if !is_durable {
            tear(&mut file, &change.what, dice);
          }
          false
        }
      },
    };
    if is_durable || stays {
      write(&mut file, &change.what);
    }
  }
  file
}

fn write(file: &mut Vec<u8>, change: &Bytes) {
  match change {
    Bytes::Truncate(length) => file.resize(*length as usize, 0),
    Bytes::Write { offset, bytes } => {
      let begin = *offset as usize;
      let end = begin + bytes.len();
      file.resize(file.len().max(end), 0);
      file[begin..end].copy_from_slice(bytes);
    }
  }
}

/// Some sectors of a write are there, and others are not.
fn tear(file: &mut Vec<u8>, change: &Bytes, dice: &mut Rng) {
  let Bytes::Write { offset, bytes } = change else {
    return;
  };
  for (index, sector) in bytes.chunks(SECTOR).enumerate() {
    if dice.bool() {
      let part = Bytes::Write {
        offset: offset + (index * SECTOR) as u64,
        bytes: sector.to_vec(),
      };
      write(file, &part);
    }
  }
}

impl State {
  /// Makes a directory of it, as it is found after the machine was restarted.
  pub fn on_disk(&self, root: &Path) -> TempDir {
    let directory = crate::world::directory();
    for (path, bytes) in &self.names {
      let Ok(path) = path.strip_prefix(root) else {
        continue;
      };
      let to = directory.path().join(path);
      // A name in a directory that is lost is lost with it.
      if !to.parent().unwrap().is_dir() {
        continue;
      }
      match bytes {
        None => std::fs::create_dir(&to).unwrap(),
        // The processes' shared memory: no process trusts it after a restart.
        Some(_) if path.to_string_lossy().ends_with("-shm") => {}
        Some(bytes) if path.ends_with("boot") => {
          std::fs::write(&to, restarted(bytes)).unwrap();
        }
        Some(bytes) => std::fs::write(&to, bytes).unwrap(),
      }
    }
    directory
  }
}

/// The boot that was noted is an earlier one now.
fn restarted(bytes: &[u8]) -> Vec<u8> {
  let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
  let other = "00000000-0000-0000-0000-000000000000";
  let text = String::from_utf8_lossy(bytes);
  text.replace(id.trim(), other).into_bytes()
}
