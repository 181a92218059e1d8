//! What was saved: so that the same command later need not fetch what has not
//! changed.
//!
//! It is kept in `saved.jsonl` in the store's directory, a line for each file
//! that was saved. Losing it costs a transfer, never a file.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;
use std::hash::Hasher;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use background_fetch::spec::Response;
use parking_lot::Mutex;
use serde::Deserialize;
use serde::Serialize;

use super::Checksum;
use super::Download;
use super::os_text;

const FILE_NAME: &str = "saved.jsonl";

/// More lines than this beside twice the number of files are written again
/// without the outdated ones.
const OUTDATED: usize = 1000;

/// The files that were saved from a store.
pub struct Saved {
  file: PathBuf,
  known: Mutex<HashSet<Known>>,
}

/// A file that was saved, found by its download.
struct Known(Box<Entry>);

impl Borrow<Download> for Known {
  fn borrow(&self) -> &Download {
    &self.0.download
  }
}

impl PartialEq for Known {
  fn eq(&self, other: &Self) -> bool {
    self.0.download == other.0.download
  }
}

impl Eq for Known {}

impl Hash for Known {
  fn hash<H: Hasher>(&self, state: &mut H) {
    self.0.download.hash(state);
  }
}

/// A file that was saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
  pub download: Download,
  #[serde(with = "os_text::path")]
  pub path: PathBuf,
  /// In bytes.
  size: u64,
  /// In nanoseconds since the epoch, as the file system has it.
  modified: i128,
  #[serde(default, skip_serializing_if = "Option::is_none")]
  pub etag: Option<String>,
  #[serde(default, skip_serializing_if = "Option::is_none")]
  pub last_modified: Option<String>,
  /// Those that were checked when it was saved.
  #[serde(default, skip_serializing_if = "Vec::is_empty")]
  pub checksums: Vec<Checksum>,
}

impl Saved {
  /// Reads what is there; lines that cannot be read are passed over.
  pub fn open(store: &Path) -> Self {
    let file = store.join(FILE_NAME);
    let text = std::fs::read(&file).unwrap_or_default();
    let mut known = HashSet::new();
    let mut lines = 0;
    for line in text.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
      lines += 1;
      if let Ok(entry) = serde_json::from_slice::<Entry>(line) {
        known.replace(Known(Box::new(entry)));
      }
    }
    if lines > 2 * known.len() + OUTDATED {
      rewrite(&file, &known);
    }
    Self {
      file,
      known: Mutex::new(known),
    }
  }

  /// The file that was saved for `download`, if it was not changed since.
  pub fn unchanged(&self, download: &Download) -> Option<Entry> {
    let entry = Entry::clone(&self.known.lock().get(download)?.0);
    entry.is_as_saved().then_some(entry)
  }

  /// What is known of the file at `path`, which has to be absolute.
  pub fn of_file(&self, path: &Path) -> Option<Entry> {
    let known = self.known.lock();
    let mut entries = known.iter().map(|Known(entry)| entry);
    entries.find(|e| e.path == path).map(|e| Entry::clone(e))
  }

  /// Notes that `download` is the file at `path` now.
  pub fn note(
    &self,
    download: &Download,
    path: &Path,
    response: Option<&Response>,
    checksums: Vec<Checksum>,
  ) {
    let Some((size, modified)) = realm_options(path) else {
      return;
    };
    let header = |name| response.and_then(|r| r.internal_headers().get(name));
    let entry = Entry {
      download: download.clone(),
      path: path.to_owned(),
      size,
      modified,
      etag: header("etag"),
      last_modified: header("last-modified"),
      checksums,
    };
    append(&self.file, &entry);
    self.known.lock().replace(Known(Box::new(entry)));
  }
}

impl Entry {
  pub fn is_as_saved(&self) -> bool {
    realm_options(&self.path) == Some((self.size, self.modified))
  }

  pub fn size(&self) -> u64 {
    self.size
  }
}

fn realm_options(path: &Path) -> Option<(u64, i128)> {
  let metadata = std::fs::symlink_metadata(path).ok()?;
  if !metadata.is_file() {
    return None;
  }
  let modified = match metadata.modified().ok()?.duration_since(UNIX_EPOCH) {
    Ok(since) => since.as_nanos() as i128,
    Err(before) => -(before.duration().as_nanos() as i128),
  };
  Some((metadata.len(), modified))
}

/// What cannot be noted is fetched again some time.
fn append(file: &Path, entry: &Entry) {
  let Ok(mut line) = serde_json::to_vec(entry) else {
    return;
  };
  line.push(b'\n');
  let mut options = std::fs::File::options();
  let opened = options.append(true).create(true).open(file);
  if let Err(error) = opened.and_then(|mut file| file.write_all(&line)) {
    tracing::debug!(%error, "a saved file cannot be noted");
  }
}

fn rewrite(file: &Path, known: &HashSet<Known>) {
  let part = file.with_extension("part");
  let write = || {
    let mut to = std::io::BufWriter::new(std::fs::File::create(&part)?);
    for Known(entry) in known {
      serde_json::to_writer(&mut to, &**entry)?;
      to.write_all(b"\n")?;
    }
    to.into_inner()?.sync_all()?;
    std::fs::rename(&part, file)
  };
  if let Err(error) = write() {
    tracing::debug!(%error, "the list of saved files cannot be made shorter");
  }
}
