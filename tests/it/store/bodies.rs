//! Bodies: bytes in, the same bytes out.

use std::collections::HashSet;
use std::time::Duration;

use background_fetch::spec::Extents;
use background_fetch::store::BodyId;
use background_fetch::store::ExportMode;
use background_fetch::store::StoreError;
use bytes::Bytes;
use uuid::Uuid;

use crate::store::Subject;
use crate::store::body;
use crate::store::for_both;
use crate::store::read;

for_both!(
  appended_chunks_are_read_back_in_order,
  a_body_is_read_from_any_offset,
  a_new_body_is_empty_and_can_be_read,
  a_reader_sees_what_is_appended_later,
  a_reopened_body_goes_on_where_it_ended,
  reopening_takes_the_body_away_from_the_earlier_writer,
  a_dropped_append_is_waited_for_by_the_next_writer,
  a_large_body_grows_by_pieces_of_every_size,
  a_body_that_is_expected_to_be_large_grows_by_pieces_of_every_size,
  bytes_are_written_behind_a_gap_while_others_are_appended,
  a_body_with_gaps_is_continued_where_its_prefix_ends,
  a_body_that_is_reopened_is_taken_from_who_writes_anywhere,
  a_missing_body_is_damaged,
  a_body_shorter_than_its_durable_bytes_is_damaged,
  a_deleted_body_stays_readable_for_who_has_it_open,
  all_bodies_are_listed,
  few_and_many_bodies_are_synced,
  an_exported_body_is_whole_and_outlives_the_store_s,
  an_export_spares_an_existing_file,
  an_export_into_a_missing_directory_fails,
);

fn nowhere() -> BodyId {
  BodyId(Uuid::now_v7())
}

/// What lies beside the store.
fn names_outside(subject: &Subject) -> Vec<String> {
  std::fs::read_dir(subject.directory.path())
    .unwrap()
    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
    .filter(|name| name != "store")
    .collect()
}

async fn appended_chunks_are_read_back_in_order(subject: Subject) {
  let mut writer = subject.store.bodies.create().await.unwrap();
  // More slices than one system call takes, empty ones among them.
  let chunk = |n: usize| Bytes::from(vec![n as u8; n % 5]);
  let chunks: Vec<Bytes> = (0..3000).map(chunk).collect();
  let expected = chunks.concat();

  writer.append(chunks.clone()).await.unwrap();
  writer.append(Vec::new()).await.unwrap();
  writer.append(chunks).await.unwrap();

  assert_eq!(writer.length(), 2 * expected.len() as u64);
  let found = read(&subject.store, writer.id()).await.unwrap();
  assert_eq!(found, [&expected[..], &expected[..]].concat());
}

async fn a_body_is_read_from_any_offset(subject: Subject) {
  let id = body(&subject.store, b"0123456789").await;
  let reader = subject.store.bodies.open(id).await.unwrap();
  for (offset, max, expected) in [
    (0, 4, "0123"),
    (7, 100, "789"),
    (9, 1, "9"),
    (10, 5, ""),
    (u64::MAX, usize::MAX, ""),
    (3, 0, ""),
    (2, usize::MAX, "23456789"),
  ] {
    let found = reader.read_at(offset, max).await.unwrap();
    assert_eq!(found, expected, "{max} bytes from {offset}");
  }
}

async fn a_new_body_is_empty_and_can_be_read(subject: Subject) {
  let writer = subject.store.bodies.create().await.unwrap();
  assert_eq!(writer.length(), 0);
  assert_eq!(read(&subject.store, writer.id()).await.unwrap(), b"");
}

