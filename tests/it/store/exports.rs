//! What an exported file shares with its body, and what it gets from its
//! directory.

use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use background_fetch::store::ExportMode;

use crate::store::Subject;
use crate::store::body;
use crate::store::cannot_run::NOBODY;
use crate::store::cannot_run::Need;
use crate::store::cannot_run::is_root;
use crate::store::read;

fn change(file: &Path) {
  let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
  std::os::unix::fs::FileExt::write_all_at(&file, b"X", 0).unwrap();
}

#[tokio::test]
async fn a_copy_may_be_changed_while_the_body_is_read() {
  let subject = Subject::on_disk();
  let out = subject.directory.path().join("out");
  let id = body(&subject.store, b"bytes").await;
  let bodies = &subject.store.bodies;
  bodies.export(id, &out, ExportMode::Copy).await.unwrap();
  assert_eq!(std::fs::metadata(&out).unwrap().nlink(), 1);
  change(&out);
  assert_eq!(read(&subject.store, id).await.unwrap(), b"bytes");
}

#[tokio::test]
async fn what_is_not_read_any_more_is_not_copied() {
  let subject = Subject::on_disk();
  let out = subject.directory.path().join("out");
  let id = body(&subject.store, b"bytes").await;
  let bodies = &subject.store.bodies;
  bodies.export(id, &out, ExportMode::Share).await.unwrap();
  assert_eq!(std::fs::metadata(&out).unwrap().nlink(), 2);
}

#[tokio::test]
#[cfg_attr(without_other_user, ignore = "it needs to be the superuser")]
async fn the_group_of_a_directory_is_that_of_its_files() {
  if !is_root() {
    Need::OtherUser.is_missing();
  }
  let subject = Subject::on_disk();
  let bodies = &subject.store.bodies;
  let out = tempfile::tempdir().unwrap();
  std::os::unix::fs::chown(out.path(), None, Some(NOBODY)).unwrap();
  let mode = std::fs::Permissions::from_mode(0o2775);
  std::fs::set_permissions(out.path(), mode).unwrap();
  for (name, mode) in [("c", ExportMode::Copy), ("s", ExportMode::Share)] {
    let id = body(&subject.store, b"bytes").await;
    let file = out.path().join(name);
    bodies.export(id, &file, mode).await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().gid(), NOBODY);
  }
}
