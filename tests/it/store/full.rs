//! A disk without space, or that cannot be written.

use std::path::PathBuf;

use background_fetch::spec::Extents;
use background_fetch::store::Store;
use bytes::Bytes;

use crate::store::background_fetch;
use crate::store::load;
use crate::store::read;
use crate::store::small_disk::SmallDisk;
use crate::store::some_body;
use crate::store::stored_in;

#[tokio::test]
#[cfg_attr(without_mount, ignore = "it needs the right to mount")]
async fn a_body_that_does_not_fit_can_go_on_when_there_is_space_again() {
  let disk = SmallDisk::mount(4);
  let store = Store::open_directory(disk.path().join("store")).unwrap();
  let ballast = disk.path().join("ballast");
  std::fs::write(&ballast, vec![0; 2048 * 1024]).unwrap();
  let mut writer = store.bodies.create().await.unwrap();
  let id = writer.id();
  let chunk = Bytes::from(vec![b'x'; 100_000]);
  let error = loop {
    match writer.append(vec![chunk.clone()]).await {
      Ok(()) => assert!(writer.length() < 4_000_000),
      Err(error) => break error,
    }
  };
  assert!(error.is_full(), "{error}");
  let appended = writer.length();
  std::fs::remove_file(&ballast).unwrap();
  // The writer does not know how much of the last chunk is there.
  assert!(writer.append(vec!["x".into()]).await.is_err());
  let mut writer = store
    .bodies
    .reopen(id, &Extents::prefix_of(appended))
    .await
    .unwrap();
  let kept = writer.length();
  assert!((appended..appended + 100_000).contains(&kept), "{kept}");
  writer.append(vec!["end".into()]).await.unwrap();
  let bytes = read(&store, id).await.unwrap();
  assert_eq!(bytes.len() as u64, kept + 3);
  assert!(bytes.ends_with(b"xend"));
}

#[tokio::test]
#[cfg_attr(without_mount, ignore = "it needs the right to mount")]
async fn rows_that_do_not_fit_are_refused_and_the_others_stay() {
  let disk = SmallDisk::mount(4);
  let store = Store::open_directory(disk.path().join("store")).unwrap();
  let metadata = &store;
  let key = metadata.insert(background_fetch("a", 1)).await.unwrap();

  // They wait together, so that the large one shares its transaction with
  // others.
  let insert = |n: usize| {
    let records = if n == 50 { 20_000 } else { 1 };
    metadata.insert(background_fetch(&n.to_string(), records))
  };
  let outcomes = futures::future::join_all((0..100).map(insert)).await;
  for (n, outcome) in outcomes.into_iter().enumerate() {
    match outcome {
      Ok(_) => assert_ne!(n, 50),
      Err(error) => assert!(n == 50 && error.is_full(), "{n}: {error}"),
    }
  }

  metadata
    .commit(stored_in(key, 0, some_body(1), 7))
    .await
    .unwrap();
  let rows = load(&store).await;
  assert_eq!(rows.len(), 100);
  let rows_of_large = rows.iter().filter(|r| r.background_fetch.id == "50");
  assert_eq!(rows_of_large.count(), 0);
  let record = &rows[0].background_fetch.records[0];
  assert_eq!(record.response_data.bytes(), 7);
}

#[tokio::test]
#[cfg_attr(without_mount, ignore = "it needs the right to mount")]
async fn changing_the_same_rows_again_and_again_needs_no_more_space() {
  let disk = SmallDisk::mount(4);
  let store = Store::open_directory(disk.path().join("store")).unwrap();
  let metadata = &store;
  let key = metadata.insert(background_fetch("a", 1)).await.unwrap();
  let ballast = vec![0; 1280 * 1024];
  std::fs::write(disk.path().join("ballast"), ballast).unwrap();
  // Each writes a page of 4 KiB at least: together more than the disk has.
  for bytes in 0..600 {
    metadata
      .commit(stored_in(key, 0, some_body(1), bytes))
      .await
      .unwrap();
  }
}

/// A store that is not open; returns its directory.
async fn store_with_a_row(disk: &SmallDisk) -> PathBuf {
  let place = disk.path().join("store");
  let store = Store::open_directory(&place).unwrap();
  let row = background_fetch("a", 1);
  store.insert(row).await.unwrap();
  place
}

#[tokio::test]
#[cfg_attr(without_mount, ignore = "it needs the right to mount")]
async fn a_store_on_a_full_disk_opens_or_says_why_not() {
  let disk = SmallDisk::mount(4);
  let place = store_with_a_row(&disk).await;
  // As after a restart of the machine, which has to be noted.
  std::fs::write(place.join("boot"), "").unwrap();
  let ballast = std::fs::write(disk.path().join("b"), vec![0; 8 << 20]);
  ballast.unwrap_err();

  match Store::open_directory(&place) {
    Ok(store) => assert_eq!(load(&store).await.len(), 1),
    Err(error) => assert!(error.is_full(), "{error}"),
  }
}

#[tokio::test]
#[cfg_attr(without_mount, ignore = "it needs the right to mount")]
async fn a_read_only_store_can_be_read_and_says_why_it_cannot_be_opened() {
  let disk = SmallDisk::mount(4);
  let place = store_with_a_row(&disk).await;
  disk.make_read_only();

  let error = Store::open_directory(&place).err().unwrap();
  let told = error.to_string();
  assert!(told.contains(place.to_str().unwrap()), "{told}");
  assert!(told.contains("Read-only file system"), "{told}");
  assert_eq!(Store::read_directory(&place).unwrap().len(), 1);
}
