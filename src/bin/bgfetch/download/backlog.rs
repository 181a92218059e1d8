//! What a command has asked for and what is not begun yet, in the store's
//! directory: so that a long list is as durable as its first file.
//!
//! A backlog is a file `backlog-UUID.jsonl`. Its first line is what holds for
//! the whole command, and how many files there are; then comes a line for each
//! file, all durable before the first of them is begun. Behind them a line with
//! its number is appended for each file that is begun, when its row is durable:
//! one that is lost costs no more than a look at a file that is there already.
//! When all files have ended the backlog is removed.

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

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
  #[serde(flatten)]
  whole: Whole,
  files: usize,
}

/// The line of a file that is begun.
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
  /// Whether it names more than what is left to this process.
  has_more: bool,
}

/// What is left of a backlog.
pub struct Left {
  pub whole: Whole,
  pub items: Vec<Arc<Item>>,
  path: PathBuf,
  numbers: Vec<usize>,
  /// Whether it names files that cannot be read, or that another command gets:
  /// then it stays when everything else is done.
  has_more: bool,
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
    whole: Whole,
    items: &[Arc<Item>],
  ) -> io::Result<Self> {
    let files = items.len();
    let path = store.join(format!("{PREFIX}{}{SUFFIX}", Uuid::now_v7()));
    let part = PathBuf::from(format!("{}{PART}", path.display()));
    let write = || {
      let mut options = File::options();
      options.append(true).create_new(true).mode(0o600);
      let mut to = BufWriter::new(options.open(&part)?);
      line(&mut to, &Head { whole, files })?;
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
      // Nothing of it is begun.
      let _ = std::fs::remove_file(&part);
      let _ = std::fs::remove_file(&path);
    })?;
    Ok(Self {
      path,
      file,
      numbers: Vec::new(),
      has_more: false,
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

  /// Nothing is left of what was to be begun here.
  pub fn finish(&self) {
    if !self.has_more {
      remove(&self.path);
    }
  }

  /// Removes what a crash has left of backlogs that were being written. For the
  /// process that has the store.
  pub fn remove_parts(store: &Path) {
    let suffix = format!("{SUFFIX}{PART}");
    paths(store, &suffix).iter().for_each(|part| remove(part));
  }
}

impl Left {
  /// What is left in the directory of a store, in the order in which the
  /// commands were given. What cannot be read is reported, as a message for the
  /// user.
  pub fn read(store: &Path, mut report: impl FnMut(String)) -> Vec<Self> {
    let mut all = Vec::new();
    for path in paths(store, SUFFIX) {
      let shown = path.display();
      match Self::read_one(&path) {
        Ok((left, 0)) => all.push(left),
        Ok((left, damaged)) => {
          report(format!(
            "{shown} is damaged: {damaged} of the files that it names cannot \
             be read; run the command that asked for them, then delete it"
          ));
          all.push(left);
        }
        // The process that has worked on it has removed it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => report(format!(
          "{shown} cannot be read, which names files to get: {error}; run the \
           command that asked for them, then delete it"
        )),
      }
    }
    all
  }

  /// What is left, and how many cannot be read.
  fn read_one(path: &Path) -> io::Result<(Self, usize)> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut options = File::options();
    options.read(true).custom_flags(flags.bits() as i32);
    let mut lines = BufReader::new(options.open(path)?).split(b'\n');
    let first = lines.next().transpose()?.unwrap_or_default();
    let Head { whole, files } = serde_json::from_slice(&first)?;
    let mut items: Vec<Option<Arc<Item>>> = Vec::new();
    let mut damaged = files;
    for line in lines {
      let line = line?;
      if let Ok(Begun { begun }) = serde_json::from_slice(&line) {
        if let Some(item) = items.get_mut(begun) {
          *item = None;
        }
      } else if items.len() < files {
        let item = serde_json::from_slice(&line).ok();
        damaged -= usize::from(item.is_some());
        items.push(item.map(Arc::new));
      }
      // Behind the files it is what a crash has left of one that is begun.
    }
    let left = items.into_iter().enumerate();
    let (numbers, items) =
      left.filter_map(|(n, item)| Some((n, item?))).unzip();
    let left = Self {
      whole,
      items,
      path: path.to_owned(),
      numbers,
      has_more: damaged > 0,
    };
    Ok((left, damaged))
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

  /// Takes those out that `is_others`: another command of this process gets
  /// them, and says [`Left::note_elsewhere`] when they are safe. Until then the
  /// file stays.
  pub fn without_those_of_others(
    self,
    is_others: impl Fn(&Item) -> bool,
  ) -> Self {
    let before = self.items.len();
    let left = self.without(is_others);
    Self {
      has_more: left.has_more || left.items.len() < before,
      ..left
    }
  }

  /// Notes that those are begun that are `elsewhere`.
  pub fn note_elsewhere(self, is_elsewhere: impl Fn(&Item) -> bool) {
    let indices = 0..self.items.len();
    let elsewhere: Vec<_> =
      indices.filter(|i| is_elsewhere(&self.items[*i])).collect();
    let is_done = elsewhere.len() == self.items.len();
    match self.open() {
      Ok((.., backlog)) if is_done => backlog.finish(),
      Ok((.., backlog)) => {
        elsewhere.iter().for_each(|i| backlog.note_begun(*i))
      }
      // The one that has worked on it has removed it.
      Err(_) => {}
    }
  }

  /// Whether nothing is left of it to be begun; then it is removed, unless it
  /// names more.
  pub fn is_done(&self) -> bool {
    if self.items.is_empty() && !self.has_more {
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
      has_more,
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
      has_more,
    };
    Ok((whole, items, backlog))
  }
}

