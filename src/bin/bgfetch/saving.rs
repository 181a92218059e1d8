//! Saving the responses of a background fetch as files.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::RecordHandle;
use background_fetch::store::StoreError;

use crate::file_names::file_name;
use crate::file_names::numbered;

/// How many bytes are compared at a time.
const CHUNK: usize = 1024 * 1024;

/// Saves every response of a background fetch that has succeeded in `out`. A
/// file appears when it is whole.
///
/// Doing it again, after a crash in between, makes no second copy: a file
/// that has the name and the very bytes already counts as saved.
///
/// # Errors
///
/// A sentence for the user; some files may be there.
pub async fn save(
  engine: &Engine,
  background_fetch: &BackgroundFetchSnapshot,
  out: &Path,
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
      match engine.export(key, index, &path).await {
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
/// cannot be read is not.
pub async fn has_bytes_of(path: &Path, record: &RecordHandle) -> bool {
  let is_file = std::fs::metadata(path).is_ok_and(|m| m.is_file());
  let Ok(mut file) = std::fs::File::open(path).map_err(drop) else {
    return false;
  };
  if !is_file {
    return false;
  }
  let mut found = vec![0; CHUNK];
  let mut offset = 0;
  loop {
    let stored = match record.read(offset, CHUNK).await {
      Ok(stored) => stored.unwrap_or_default(),
      Err(_) => return false,
    };
    if stored.is_empty() {
      // Both have to end here.
      return matches!(file.read(&mut found[..1]), Ok(0));
    }
    let length = stored.len();
    match file.read_exact(&mut found[..length]) {
      Ok(()) if found[..length] == stored[..] => offset += length as u64,
      _ => return false,
    }
  }
}
