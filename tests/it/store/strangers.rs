//! A store that another user may have prepared.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use background_fetch::spec::Extents;
use background_fetch::store::ExportMode;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use rustix::fs::CWD;
use rustix::fs::FileType;
use rustix::fs::Mode;

use crate::store::background_fetch;
use crate::store::body;
use crate::store::cannot_run::NOBODY;
use crate::store::cannot_run::is_root;
use crate::store::load;
use crate::store::read;

/// Every file in a store's directory that is written to.
const FILES: [&str; 8] = [
  "lock",
  "boot",
  "boot.new",
  "reserve",
  "facts.sqlite3",
  "facts.sqlite3-wal",
  "facts.sqlite3-shm",
  "facts.sqlite3-journal",
];

const LETTERS: &[u8] = b"letters that may not be lost";

/// The sentence with which the store is refused.
fn refusal(place: &Path) -> String {
  let error = Store::open_directory(place).err().unwrap();
  assert!(matches!(error, StoreError::Directory { .. }), "{error}");
  let said = error.to_string();
  assert!(said.contains(place.to_str().unwrap()), "{said}");
  said
}

fn set_mode(path: &Path, mode: u32) {
  std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
  std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn pipe(path: &Path) {
  let mode = Mode::from_raw_mode(0o600);
  rustix::fs::mknodat(CWD, path, FileType::Fifo, mode, 0).unwrap();
}

#[test]
fn nothing_is_written_through_a_link() {
  for name in FILES {
    let directory = tempfile::tempdir().unwrap();
    let victim = directory.path().join("victim");
    std::fs::write(&victim, LETTERS).unwrap();
    let place = directory.path().join("store");
    std::fs::create_dir(&place).unwrap();
    for is_link in [true, false] {
      let planted = place.join(name);
      let _ = std::fs::remove_file(&planted);
      match is_link {
        true => symlink(&victim, &planted).unwrap(),
        false => std::fs::hard_link(&victim, &planted).unwrap(),
      }
      let said = refusal(&place);
      assert!(said.contains(name), "{said}");
      assert_eq!(std::fs::read(&victim).unwrap(), LETTERS, "{name}");
    }
  }
}

#[test]
fn a_pipe_is_not_waited_for() {
  for name in FILES {
    let directory = tempfile::tempdir().unwrap();
    pipe(&directory.path().join(name));
    let said = refusal(directory.path());
    assert!(said.contains(name), "{said}");
    if name == "facts.sqlite3" {
      let error = Store::read_directory(directory.path()).unwrap_err();
      assert!(error.to_string().contains("plain file"), "{error}");
    }
  }
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
  for bits in [0o770, 0o707, 0o777, 0o1777] {
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), bits);
    let said = refusal(directory.path());
    assert!(said.contains("chmod go-w"), "{said}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
  }
  let directory = tempfile::tempdir().unwrap();
  set_mode(directory.path(), 0o755);
  Store::open_directory(directory.path()).unwrap();
}

#[test]
fn a_directory_of_another_user_is_refused() {
  let directory = tempfile::tempdir().unwrap();
  // Root has the one above all others, and may give one away.
  let place = match is_root() {
    true => {
      std::os::unix::fs::chown(directory.path(), Some(NOBODY), None).unwrap();
      directory.path()
    }
    false => Path::new("/usr"),
  };
  let said = refusal(place);
  assert!(said.contains("another user"), "{said}");
}

#[tokio::test]
async fn files_that_were_open_to_others_are_closed_to_them() {
  let directory = tempfile::tempdir().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  store.insert(background_fetch("a", 1)).await.unwrap();
  drop(store);
  let entries = std::fs::read_dir(directory.path()).unwrap();
  let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
  for file in &files {
    set_mode(file, 0o777);
  }
  let store = Store::open_directory(directory.path()).unwrap();
  for file in &files {
    assert_eq!(mode(file) & 0o077, 0, "{}", file.display());
  }
  assert_eq!(load(&store).await.len(), 1);
}