async fn a_reader_sees_what_is_appended_later(subject: Subject) {
  let bodies = &subject.store.bodies;
  let mut writer = bodies.create().await.unwrap();
  let reader = bodies.open(writer.id()).await.unwrap();
  assert_eq!(reader.read_at(0, 10).await.unwrap(), "");
  writer.append(vec!["one".into()]).await.unwrap();
  assert_eq!(reader.read_at(0, 10).await.unwrap(), "one");
  // Also through another writer.
  let mut writer = bodies
    .reopen(writer.id(), &Extents::prefix_of(3))
    .await
    .unwrap();
  writer.append(vec!["two".into()]).await.unwrap();
  assert_eq!(reader.read_at(0, 10).await.unwrap(), "onetwo");
}

async fn a_reopened_body_goes_on_where_it_ended(subject: Subject) {
  let id = body(&subject.store, b"0123456789").await;
  let mut writer = subject
    .store
    .bodies
    .reopen(id, &Extents::prefix_of(4))
    .await
    .unwrap();
  assert_eq!(writer.length(), 10);
  writer.append(vec!["more".into()]).await.unwrap();
  assert_eq!(writer.length(), 14);
  let found = read(&subject.store, id).await.unwrap();
  assert_eq!(found, b"0123456789more");
}

async fn reopening_takes_the_body_away_from_the_earlier_writer(
  subject: Subject,
) {
  let bodies = &subject.store.bodies;
  let mut first = bodies.create().await.unwrap();
  first.append(vec!["a".into()]).await.unwrap();
  let mut second = bodies
    .reopen(first.id(), &Extents::prefix_of(0))
    .await
    .unwrap();
  first.append(vec!["b".into()]).await.unwrap_err();
  second.append(vec!["c".into()]).await.unwrap();
  assert_eq!(read(&subject.store, first.id()).await.unwrap(), b"ac");
}

async fn a_dropped_append_is_waited_for_by_the_next_writer(subject: Subject) {
  let bodies = &subject.store.bodies;
  let chunk = Bytes::from(vec![b'x'; 16 * 1024 * 1024]);
  let mut writer = bodies.create().await.unwrap();
  let id = writer.id();
  let append = writer.append(vec![chunk.clone()]);
  let _ = tokio::time::timeout(Duration::ZERO, append).await;
  drop(writer);

  let mut writer = bodies.reopen(id, &Extents::prefix_of(0)).await.unwrap();
  let length = writer.length();
  writer.append(vec!["end".into()]).await.unwrap();

  let found = read(&subject.store, id).await.unwrap();
  assert_eq!(found.len() as u64, length + 3);
  assert!(found.ends_with(b"end"));
}

async fn bytes_are_written_behind_a_gap_while_others_are_appended(
  subject: Subject,
) {
  let bodies = &subject.store.bodies;
  let mut writer = bodies.create().await.unwrap();
  writer.append(vec!["01".into()]).await.unwrap();
  let anywhere = writer.extent_writer().await.unwrap();
  let chunks = vec!["678".into(), "".into(), "9".into()];
  anywhere.write(6, chunks).await.unwrap();
  writer.append(vec!["23".into()]).await.unwrap();
  assert_eq!(writer.length(), 4);
  let reader = bodies.open(writer.id()).await.unwrap();
  assert_eq!(reader.read_at(0, 4).await.unwrap(), "0123");
  assert_eq!(reader.read_at(6, 4).await.unwrap(), "6789");
  anywhere.write(4, vec!["45".into()]).await.unwrap();
  // Once more is nothing new.
  writer.append(vec!["4567".into()]).await.unwrap();
  let found = read(&subject.store, writer.id()).await.unwrap();
  assert_eq!(found, b"0123456789");
  bodies.sync(&[writer.id()]).await.unwrap();
}

