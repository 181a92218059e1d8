//! What a command has asked for and what is not begun yet, in the store's
//! directory: so that a long list is as durable as its first file.
//!
//! A backlog is a file `backlog-UUID.jsonl`. Its first line is what holds for
//! the whole command, then comes a line for each file, all durable before the
//! first of them is begun. Behind them a line with its number is appended for
//! each file that is begun, when its row is durable: one that is lost costs no
//! more than a look at a file that is there already. When all files have ended
//! the backlog is removed.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::BufWriter;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use background_fetch::network::NetworkPolicy;
use serde::Deserialize;
use serde::Serialize;
use url::Url;
use uuid::Uuid;

use super::Download;
use super::Item;

const PREFIX: &str = "backlog-";
const SUFFIX: &str = ".jsonl";
const PART: &str = ".part";

/// What holds for every file of a backlog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
  pub base: Option<Url>,
  pub policy: NetworkPolicy,
}

/// The line of a file that is begun. What a crash has left of such a line is
/// none.
#[derive(Serialize, Deserialize)]
struct Begun {
  begun: usize,
}

/// A backlog that is being worked on.
pub struct Backlog {
  path: PathBuf,
  file: File,
  /// The numbers in the file of those that are left; empty when these are all.
  numbers: Vec<usize>,
}

/// What is left of a backlog.
pub struct Left {
  pub whole: Whole,
  pub items: Vec<Arc<Item>>,
  path: PathBuf,
  numbers: Vec<usize>,
}

impl Backlog {
  /// Notes `items` in the directory of a store; they are durable when this
  /// returns.
  ///
  /// # Errors
  ///
  /// They cannot be written.
  pub fn write(
    store: &Path,
    whole: &Whole,
    items: &[Arc<Item>],
  ) -> io::Result<Self> {
    let path = store.join(format!("{PREFIX}{}{SUFFIX}", Uuid::now_v7()));
    let part = PathBuf::from(format!("{}{PART}", path.display()));
    let write = || {
      let mut options = File::options();
      options.append(true).create_new(true).mode(0o600);
      let mut to = BufWriter::new(options.open(&part)?);
      line(&mut to, whole)?;
      for item in items {
        line(&mut to, &**item)?;
      }
      let file = to.into_inner()?;
      file.sync_all()?;
      std::fs::rename(&part, &path)?;
      File::open(store)?.sync_all()?;
      Ok(file)
    };
    let written: io::Result<File> = write();
    let file = written.inspect_err(|_| {
      // What is left of it counts for nothing.
      let _ = std::fs::remove_file(&part);
    })?;
    Ok(Self {
      path,
      file,
      numbers: Vec::new(),
    })
  }

  /// The file with this number among those that are left is begun.
  pub fn note_begun(&self, file: usize) {
    let begun = self.numbers.get(file).copied().unwrap_or(file);
    let mut text = Vec::new();
    let noted = line(&mut text, &Begun { begun });
    let noted = noted.and_then(|()| (&self.file).write_all(&text));
    if let Err(error) = noted {
      tracing::debug!(%error, "that a file is begun cannot be noted");
    }
  }

  /// Nothing is left.
  pub fn remove(&self) {
    remove(&self.path);
  }
}

impl Left {
  /// What is left in the directory of a store, in the order in which the
  /// commands were given. What nobody can read is nothing.
  pub fn read(store: &Path) -> Vec<Self> {
    let Ok(entries) = std::fs::read_dir(store) else {
      return Vec::new();
    };
    let is_backlog = |path: &PathBuf| {
      let name = path.file_name().and_then(|name| name.to_str());
      name.is_some_and(|n| n.starts_with(PREFIX) && n.ends_with(SUFFIX))
    };
    let paths = entries.flatten().map(|entry| entry.path());
    // Their names begin with the time.
    let mut paths: Vec<_> = paths.filter(is_backlog).collect();
    paths.sort_unstable();
    let read = |path: PathBuf| match Self::read_one(&path) {
      Ok(left) => left,
      Err(error) => {
        let path = path.display();
        tracing::warn!(%error, %path, "a list of files cannot be read");
        None
      }
    };
    paths.into_iter().filter_map(read).collect()
  }

