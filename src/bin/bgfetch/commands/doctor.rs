//! `bgfetch doctor`

use std::collections::HashSet;
use std::path::Path;
use std::path::PathBuf;

use background_fetch::display::text;
use background_fetch::store::BodyId;
use background_fetch::store::Store;
use background_fetch::store::StoredBackgroundFetch;
use serde::Serialize;

use crate::arguments::Doctor;
use crate::failure::FAILED;
use crate::failure::Failure;
use crate::failure::SUCCESS;
use crate::output;
use crate::paths;

/// What is known of a store.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
  store: String,
  /// The process that works on it.
  owner: Option<String>,
  /// Of the disk, in bytes.
  free: Option<u64>,
  /// In bytes, as all sizes here.
  database: u64,
  unfinished: Part,
  paused: Part,
  /// Kept after a failure.
  failed: Part,
  /// Settled, with an event that has not been handled.
  waiting_for_script: Part,
  /// Files of bodies that no background fetch knows; the next start deletes
  /// them.
  unknown: Part,
  /// Rows that cannot be read.
  damaged: usize,
}

#[derive(Default, Serialize)]
struct Part {
  count: usize,
  bytes: u64,
}

impl Part {
  fn add(&mut self, bytes: u64) {
    self.count += 1;
    self.bytes += bytes;
  }
}

pub async fn doctor(arguments: &Doctor) -> Result<u8, Failure> {
  let directory = paths::store_directory(&arguments.store)?;
  if arguments.store.directory.is_none() && !directory.exists() {
    output::line("there is no store yet; the first `bgfetch get` makes one");
    return Ok(SUCCESS);
  }
  let report = Report::of(&directory)?;
  match arguments.json {
    true => output::json_line(&report),
    false => report.print(),
  }
  Ok(if report.damaged > 0 { FAILED } else { SUCCESS })
}

impl Report {
  fn of(directory: &Path) -> Result<Self, Failure> {
    let mut report = Self {
      store: directory.to_string_lossy().into_owned(),
      owner: None,
      free: free_space(directory),
      database: database_size(directory),
      unfinished: Part::default(),
      paused: Part::default(),
      failed: Part::default(),
      waiting_for_script: Part::default(),
      unknown: Part::default(),
      damaged: 0,
    };
    let mut known = HashSet::new();
    for row in Store::read_directory(directory)? {
      match row {
        Ok(row) => {
          report.count(&row);
          let bodies = row.bodies.iter().flat_map(|b| [b.request, b.response]);
          known.extend(bodies.flatten());
        }
        Err(_) => report.damaged += 1,
      }
    }
    // One that is being written is not known yet.
    report.owner = Store::owner(directory);
    if report.owner.is_none() {
      for (id, bytes) in bodies(directory) {
        if !known.contains(&id) {
          report.unknown.add(bytes);
        }
      }
    }
    Ok(report)
  }

  fn count(&mut self, row: &StoredBackgroundFetch) {
    let fetch = &row.background_fetch;
    let part = match &row.retained {
      Some(_) => &mut self.failed,
      None if !row.active => &mut self.waiting_for_script,
      None if fetch.paused => &mut self.paused,
      None => &mut self.unfinished,
    };
    part.add(fetch.stored_body_bytes_total());
  }

  fn print(&self) {
    let field = |name: &str, value: &str| {
      output::line(&format!("{name:18} {value}"));
    };
    field("store", &text::printable(&self.store));
    let owner = self.owner.as_deref().unwrap_or("no process");
    field("in use by", &text::printable(owner));
    if let Some(free) = self.free {
      field("free on the disk", &text::bytes(free));
    }
    field("database", &text::bytes(self.database));
    let part = |name: &str, part: &Part, what: &str| {
      if part.count > 0 {
        let bytes = text::bytes(part.bytes);
        field(name, &format!("{}, {bytes}: {what}", part.count));
      }
    };
    part(
      "unfinished",
      &self.unfinished,
      "`bgfetch resume` or the same command continues them",
    );
    part(
      "paused",
      &self.paused,
      "`bgfetch unpause ID` lets them continue",
    );
    part(
      "failed and kept",
      &self.failed,
      "`bgfetch retry ID` continues, `bgfetch clean` deletes them",
    );
    part(
      "owed to scripts",
      &self.waiting_for_script,
      "`bgfetch resume` delivers their events",
    );
    part(
      "unknown files",
      &self.unknown,
      "the next start deletes them",
    );
    if self.damaged > 0 {
      let damaged = self.damaged.to_string();
      field(
        "damaged rows",
        &format!("{damaged}: `bgfetch list` names them"),
      );
    }
    let freed = self.failed.bytes + self.unknown.bytes;
    field("can be freed", &text::bytes(freed));
  }
}

fn free_space(directory: &Path) -> Option<u64> {
  let disk = rustix::fs::statvfs(directory).ok()?;
  disk.f_bavail.checked_mul(disk.f_frsize)
}

fn database_size(directory: &Path) -> u64 {
  let Ok(files) = std::fs::read_dir(directory) else {
    return 0;
  };
  let is_database = |file: &std::fs::DirEntry| {
    file
      .file_name()
      .to_string_lossy()
      .starts_with("facts.sqlite3")
  };
  let sizes = files.flatten().filter(is_database).map(|f| size(&f));
  sizes.sum()
}

/// The bodies in the store's directory, with their sizes.
fn bodies(directory: &Path) -> Vec<(BodyId, u64)> {
  let entries = |directory: PathBuf| {
    std::fs::read_dir(directory).into_iter().flatten().flatten()
  };
  let mut all = Vec::new();
  for part in entries(directory.join("bodies")) {
    for file in entries(part.path()) {
      let id = file.file_name().to_string_lossy().parse::<uuid::Uuid>();
      all.extend(id.ok().map(|id| (BodyId(id), size(&file))));
    }
  }
  all
}

fn size(file: &std::fs::DirEntry) -> u64 {
  file.metadata().map_or(0, |metadata| metadata.len())
}
