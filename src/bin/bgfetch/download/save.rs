//! Saving the response of a download as a file, once it is whole and is what
//! it should be.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::RecordHandle;
use background_fetch::spec::Response;
use background_fetch::store::ExportMode;
use background_fetch::store::StoreError;
use parking_lot::Mutex;
use rustix::fs::AtFlags;
use rustix::fs::CWD;
use rustix::fs::Timespec;
use rustix::fs::Timestamps;
use rustix::fs::UTIME_OMIT;
use rustix::fs::utimensat;
use tokio::sync::Semaphore;

use super::Download;
use super::SaveOptions;
use super::Saved;
use super::digest;
use super::digest::Expected;
use super::digest::Hasher;
use crate::file_names::numbered;
use crate::open_files;
use crate::saving::has_bytes_of;

/// How many bytes are read at a time.
const CHUNK: usize = 1024 * 1024;

/// Makes what has changed in a directory durable.
fn flush(directory: &Path) -> std::io::Result<()> {
  std::fs::File::open(directory)?.sync_all()
}

/// What has come of a response that was fetched whole.
pub enum Saving {
  File(PathBuf),
  /// It went to standard output.
  Written,
  /// It is not what it should be: why, and where the bytes are now.
  Wrong {
    why: String,
    kept: Option<PathBuf>,
  },
}

/// Saves the responses of downloads.
pub struct Saver {
  pub saved: Saved,
  /// The next number for every path that was used.
  numbers: Mutex<HashMap<PathBuf, usize>>,
  places: Semaphore,
}

/// A download that has succeeded, with what is needed to save it.
struct Whole<'a> {
  engine: &'a Engine,
  snapshot: &'a BackgroundFetchSnapshot,
  record: RecordHandle,
  response: Option<Response>,
  download: &'a Download,
  options: &'a SaveOptions,
}

impl Saver {
  pub fn new(saved: Saved) -> Self {
    Self {
      saved,
      numbers: Mutex::default(),
      places: Semaphore::new(open_files::saved_at_once()),
    }
  }

  /// Saves the response of `snapshot`, which has succeeded. Doing it again,
  /// after a crash in between, makes no second copy.
  ///
  /// # Errors
  ///
  /// The path, and why nothing could be saved there.
  pub async fn save(
    &self,
    engine: &Engine,
    snapshot: &BackgroundFetchSnapshot,
    download: &Download,
    options: &SaveOptions,
    to_stdout: bool,
  ) -> Result<Saving, String> {
    // It is never closed.
    let _place = self.places.acquire().await;
    let mut records = engine.records(snapshot.key);
    if records.is_empty() {
      return Err(format!("{}: the store has lost it", options.url_name));
    }
    let record = records.swap_remove(0);
    let response = record.response().await.ok();
    let whole = Whole {
      engine,
      snapshot,
      record,
      response,
      download,
      options,
    };
    let expected = whole.expected();
    if let Some(why) = whole.mismatch(&expected).await? {
      let kept = whole.keep_aside(self).await;
      return Ok(Saving::Wrong { why, kept });
    }
    if to_stdout {
      whole.write_to_stdout().await?;
      return Ok(Saving::Written);
    }
    let path = self.place(&whole).await?;
    if options.remote_time {
      whole.set_time(&path);
    }
    let checksums = expected.into_iter().map(|e| e.checksum).collect();
    let response = whole.response.as_ref();
    self.saved.note(download, &path, response, checksums);
    Ok(Saving::File(path))
  }

  /// Gives the bytes their name; returns the path.
  async fn place(&self, whole: &Whole<'_>) -> Result<PathBuf, String> {
    let wanted = whole.path()?;
    // What this program has saved, and was not changed since, is an older
    // version of the same.
    let older = self.saved.unchanged(whole.download).map(|entry| entry.path);
    let older = older.filter(|path| path.parent() == wanted.parent());
    if let Some(older) = older {
      return whole.replace(older).await;
    }
    if whole.options.replace {
      return whole.replace(wanted).await;
    }
    loop {
      let path = self.next(&wanted);
      match whole.export(&path).await {
        Ok(()) => return Ok(path),
        Err(StoreError::DestinationExists(_)) => {
          if has_bytes_of(&path, &whole.record).await {
            return Ok(path);
          }
        }
        Err(error) => return Err(format!("{}: {error}", path.display())),
      }
    }
  }

  /// `path` with the next number that this process has not used for it.
  fn next(&self, path: &Path) -> PathBuf {
    let mut numbers = self.numbers.lock();
    let number = numbers.entry(path.to_owned()).or_insert(0);
    let name = path.file_name().unwrap_or_default();
    let numbered = match (name.to_str(), *number) {
      (_, 0) => name.to_owned(),
      (Some(text), number) => numbered(text, number).into(),
      (None, number) => {
        let mut bytes = name.to_owned();
        bytes.push(format!("-{number}"));
        bytes
      }
    };
    *number += 1;
    path.with_file_name(numbered)
  }
}

