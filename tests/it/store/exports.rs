//! What an exported file shares with its body, and what it gets from its
//! directory.

use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use background_fetch::store::BodyId;
use background_fetch::store::ExportMode;
use background_fetch::store::StoreError;
use bytes::Bytes;
use uuid::Uuid;

use crate::store::Subject;
use crate::store::body;
use crate::store::cannot_run::NOBODY;
use crate::store::cannot_run::Need;
use crate::store::cannot_run::is_root;
use crate::store::read;
use crate::store::some_body;

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

/// They are made durable together, and each has an end of its own.
#[tokio::test]
async fn many_that_are_exported_at_once_know_nothing_of_one_another() {
  let subject = Subject::on_disk();
  let bodies = &subject.store.bodies;
  let out = subject.directory.path().join("out");
  std::fs::create_dir(&out).unwrap();
  std::fs::write(out.join("7"), b"another one's").unwrap();
  let path = |n: usize| match n {
    9 => out.join("missing").join("9"),
    _ => out.join(n.to_string()),
  };
  let exports = (0..300).map(async |n: usize| {
    let bytes = Bytes::from(vec![n as u8; n]);
    let id = BodyId(Uuid::from_u128(n as u128));
    bodies.export_bytes(id, bytes, &path(n)).await
  });
  let exported = futures::future::join_all(exports).await;
  for (n, exported) in exported.into_iter().enumerate() {
    match n {
      7 => {
        let Err(StoreError::DestinationExists(found)) = &exported else {
          panic!("{exported:?}");
        };
        assert_eq!(found, &path(n));
        assert_eq!(std::fs::read(path(n)).unwrap(), b"another one's");
      }
      9 => assert!(matches!(exported, Err(StoreError::Io(_))), "{exported:?}"),
      _ => {
        exported.unwrap();
        assert_eq!(std::fs::read(path(n)).unwrap(), vec![n as u8; n]);
      }
    }
  }
  // Nothing but what has its name.
  assert_eq!(std::fs::read_dir(&out).unwrap().count(), 299);
}

#[tokio::test]
async fn a_body_may_get_several_names_at_once() {
  let subject = Subject::on_disk();
  let bodies = &subject.store.bodies;
  let out = subject.directory.path();
  let exports = (0..40).map(async |n: u8| {
    let path = out.join(n.to_string());
    let exported = bodies.export_bytes(some_body(1), "bytes".into(), &path);
    exported.await.map(|()| std::fs::read(path).unwrap())
  });
  for exported in futures::future::join_all(exports).await {
    assert_eq!(exported.unwrap(), b"bytes");
  }
}

/// What a kill has left of an export is in the way of nothing.
#[tokio::test]
async fn a_part_that_was_left_behind_gives_way() {
  let subject = Subject::on_disk();
  let id = some_body(1);
  let out = subject.directory.path().join("out");
  let part = subject.directory.path().join(format!(".{}.part", id.0));
  std::fs::write(&part, b"half of it, and").unwrap();
  let bodies = &subject.store.bodies;
  bodies.export_bytes(id, "bytes".into(), &out).await.unwrap();
  assert_eq!(std::fs::read(&out).unwrap(), b"bytes");
  assert!(!part.exists());
}