async fn a_body_with_gaps_is_continued_where_its_prefix_ends(subject: Subject) {
  let bodies = &subject.store.bodies;
  let mut writer = bodies.create().await.unwrap();
  let id = writer.id();
  writer.append(vec!["0123".into()]).await.unwrap();
  let anywhere = writer.extent_writer().await.unwrap();
  anywhere.write(7, vec!["789".into()]).await.unwrap();
  let mut durable = Extents::prefix_of(2);
  durable.add(7..9);
  drop(anywhere);
  drop(writer);
  let mut writer = bodies.reopen(id, &durable).await.unwrap();
  assert_eq!(writer.length(), 2);
  writer.append(vec!["xx456".into()]).await.unwrap();
  // What was not durable behind the gap is gone.
  assert_eq!(read(&subject.store, id).await.unwrap(), b"01xx45678");
  // Without the gap it is a body like others.
  let mut writer = bodies.reopen(id, &Extents::prefix_of(9)).await.unwrap();
  writer.append(vec!["9".into()]).await.unwrap();
  let writer = bodies.reopen(id, &Extents::prefix_of(3)).await.unwrap();
  assert_eq!(writer.length(), 10);
  let mut impossible = Extents::prefix_of(3);
  impossible.add(9..11);
  let error = bodies.reopen(id, &impossible).await.err().unwrap();
  assert!(matches!(error, StoreError::DamagedBody(_)), "{error}");
}

async fn a_body_that_is_reopened_is_taken_from_who_writes_anywhere(
  subject: Subject,
) {
  let bodies = &subject.store.bodies;
  let mut first = bodies.create().await.unwrap();
  let anywhere = first.extent_writer().await.unwrap();
  let _second = bodies
    .reopen(first.id(), &Extents::default())
    .await
    .unwrap();
  anywhere.write(5, vec!["x".into()]).await.unwrap_err();
  first.extent_writer().await.err().unwrap();
  assert_eq!(read(&subject.store, first.id()).await.unwrap(), b"");
}

async fn a_missing_body_is_damaged(subject: Subject) {
  let bodies = &subject.store.bodies;
  let destination = subject.directory.path().join("out");
  let errors = [
    bodies.open(nowhere()).await.err().unwrap(),
    bodies
      .reopen(nowhere(), &Extents::prefix_of(0))
      .await
      .err()
      .unwrap(),
    bodies
      .export(nowhere(), &destination, ExportMode::Share)
      .await
      .err()
      .unwrap(),
  ];
  for error in errors {
    assert!(matches!(error, StoreError::DamagedBody(_)), "{error}");
  }
  assert!(!destination.exists());
}

async fn a_body_shorter_than_its_durable_bytes_is_damaged(subject: Subject) {
  let id = body(&subject.store, b"0123").await;
  let error = subject
    .store
    .bodies
    .reopen(id, &Extents::prefix_of(5))
    .await
    .err()
    .unwrap();
  assert!(matches!(error, StoreError::DamagedBody(_)), "{error}");
}

async fn a_deleted_body_stays_readable_for_who_has_it_open(subject: Subject) {
  let bodies = &subject.store.bodies;
  let id = body(&subject.store, b"bytes").await;
  let reader = bodies.open(id).await.unwrap();
  bodies.delete(id).await.unwrap();
  assert_eq!(reader.read_at(0, 10).await.unwrap(), "bytes");
  assert!(bodies.open(id).await.is_err());
  // Again, and one that never was.
  bodies.delete(id).await.unwrap();
  bodies.delete(nowhere()).await.unwrap();
}

async fn all_bodies_are_listed(subject: Subject) {
  let bodies = &subject.store.bodies;
  assert!(bodies.ids().await.unwrap().is_empty());
  let mut expected = HashSet::new();
  for _ in 0..20 {
    expected.insert(body(&subject.store, b"x").await);
  }
  let deleted = body(&subject.store, b"y").await;
  bodies.delete(deleted).await.unwrap();

  let found = bodies.ids().await.unwrap();
  assert_eq!(found.len(), 20);
  assert_eq!(found.into_iter().collect::<HashSet<_>>(), expected);
}

async fn few_and_many_bodies_are_synced(subject: Subject) {
  let bodies = &subject.store.bodies;
  let mut ids = vec![nowhere()];
  for _ in 0..40 {
    ids.push(body(&subject.store, b"x").await);
  }
  bodies.delete(ids[1]).await.unwrap();
  bodies.sync(&[]).await.unwrap();
  bodies.sync(&ids[..3]).await.unwrap();
  bodies.sync(&ids).await.unwrap();
  assert_eq!(read(&subject.store, ids[2]).await.unwrap(), b"x");
}

