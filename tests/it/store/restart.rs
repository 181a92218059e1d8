//! What of a body is left after the process, or the machine, has stopped.

use std::path::Path;
use std::path::PathBuf;

use background_fetch::spec::Extents;
use background_fetch::store::BodyId;
use background_fetch::store::ExportMode;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use tempfile::TempDir;

use crate::store::body;
use crate::store::cannot_run::Need;
use crate::store::read;

pub(super) fn file_of(directory: &Path, id: BodyId) -> PathBuf {
  let name = id.0.to_string();
  let last = &name[name.len() - 2..];
  directory.join("bodies").join(last).join(&name)
}

/// A store, and the machine that it is on.
pub(super) struct Machine {
  directory: TempDir,
  store: Option<Store>,
}

impl Machine {
  pub(super) fn new() -> Self {
    let directory = tempfile::tempdir().unwrap();
    let store = Some(Store::open_directory(directory.path()).unwrap());
    Self { directory, store }
  }

  pub(super) fn path(&self) -> &Path {
    self.directory.path()
  }

  pub(super) fn store(&self) -> &Store {
    self.store.as_ref().unwrap()
  }

  /// The process ends, and another one comes.
  pub(super) fn restart_process(&mut self) -> &Store {
    self.restart_after(|_| {})
  }

  /// The machine is restarted: the next opening is in another boot.
  fn restart(&mut self) -> &Store {
    self.restart_after_power_failure(|_| {})
  }

  /// The same, with what the disk has lost.
  pub(super) fn restart_after_power_failure(
    &mut self,
    loss: impl FnOnce(&Path),
  ) -> &Store {
    self.restart_after(|directory| {
      loss(directory);
      let file = directory.join("boot");
      let text = std::fs::read_to_string(&file).unwrap();
      let (boot, rest) = text.split_once('\n').unwrap();
      assert!(!boot.is_empty());
      let other = "00000000-0000-0000-0000-000000000000";
      std::fs::write(&file, format!("{other}\n{rest}")).unwrap();
    })
  }

  pub(super) fn restart_after(
    &mut self,
    meanwhile: impl FnOnce(&Path),
  ) -> &Store {
    self.store = None;
    meanwhile(self.path());
    self
      .store
      .insert(Store::open_directory(self.directory.path()).unwrap())
  }
}

pub(super) async fn reopened(store: &Store, id: BodyId, durable: u64) -> u64 {
  store
    .bodies
    .reopen(id, &Extents::prefix_of(durable))
    .await
    .unwrap()
    .length()
}

/// A body that begins with `first`, and has `second` at an offset.
async fn body_with_a_gap(
  store: &Store,
  first: &'static str,
  offset: u64,
  second: &'static str,
) -> BodyId {
  let mut writer = store.bodies.create().await.unwrap();
  writer.append(vec![first.into()]).await.unwrap();
  let anywhere = writer.extent_writer().await.unwrap();
  anywhere.write(offset, vec![second.into()]).await.unwrap();
  writer.id()
}

