//! Much at once. How long it takes is printed and not judged: that is a
//! matter of what else the machine has to do.

use std::time::Instant;

use background_fetch::store::Change;
use bytes::Bytes;

use crate::store::Subject;
use crate::store::background_fetch;
use crate::store::load;

#[tokio::test]
async fn ten_thousand_background_fetches_come_and_go() {
  let subject = Subject::on_disk();
  let rows: Vec<_> = (0..10_000)
    .map(|n| background_fetch(&n.to_string(), 1))
    .collect();
  let begun = Instant::now();
  let inserts = rows.into_iter().map(|row| subject.store.insert(row));
  let keys = futures::future::try_join_all(inserts).await.unwrap();
  println!("10,000 background fetches: {:?}", begun.elapsed());

  let begun = Instant::now();
  assert_eq!(load(&subject.store).await.len(), 10_000);
  println!("loading them: {:?}", begun.elapsed());
  let begun = Instant::now();
  let forget = keys
    .iter()
    .map(|key| subject.store.commit(vec![Change::Forgotten { key: *key }]));
  futures::future::try_join_all(forget).await.unwrap();
  println!("forgetting them: {:?}", begun.elapsed());
  assert!(load(&subject.store).await.is_empty());
}

#[tokio::test]
async fn a_background_fetch_with_ten_thousand_records_gives_its_space_back() {
  let subject = Subject::on_disk();
  let row = background_fetch("large", 10_000);
  let begun = Instant::now();
  let key = subject.store.insert(row).await.unwrap();
  println!("10,000 records: {:?}", begun.elapsed());
  let rows = load(&subject.store).await;
  assert_eq!(rows[0].background_fetch.records.len(), 10_000);
  drop(rows);

  subject
    .store
    .commit(vec![Change::Forgotten { key }])
    .await
    .unwrap();
  let directory = subject.directory.path().join("store");
  drop(subject.store);
  let size = std::fs::metadata(directory.join("facts.sqlite3")).unwrap();
  assert!(
    size.len() < 100_000,
    "the space is given back: {}",
    size.len()
  );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement more than a test"]
async fn ten_thousand_small_bodies_are_cheap() {
  let subject = Subject::on_disk();
  let begun = Instant::now();
  let write = |n: usize| {
    let bodies = subject.store.bodies.clone();
    tokio::spawn(async move {
      let mut ids = Vec::new();
      for _ in 0..n {
        let mut writer = bodies.create().await.unwrap();
        let chunk = Bytes::from_static(&[7; 4096]);
        writer.append(vec![chunk]).await.unwrap();
        ids.push(writer.id());
      }
      ids
    })
  };
  let mut ids = Vec::new();
  for task in (0..32).map(|_| write(313)).collect::<Vec<_>>() {
    ids.extend(task.await.unwrap());
  }
  println!("10,016 bodies of 4 KiB: {:?}", begun.elapsed());
  let begun = Instant::now();
  subject.store.bodies.sync(&ids).await.unwrap();
  println!("their sync: {:?}", begun.elapsed());
  assert_eq!(subject.store.bodies.ids().await.unwrap().len(), ids.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes 1 GiB; a measurement more than a test"]
async fn a_large_body_is_written_at_the_speed_of_the_disk() {
  let subject = Subject::on_disk();
  let chunk = Bytes::from(vec![7; 64 * 1024]);
  let mut writer = subject.store.bodies.create().await.unwrap();
  let begun = Instant::now();
  for _ in 0..1024 {
    writer.append(vec![chunk.clone(); 16]).await.unwrap();
  }
  println!("1 GiB: {:?}", begun.elapsed());
  let begun = Instant::now();
  subject.store.bodies.sync(&[writer.id()]).await.unwrap();
  println!("its sync: {:?}", begun.elapsed());
  assert_eq!(writer.length(), 1 << 30);
}