async fn an_exported_body_is_whole_and_outlives_the_store_s(subject: Subject) {
  let bodies = &subject.store.bodies;
  let id = body(&subject.store, b"bytes").await;
  let destination = subject.directory.path().join("out.bin");
  bodies
    .export(id, &destination, ExportMode::Share)
    .await
    .unwrap();
  assert_eq!(read(&subject.store, id).await.unwrap(), b"bytes");
  bodies.delete(id).await.unwrap();
  assert_eq!(std::fs::read(&destination).unwrap(), b"bytes");
  assert_eq!(names_outside(&subject), ["out.bin"]);
}

async fn an_export_spares_an_existing_file(subject: Subject) {
  let id = body(&subject.store, b"bytes").await;
  let destination = subject.directory.path().join("out.bin");
  std::fs::write(&destination, "mine").unwrap();
  let exported = subject
    .store
    .bodies
    .export(id, &destination, ExportMode::Share)
    .await;
  let error = exported.unwrap_err();
  assert!(
    matches!(&error, StoreError::DestinationExists(path) if *path == destination),
    "{error}"
  );
  assert_eq!(std::fs::read(&destination).unwrap(), b"mine");
  assert_eq!(names_outside(&subject), ["out.bin"]);
}

async fn an_export_into_a_missing_directory_fails(subject: Subject) {
  let id = body(&subject.store, b"bytes").await;
  let destination = subject.directory.path().join("no/such/out.bin");
  let exported = subject
    .store
    .bodies
    .export(id, &destination, ExportMode::Share)
    .await;
  assert!(matches!(exported, Err(StoreError::Io(_))));
}

async fn a_large_body_grows_by_pieces_of_every_size(subject: Subject) {
  grows_by_pieces_of_every_size(&subject, None).await;
}

async fn a_body_that_is_expected_to_be_large_grows_by_pieces_of_every_size(
  subject: Subject,
) {
  // It may turn out to be smaller, and larger.
  for expected in [9 << 20, 1 << 30] {
    grows_by_pieces_of_every_size(&subject, Some(expected)).await;
  }
}

async fn grows_by_pieces_of_every_size(
  subject: &Subject,
  expected: Option<u64>,
) {
  let bodies = &subject.store.bodies;
  let mut writer = bodies.create().await.unwrap();
  let id = writer.id();
  let byte = |offset: u64| (offset ^ (offset >> 8) ^ (offset >> 17)) as u8;
  if let Some(expected) = expected {
    writer.expect(expected);
  }
  // Beyond 8 MiB, with ends inside of blocks, on them, and beside them.
  let sizes = [
    300_001,
    1000,
    10 << 20,
    300_000,
    1,
    (1 << 20) - 1,
    4096,
    2 << 20,
    500_001,
    4095,
    262_144,
  ];
  let mut length = 0;
  for size in sizes {
    let bytes: Vec<u8> = (length..length + size).map(byte).collect();
    let chunks = bytes.chunks(77_777).map(Bytes::copy_from_slice).collect();
    writer.append(chunks).await.unwrap();
    length += size;
    assert_eq!(writer.length(), length);
  }
  drop(writer);
  let writer = bodies
    .reopen(id, &Extents::prefix_of(length))
    .await
    .unwrap();
  assert_eq!(writer.length(), length);
  let reader = bodies.open(id).await.unwrap();
  let mut offset = 0;
  while offset < length {
    let read = reader.read_at(offset, 1 << 20).await.unwrap();
    assert!(!read.is_empty(), "ends at {offset}");
    for (index, &found) in read.iter().enumerate() {
      let at = offset + index as u64;
      assert_eq!(found, byte(at), "at {at}");
    }
    offset += read.len() as u64;
  }
}