/// The backlogs in the directory of a store whose names end so, in the order of
/// time: their names begin with it.
fn paths(store: &Path, suffix: &str) -> Vec<PathBuf> {
  let entries = std::fs::read_dir(store).into_iter().flatten().flatten();
  let paths = entries.map(|entry| entry.path());
  let is_meant = |path: &PathBuf| {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|n| n.starts_with(PREFIX) && n.ends_with(suffix))
  };
  let mut paths: Vec<_> = paths.filter(is_meant).collect();
  paths.sort_unstable();
  paths
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

  fn whole() -> Whole {
    Whole {
      base: None,
      policy: NetworkPolicy::Server,
    }
  }

  /// What is left, of which everything can be read.
  fn read(store: &tempfile::TempDir) -> Vec<Left> {
    Left::read(store.path(), |damage| panic!("{damage}"))
  }

  fn only(store: &tempfile::TempDir) -> Left {
    let [left] = <[Left; 1]>::try_from(read(store)).ok().unwrap();
    left
  }

  fn typed(left: &[Left]) -> Vec<String> {
    let items = left.iter().flat_map(|left| &left.items);
    items.map(|item| item.typed.clone()).collect()
  }

  #[test]
  fn what_is_begun_is_not_left() {
    let store = tempfile::tempdir().unwrap();
    let items: Vec<_> = (0..5).map(item).collect();
    let backlog = Backlog::write(store.path(), whole(), &items).unwrap();
    backlog.note_begun(0);
    backlog.note_begun(3);
    assert_eq!(
      typed(&read(&store)),
      ["https://a.test/1", "https://a.test/2", "https://a.test/4"]
    );
    // The numbers are those of the file, whatever was taken out.
    let left = only(&store).without(|item| item.typed.ends_with('1'));
    let (_, items, again) = left.open().unwrap();
    assert_eq!(items[1].typed, "https://a.test/4");
    again.note_begun(1);
    assert_eq!(
      typed(&read(&store)),
      ["https://a.test/1", "https://a.test/2"]
    );
    only(&store).note_elsewhere(|item| item.typed.ends_with('2'));
    assert_eq!(typed(&read(&store)), ["https://a.test/1"]);
    only(&store).note_elsewhere(|_| true);
    assert!(read(&store).is_empty());
  }

  #[test]
  fn what_another_command_gets_keeps_the_file() {
    let store = tempfile::tempdir().unwrap();
    let items: Vec<_> = (0..2).map(item).collect();
    Backlog::write(store.path(), whole(), &items).unwrap();
    let is_others = |item: &Item| item.typed.ends_with('0');
    let left = only(&store).without_those_of_others(is_others);
    let (_, items, backlog) = left.open().unwrap();
    assert_eq!(items[0].typed, "https://a.test/1");
    backlog.note_begun(0);
    backlog.finish();
    assert_eq!(typed(&read(&store)), ["https://a.test/0"]);
    only(&store).note_elsewhere(is_others);
    assert!(read(&store).is_empty());
  }

  #[test]
  fn a_line_that_a_crash_has_cut_short_is_passed_over() {
    let store = tempfile::tempdir().unwrap();
    let backlog = Backlog::write(store.path(), whole(), &[item(0)]).unwrap();
    (&backlog.file).write_all(b"{\"begun\":0").unwrap();
    assert_eq!(typed(&read(&store)), ["https://a.test/0"]);
    let (.., again) = only(&store).open().unwrap();
    again.note_begun(0);
    assert!(typed(&read(&store)).is_empty());
  }

  #[test]
  fn a_damaged_line_is_reported_and_costs_no_other() {
    let store = tempfile::tempdir().unwrap();
    let items: Vec<_> = (0..4).map(item).collect();
    let backlog = Backlog::write(store.path(), whole(), &items).unwrap();
    backlog.note_begun(2);
    let text = std::fs::read_to_string(&backlog.path).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines[2] = "{";
    std::fs::write(&backlog.path, lines.join("\n")).unwrap();
    let mut damage = Vec::new();
    let left = Left::read(store.path(), |of| damage.push(of));
    assert_eq!(typed(&left), ["https://a.test/0", "https://a.test/3"]);
    assert_eq!(damage.len(), 1);
    assert!(damage[0].contains("damaged: 1 of the files"), "{damage:?}");
    // Cut short, so that the begun one is not said to be so either.
    std::fs::write(&backlog.path, lines[..2].join("\n")).unwrap();
    let mut left = Left::read(store.path(), |of| damage.push(of));
    assert_eq!(typed(&left), ["https://a.test/0"]);
    assert!(damage[1].contains("damaged: 3 of the files"), "{damage:?}");
    // It stays until the user has seen to what cannot be read.
    let (.., again) = left.remove(0).open().unwrap();
    again.note_begun(0);
    again.finish();
    let mut left = Left::read(store.path(), |of| damage.push(of));
    assert!(typed(&left).is_empty());
    assert!(damage[2].contains("damaged: 3 of the files"), "{damage:?}");
    assert!(left.remove(0).is_done());
    assert!(backlog.path.exists());
    std::fs::write(&backlog.path, "").unwrap();
    let left = Left::read(store.path(), |of| damage.push(of));
    assert!(left.is_empty());
    assert!(damage[3].contains("cannot be read"), "{damage:?}");
  }

  #[test]
  fn what_a_crash_has_left_of_a_backlog_is_removed() {
    let store = tempfile::tempdir().unwrap();
    let backlog = Backlog::write(store.path(), whole(), &[item(0)]).unwrap();
    let part = format!("{}{PART}", backlog.path.display());
    std::fs::write(&part, "{").unwrap();
    Backlog::remove_parts(store.path());
    assert!(!Path::new(&part).exists());
    assert_eq!(typed(&read(&store)), ["https://a.test/0"]);
  }
}
