//! Saving the responses of a background fetch as files.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::RecordHandle;
use background_fetch::store::ExportMode;
use background_fetch::store::StoreError;

use crate::file_names::file_name;
use crate::file_names::numbered;

/// How many bytes are compared at a time.
const CHUNK: usize = 1024 * 1024;

/// Saves every response of a background fetch that has succeeded in `out`. A
/// file appears when it is whole. What has its name already, be it a file or
/// something else, is left as it is, and the file gets a number.
///
/// Doing it again, after a crash in between, makes no second copy: a file
/// that has the name and the very bytes already counts as saved.
///
/// # Errors
///
/// A human-readable message; some files may be there.
pub async fn save(
  engine: &Engine,
  background_fetch: &BackgroundFetchSnapshot,
  out: &Path,
  mode: ExportMode,
) -> Result<Vec<PathBuf>, String> {
  let key = background_fetch.key;
  let records = engine.records(key);
  let mut next_number = HashMap::new();
  let mut saved = Vec::with_capacity(records.len());
  for (index, record) in records.iter().enumerate() {
    let name = file_name(&record.request().url);
    let number = next_number.entry(name.clone()).or_insert(0);
    let path = loop {
      let path = out.join(numbered(&name, *number));
      *number += 1;
      match engine.export(key, index, &path, mode).await {
        Ok(()) => break path,
        Err(StoreError::DestinationExists(_)) => {
          if has_bytes_of(&path, record).await {
            break path;
          }
        }
        Err(error) => {
          return Err(format!("{}: {error}", path.display()));
        }
      }
    };
    saved.push(path);
  }
  Ok(saved)
}

/// Whether the file at `path` is exactly the record's response. One that
/// cannot be read is not, and neither is anything else than a file.
pub async fn has_bytes_of(path: &Path, record: &RecordHandle) -> bool {
  let path = path.to_owned();
  let Some(mut file) = blocking(move || open(&path)).await else {
    return false;
  };
  let mut offset = 0;
  loop {
    let stored = match record.read(offset, CHUNK).await {
      Ok(stored) => stored.unwrap_or_default(),
      Err(_) => return false,
    };
    let length = stored.len();
    let compared = blocking(move || {
      if stored.is_empty() {
        // Both have to end here.
        return matches!(file.read(&mut [0]), Ok(0)).then_some(file);
      }
      let mut found = vec![0; stored.len()];
      file.read_exact(&mut found).ok()?;
      (found[..] == stored[..]).then_some(file)
    });
    match compared.await {
      None => return false,
      Some(_) if length == 0 => return true,
      Some(same) => file = same,
    }
    offset += length as u64;
  }
}

/// Opens a file without following a link, and without waiting for the other
/// end of a pipe.
fn open(path: &Path) -> Option<File> {
  let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
  let mut options = File::options();
  options.read(true).custom_flags(flags.bits() as i32);
  let file = options.open(path).ok()?;
  file.metadata().ok()?.is_file().then_some(file)
}

/// Does `work`, which waits for the disk, where that does not hinder anyone.
async fn blocking<T: Send + 'static>(
  work: impl FnOnce() -> Option<T> + Send + 'static,
) -> Option<T> {
  tokio::task::spawn_blocking(work).await.ok().flatten()
}