#[tokio::test]
async fn bodies_are_not_looked_for_behind_links() {
  let directory = tempfile::tempdir().unwrap();
  let place = directory.path().join("store");
  let store = Store::open_directory(&place).unwrap();
  let id = body(&store, b"bytes").await;
  let name = id.0.to_string();
  let in_bodies = place.join("bodies").join(&name[34..]);
  let file = in_bodies.join(&name);
  let elsewhere = directory.path().join("elsewhere");
  std::fs::rename(&file, &elsewhere).unwrap();
  symlink(&elsewhere, &file).unwrap();
  assert!(read(&store, id).await.is_err());
  assert!(
    store
      .bodies
      .reopen(id, &Extents::prefix_of(0))
      .await
      .is_err()
  );
  // One that leads away takes part in nothing, but can be deleted.
  store.bodies.delete(id).await.unwrap();
  assert_eq!(std::fs::read(&elsewhere).unwrap(), b"bytes");

  let away = directory.path().join("away");
  std::fs::rename(&in_bodies, &away).unwrap();
  symlink(&away, &in_bodies).unwrap();
  std::fs::rename(&elsewhere, away.join(&name)).unwrap();
  assert!(read(&store, id).await.is_err());
  drop(store);

  let all_away = directory.path().join("all");
  std::fs::rename(place.join("bodies"), &all_away).unwrap();
  symlink(&all_away, place.join("bodies")).unwrap();
  assert!(Store::open_directory(&place).is_err());
}

/// A backup may link what has not changed since the one before.
#[tokio::test]
async fn a_body_with_a_second_name_is_not_written_to() {
  let directory = tempfile::tempdir().unwrap();
  let place = directory.path().join("store");
  let store = Store::open_directory(&place).unwrap();
  let id = body(&store, LETTERS).await;
  let name = id.0.to_string();
  let file = place.join("bodies").join(&name[34..]).join(&name);
  let backup = directory.path().join("backup");
  std::fs::hard_link(&file, &backup).unwrap();
  for durable in [0, LETTERS.len() as u64] {
    let refused = store
      .bodies
      .reopen(id, &Extents::prefix_of(durable))
      .await
      .err()
      .unwrap();
    assert!(refused.to_string().contains("hard link"), "{refused}");
  }
  assert_eq!(std::fs::read(&backup).unwrap(), LETTERS);
  // It is read all the same, and continues once it is its own again.
  assert_eq!(read(&store, id).await.unwrap(), LETTERS);
  std::fs::remove_file(&backup).unwrap();
  store
    .bodies
    .reopen(id, &Extents::prefix_of(0))
    .await
    .unwrap();
}

#[tokio::test]
async fn the_user_s_own_link_to_a_store_is_followed() {
  let directory = tempfile::tempdir().unwrap();
  let link = directory.path().join("link");
  std::fs::create_dir(directory.path().join("real")).unwrap();
  symlink("real", &link).unwrap();
  let store = Store::open_directory(&link).unwrap();
  store.insert(background_fetch("a", 1)).await.unwrap();
  assert_eq!(Store::read_directory(&link).unwrap().len(), 1);
  drop(store);
  assert_eq!(Store::read_directory(&link).unwrap().len(), 1);
}

#[tokio::test]
async fn an_export_takes_the_place_of_nothing_and_follows_nothing() {
  let directory = tempfile::tempdir().unwrap();
  let store = Store::open_directory(directory.path().join("store")).unwrap();
  let id = body(&store, b"bytes").await;
  let victim = directory.path().join("victim");
  std::fs::write(&victim, LETTERS).unwrap();
  for mode in [ExportMode::Copy, ExportMode::Share] {
    let out = tempfile::tempdir().unwrap();
    let [file, hole, tube, link] =
      ["directory", "dangling", "pipe", "link"].map(|n| out.path().join(n));
    std::fs::create_dir(&file).unwrap();
    symlink("nowhere", &hole).unwrap();
    pipe(&tube);
    symlink(&victim, &link).unwrap();
    for taken in [file, hole, tube, link] {
      let refused = store.bodies.export(id, &taken, mode).await.unwrap_err();
      let exists = matches!(refused, StoreError::DestinationExists(_));
      assert!(exists, "{refused}");
    }
    // Where the bytes are written first, a stranger has put a link.
    let part = out.path().join(format!(".{}.part", id.0));
    symlink(&victim, &part).unwrap();
    let free = out.path().join("free");
    store.bodies.export(id, &free, mode).await.unwrap();
    assert_eq!(std::fs::read(&free).unwrap(), b"bytes");
    assert_eq!(std::fs::read(&victim).unwrap(), LETTERS);
  }
}