impl Whole<'_> {
  async fn export(&self, path: &Path) -> Result<(), StoreError> {
    // The body is not read any more: a download has no script.
    let mode = ExportMode::Share;
    self.engine.export(self.snapshot.key, 0, path, mode).await
  }

  /// The digests that it should have: those that the user has named, or else
  /// the best one that the server has sent.
  fn expected(&self) -> Vec<Expected> {
    let named = self.options.checksums.iter().map(|checksum| Expected {
      checksum: checksum.clone(),
      source: "the command".to_string(),
    });
    let mut expected: Vec<_> = named.collect();
    // They are of the whole.
    let is_whole = self.download.range.is_none();
    if expected.is_empty() && is_whole && self.options.server_digests {
      let sent = self.response.as_ref().and_then(digest::sent_with);
      expected.extend(sent);
    }
    expected
  }

  async fn mismatch(
    &self,
    expected: &[Expected],
  ) -> Result<Option<String>, String> {
    if expected.is_empty() {
      return Ok(None);
    }
    let mut hasher = Hasher::new(expected.iter().map(|e| &e.checksum));
    self
      .for_each_chunk(|chunk| {
        hasher.update(chunk);
        Ok(())
      })
      .await?;
    Ok(digest::mismatch(expected, &hasher.finish()))
  }

  async fn for_each_chunk(
    &self,
    mut each: impl FnMut(&[u8]) -> Result<(), String>,
  ) -> Result<(), String> {
    let mut offset = 0;
    loop {
      let chunk = self.record.read(offset, CHUNK).await;
      let chunk = chunk.map_err(|error| error.to_string())?;
      match chunk.filter(|chunk| !chunk.is_empty()) {
        Some(chunk) => {
          each(&chunk)?;
          offset += chunk.len() as u64;
        }
        None => return Ok(()),
      }
    }
  }

  async fn write_to_stdout(&self) -> Result<(), String> {
    let mut stdout = std::io::stdout();
    let written = self
      .for_each_chunk(|chunk| {
        stdout.write_all(chunk).map_err(|error| match error.kind() {
          // The reader has seen enough, as `head` has.
          std::io::ErrorKind::BrokenPipe => String::new(),
          _ => format!("standard output: {error}"),
        })
      })
      .await;
    match written {
      Err(why) if !why.is_empty() => Err(why),
      _ => {
        let _ = stdout.flush();
        Ok(())
      }
    }
  }

  fn path(&self) -> Result<PathBuf, String> {
    let path = self.options.path(self.download, self.response.as_ref());
    if self.options.create_dirs
      && let Some(directory) = path.parent()
    {
      std::fs::create_dir_all(directory)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(path)
  }

  /// Gives the bytes a name that others may have until then.
  async fn replace(&self, path: PathBuf) -> Result<PathBuf, String> {
    let key = self.snapshot.key.0;
    let part = path.with_file_name(format!(".bgfetch-{key}.part"));
    let wrong =
      |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    // What a crash in between has left.
    let _ = std::fs::remove_file(&part);
    self.export(&part).await.map_err(|error| wrong(&error))?;
    let renamed = std::fs::rename(&part, &path).and_then(|()| {
      // The name is durable before the store forgets the bytes.
      match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => flush(parent),
        _ => flush(Path::new(".")),
      }
    });
    // When both are names of one file already, as after a crash behind this,
    // renaming does nothing.
    let _ = std::fs::remove_file(&part);
    match renamed {
      Ok(()) => Ok(path),
      Err(error) => Err(wrong(&error)),
    }
  }

  /// Where what is not right can be looked at.
  async fn keep_aside(&self, saver: &Saver) -> Option<PathBuf> {
    let mut path = self.path().ok()?;
    let mut name = path.file_name()?.to_owned();
    name.push(".bad");
    path.set_file_name(name);
    loop {
      let path = saver.next(&path);
      match self.export(&path).await {
        Ok(()) => return Some(path),
        Err(StoreError::DestinationExists(_)) => {
          if has_bytes_of(&path, &self.record).await {
            return Some(path);
          }
        }
        Err(_) => return None,
      }
    }
  }

  /// The file is as old as what the server has. One that cannot be set is as
  /// good a file.
  fn set_time(&self, path: &Path) {
    let headers = self.response.as_ref().map(Response::internal_headers);
    let time = headers
      .and_then(|headers| headers.first("last-modified"))
      .and_then(|text| httpdate::parse_http_date(text).ok())
      .filter(|time| *time <= SystemTime::now());
    if let Some(time) = time {
      let unchanged = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_OMIT,
      };
      let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
      let times = Timestamps {
        last_access: unchanged,
        last_modification: Timespec {
          tv_sec: since.as_secs() as i64,
          tv_nsec: since.subsec_nanos().into(),
        },
      };
      let flags = AtFlags::SYMLINK_NOFOLLOW;
      if let Err(error) = utimensat(CWD, path, &times, flags) {
        tracing::debug!(%error, "the time of a saved file cannot be set");
      }
    }
  }
}