/// Returns where the body has ended before.
async fn append(
  store: &Store,
  id: BodyId,
  durable: &Extents,
  more: &'static str,
) -> u64 {
  let mut writer = store.bodies.reopen(id, durable).await.unwrap();
  let length = writer.length();
  writer.append(vec![more.into()]).await.unwrap();
  length
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_appended() {
  let mut machine = Machine::new();
  let store = machine.store();
  let id = body(store, b"0123456789").await;
  let store = machine.restart_process();
  assert_eq!(reopened(store, id, 4).await, 10);
  assert_eq!(read(store, id).await.unwrap(), b"0123456789");
}

#[tokio::test]
async fn a_restarted_machine_keeps_the_durable_bytes_only() {
  let mut machine = Machine::new();
  let store = machine.store();
  let id = body(store, b"0123456789").await;
  let store = machine.restart();
  assert_eq!(reopened(store, id, 4).await, 4);
  assert_eq!(read(store, id).await.unwrap(), b"0123");
}

#[tokio::test]
async fn without_a_note_of_the_boot_only_durable_bytes_count() {
  let mut machine = Machine::new();
  let store = machine.store();
  let id = body(store, b"0123456789").await;
  let store = machine.restart_after(|directory| {
    std::fs::remove_file(directory.join("boot")).unwrap();
  });
  assert_eq!(reopened(store, id, 4).await, 4);
}

/// Neither the length of its file nor what is in it says what was written.
#[tokio::test]
async fn of_a_body_with_gaps_only_durable_bytes_are_good() {
  let mut machine = Machine::new();
  let store = machine.store();
  let id = body_with_a_gap(store, "0123", 8, "89").await;
  // The row says nothing of what is behind the gap.
  let store = machine.restart_process();
  assert_eq!(reopened(store, id, 4).await, 4);
  assert_eq!(read(store, id).await.unwrap(), b"0123");
  // From then on it is as good as any other.
  append(store, id, &Extents::prefix_of(4), "45").await;
  let store = machine.restart_process();
  assert_eq!(reopened(store, id, 4).await, 6);
}

#[tokio::test]
async fn durable_bytes_behind_a_gap_survive_the_machine() {
  let mut machine = Machine::new();
  let store = machine.store();
  let id = body_with_a_gap(store, "0123", 6, "6789").await;
  let mut durable = Extents::prefix_of(3);
  durable.add(6..8);
  let store = machine.restart();
  assert_eq!(append(store, id, &durable, "345").await, 3);
  assert_eq!(read(store, id).await.unwrap(), b"01234567");
  // It may still have gaps, for all that its file says.
  let store = machine.restart_process();
  assert_eq!(reopened(store, id, 5).await, 5);
}

#[tokio::test]
async fn a_kill_before_reopening_does_not_make_spoilt_bytes_good() {
  let mut machine = Machine::new();
  let store = machine.store();
  let old = body(store, b"0123456789").await;
  // Opened in this boot, but it did not come to the body.
  let new = body(machine.restart(), b"abcdef").await;
  let store = machine.restart_process();
  assert_eq!(reopened(store, old, 4).await, 4);
  assert_eq!(reopened(store, new, 2).await, 6);
}

#[tokio::test]
async fn a_body_that_was_cut_back_is_trusted_from_then_on() {
  let mut machine = Machine::new();
  let store = machine.store();
  let id = body(store, b"0123456789").await;
  let store = machine.restart();
  append(store, id, &Extents::prefix_of(4), "abc").await;
  assert_eq!(reopened(store, id, 4).await, 7);
  let store = machine.restart_process();
  assert_eq!(reopened(store, id, 4).await, 7);
  assert_eq!(read(store, id).await.unwrap(), b"0123abc");
}

#[tokio::test]
async fn a_body_that_lost_durable_bytes_is_damaged_and_the_others_are_not() {
  let machine = Machine::new();
  let store = machine.store();
  let short = body(store, b"0123456789").await;
  let gone = body(store, b"0123456789").await;
  let whole = body(store, b"0123456789").await;
  std::fs::write(file_of(machine.path(), short), "012").unwrap();
  std::fs::remove_file(file_of(machine.path(), gone)).unwrap();

  for id in [short, gone] {
    let error = store
      .bodies
      .reopen(id, &Extents::prefix_of(4))
      .await
      .err()
      .unwrap();
    assert!(matches!(error, StoreError::DamagedBody(_)), "{error}");
    assert!(error.to_string().contains(&id.0.to_string()), "{error}");
  }
  assert_eq!(reopened(store, whole, 4).await, 10);
}

#[tokio::test]
async fn strange_files_among_the_bodies_are_left_alone() {
  let machine = Machine::new();
  let store = machine.store();
  let id = body(store, b"x").await;
  let strange = file_of(machine.path(), id).with_file_name("README");
  std::fs::write(&strange, "").unwrap();
  std::fs::create_dir(machine.path().join("bodies/zz")).unwrap();
  assert_eq!(store.bodies.ids().await.unwrap(), [id]);
  assert!(strange.exists());
}

#[tokio::test]
#[cfg_attr(without_other_disk, ignore = "it needs a second file system")]
async fn an_export_to_another_file_system_is_a_copy() {
  let shared_memory = Path::new("/dev/shm");
  let machine = Machine::new();
  let device = |path: &Path| {
    std::os::unix::fs::MetadataExt::dev(&std::fs::metadata(path).unwrap())
  };
  if !shared_memory.is_dir() || device(shared_memory) == device(machine.path())
  {
    Need::OtherDisk.is_missing();
  }
  let store = machine.store();
  let id = body(store, b"bytes").await;
  let out = tempfile::tempdir_in(shared_memory).unwrap();
  let destination = out.path().join("out.bin");

  store
    .bodies
    .export(id, &destination, ExportMode::Share)
    .await
    .unwrap();
  assert_eq!(std::fs::read(&destination).unwrap(), b"bytes");
  let again = store
    .bodies
    .export(id, &destination, ExportMode::Share)
    .await;
  assert!(matches!(again, Err(StoreError::DestinationExists(_))));
  assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 1);
}