  fn read_one(path: &Path) -> io::Result<Option<Self>> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut options = File::options();
    options.read(true).custom_flags(flags.bits() as i32);
    let mut lines = BufReader::new(options.open(path)?).split(b'\n');
    let Some(first) = lines.next().transpose()? else {
      return Ok(None);
    };
    let whole = serde_json::from_slice(&first)?;
    let mut items: Vec<Option<Arc<Item>>> = Vec::new();
    for line in lines {
      let line = line?;
      if let Ok(Begun { begun }) = serde_json::from_slice(&line) {
        if let Some(item) = items.get_mut(begun) {
          *item = None;
        }
      } else if let Ok(item) = serde_json::from_slice(&line) {
        items.push(Some(Arc::new(item)));
      }
    }
    let left = items.into_iter().enumerate();
    let (numbers, items) =
      left.filter_map(|(n, item)| Some((n, item?))).unzip();
    Ok(Some(Self {
      whole,
      items,
      path: path.to_owned(),
      numbers,
    }))
  }

  /// When the command was given, in milliseconds since the epoch.
  pub fn created(&self) -> i64 {
    let name = self.path.file_name().and_then(|name| name.to_str());
    let id = name.and_then(|name| {
      let id = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
      Uuid::try_parse(id).ok()
    });
    let time = id.and_then(|id| id.get_timestamp());
    let (seconds, nanoseconds) = time.map(|t| t.to_unix()).unwrap_or_default();
    let milliseconds = seconds * 1000 + u64::from(nanoseconds / 1_000_000);
    i64::try_from(milliseconds).unwrap_or_default()
  }

  /// Takes those out that `is_elsewhere`: they are not left any more.
  pub fn without(mut self, is_elsewhere: impl Fn(&Item) -> bool) -> Self {
    let all = std::mem::take(&mut self.items);
    let all = all.into_iter().zip(std::mem::take(&mut self.numbers));
    let left = all.filter(|(item, _)| !is_elsewhere(item));
    (self.items, self.numbers) = left.unzip();
    self
  }

  /// The same for those that are in `seen`, where the others get.
  pub fn without_again(self, seen: &mut HashSet<Download>) -> Self {
    let seen = RefCell::new(seen);
    self.without(|item| !seen.borrow_mut().insert(item.download.clone()))
  }

  /// Notes that those are begun that are `elsewhere`.
  pub fn note_elsewhere(self, is_elsewhere: impl Fn(&Item) -> bool) {
    let indices = 0..self.items.len();
    let elsewhere: Vec<_> =
      indices.filter(|i| is_elsewhere(&self.items[*i])).collect();
    let is_done = elsewhere.len() == self.items.len();
    match self.open() {
      Ok((.., backlog)) if is_done => backlog.remove(),
      Ok((.., backlog)) => {
        elsewhere.iter().for_each(|i| backlog.note_begun(*i))
      }
      // Whoever has worked on it has removed it.
      Err(_) => {}
    }
  }

  /// Whether nothing is left of it; then it is removed.
  pub fn is_done(&self) -> bool {
    if self.items.is_empty() {
      remove(&self.path);
    }
    self.items.is_empty()
  }

  /// Works on it, as on one that was just written.
  ///
  /// # Errors
  ///
  /// It is not there any more.
  pub fn open(self) -> io::Result<(Whole, Vec<Arc<Item>>, Backlog)> {
    let Self {
      whole,
      items,
      path,
      numbers,
    } = self;
    let flags = rustix::fs::OFlags::NOFOLLOW;
    let mut options = File::options();
    options.append(true).custom_flags(flags.bits() as i32);
    let mut file = options.open(&path)?;
    // A crash may have cut the last line short.
    file.write_all(b"\n")?;
    let backlog = Backlog {
      path,
      file,
      numbers,
    };
    Ok((whole, items, backlog))
  }
}

fn remove(path: &Path) {
  if let Err(error) = std::fs::remove_file(path) {
    tracing::debug!(%error, "a backlog cannot be removed");
  }
}

fn line(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
  serde_json::to_writer(&mut *to, value)?;
  to.write_all(b"\n")
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::download::Download;
  use crate::download::SaveOptions;
  use crate::download::Target;

  fn item(n: usize) -> Arc<Item> {
    let typed = format!("https://a.test/{n}");
    Arc::new(Item {
      download: Download {
        url: Url::parse(&typed).unwrap(),
        target: Target {
          directory: "/out".into(),
          name: None,
        },
        range: None,
      },
      typed,
      options: SaveOptions::default(),
      headers: Vec::new(),
    })
  }

  fn typed(left: &[Left]) -> Vec<String> {
    let items = left.iter().flat_map(|left| &left.items);
    items.map(|item| item.typed.clone()).collect()
  }

  #[test]
  fn what_is_begun_is_not_left() {
    let store = tempfile::tempdir().unwrap();
    let whole = Whole {
      base: None,
      policy: NetworkPolicy::Server,
    };
    let items: Vec<_> = (0..5).map(item).collect();
    let backlog = Backlog::write(store.path(), &whole, &items).unwrap();
    backlog.note_begun(0);
    backlog.note_begun(3);
    let mut left = Left::read(store.path());
    assert_eq!(
      typed(&left),
      ["https://a.test/1", "https://a.test/2", "https://a.test/4"]
    );
    // The numbers are those of the file, whoever continues.
    let left = left.remove(0).without(|item| item.typed.ends_with('1'));
    let (_, items, again) = left.open().unwrap();
    assert_eq!(items[1].typed, "https://a.test/4");
    again.note_begun(1);
    let left = Left::read(store.path());
    assert_eq!(typed(&left), ["https://a.test/1", "https://a.test/2"]);
    let [left] = <[Left; 1]>::try_from(left).ok().unwrap();
    left.note_elsewhere(|item| item.typed.ends_with('2'));
    assert_eq!(typed(&Left::read(store.path())), ["https://a.test/1"]);
    let [left] = <[Left; 1]>::try_from(Left::read(store.path()))
      .ok()
      .unwrap();
    left.note_elsewhere(|_| true);
    assert!(Left::read(store.path()).is_empty());
  }

  #[test]
  fn a_line_that_a_crash_has_cut_short_is_passed_over() {
    let store = tempfile::tempdir().unwrap();
    let whole = Whole {
      base: None,
      policy: NetworkPolicy::Server,
    };
    let backlog = Backlog::write(store.path(), &whole, &[item(0)]).unwrap();
    (&backlog.file).write_all(b"{\"begun\":0").unwrap();
    let left = Left::read(store.path());
    assert_eq!(typed(&left), ["https://a.test/0"]);
    let [left] = <[Left; 1]>::try_from(left).ok().unwrap();
    let (.., again) = left.open().unwrap();
    again.note_begun(0);
    assert!(typed(&Left::read(store.path())).is_empty());
  }
}
