//! Saving the responses of a background fetch as files.

use std::collections::HashMap;
use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::pin::pin;

use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::RecordHandle;
use background_fetch::store::ExportMode;
use background_fetch::store::StoreError;
use futures::StreamExt;
use futures::stream;

use crate::file_names::file_name;
use crate::file_names::numbered;
use crate::open_files;

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
  let export = async |index: usize, path: PathBuf| match engine
    .export(key, index, &path, mode)
    .await
  {
    Ok(()) => Ok(Some(path)),
    Err(StoreError::DestinationExists(_)) => {
      let is_it = has_bytes_of(&path, &records[index]).await;
      Ok(is_it.then_some(path))
    }
    Err(error) => Err(format!("{}: {error}", path.display())),
  };
  let names: Vec<String> = records
    .iter()
    .map(|record| file_name(&record.request().url))
    .collect();
  let mut seen = HashSet::new();
  let firsts = names
    .iter()
    .enumerate()
    .filter(|(_, name)| seen.insert(*name));
  let firsts: Vec<usize> = firsts.map(|(index, _)| index).collect();
  // No two of these want the same name: they share flushes of the directory.
  let first_names = stream::iter(firsts)
    .map(async |index| (index, export(index, out.join(&names[index])).await))
    .buffer_unordered(open_files::saved_at_once());
  let mut first_names = pin!(first_names);
  let mut saved = vec![None; records.len()];
  while let Some((index, path)) = first_names.next().await {
    saved[index] = path?;
  }
  // The numbers are given in order, so that another try gives the same ones.
  let mut next_number = HashMap::new();
  for (index, name) in names.iter().enumerate() {
    let number = next_number.entry(name).or_insert(1);
    while saved[index].is_none() {
      let path = out.join(numbered(name, *number));
      *number += 1;
      saved[index] = export(index, path).await?;
    }
  }
  Ok(saved.into_iter().flatten().collect())
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
