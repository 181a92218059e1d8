//! Bits of the database that a disk has flipped. SQLite keeps no checksums of
//! its pages, so what was changed may be anything: the store opens or says why
//! not, and whatever is notified of as a success is whole and right.

use std::path::Path;

use background_fetch::engine::Engine;
use fastrand::Rng;

use crate::engine::harness::*;
use crate::engine::remaining_events::next_event_or_end;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;
use support::content;

const SIZE: u64 = 20_000;

/// How many damaged databases are tried; `FLIPS` says another number.
fn tries() -> u64 {
  let asked_for = std::env::var("FLIPS").ok();
  asked_for.map_or(24, |number| number.parse().unwrap())
}

/// A store with a background fetch that is complete and one that is half
/// there, as a process leaves it that is killed: with its log, or without.
async fn killed(server: &FaultServer, with_log: bool) -> tempfile::TempDir {
  let resource = |seed| Resource::bytes(SIZE, seed).etag("\"1\"");
  server.serve("/whole", resource(1));
  server.serve("/half", resource(2).script([StallAfter(SIZE / 2), Normal]));
  let directory = tempfile::tempdir().unwrap();
  let original = directory.path().join("original");
  let engine = on_disk(&original);
  let realm = worker(&engine);
  fetch(&realm, "whole", &[&server.url("/whole")]).await;
  let (_lease, ..) = next_event(&realm).await;
  let half = fetch(&realm, "half", &[&server.url("/half")]).await.key;
  wait_for(&engine, half, |s| s.downloaded == SIZE / 2).await;
  if with_log {
    copy(&original, &directory.path().join("copy"));
  }
  bounded(engine.shutdown()).await;
  drop(realm);
  if !with_log {
    copy(&original, &directory.path().join("copy"));
  }
  directory
}

fn copy(from: &Path, to: &Path) {
  std::fs::create_dir(to).unwrap();
  for entry in std::fs::read_dir(from).unwrap() {
    let path = entry.unwrap().path();
    let to = to.join(path.file_name().unwrap());
    match path.is_dir() {
      true => copy(&path, &to),
      // SQLite's shared memory is that of the process.
      false if path.to_string_lossy().ends_with("-shm") => {}
      false => drop(std::fs::copy(&path, &to).unwrap()),
    }
  }
}

/// Brings everything to its end. Returns how many successes there were.
async fn run(engine: Engine, told: &str) -> usize {
  let realm = worker(&engine);
  let mut successes = 0;
  while let Some((lease, name, background_fetch)) =
    next_event_or_end(&realm).await
  {
    if name == "backgroundfetchsuccess" {
      successes += 1;
      for record in records(&realm, background_fetch.key) {
        let path = record.request().url.path().to_string();
        // One that cannot be read says so.
        let Ok(body) = read(&record).await else {
          continue;
        };
        let found = content::sha256_of(&body);
        let right = (1..3).any(|seed| found == content::sha256(SIZE, seed));
        let length = body.len();
        assert!(right, "{told}: {path} has {length} bytes");
      }
    }
    lease.acknowledge();
  }
  bounded(engine.shutdown()).await;
  successes
}

#[tokio::test(flavor = "multi_thread")]
async fn flipped_bits_of_the_database_are_told_or_harmless() {
  let server = FaultServer::start().await;
  let (mut opened, mut successes) = (0, 0);
  for with_log in [false, true] {
    let directory = killed(&server, with_log).await;
    let file = match with_log {
      false => "facts.sqlite3",
      true => "facts.sqlite3-wal",
    };
    for seed in 0..tries() / 2 {
      let mut dice = Rng::with_seed(seed);
      let place = directory.path().join(format!("{seed}"));
      copy(&directory.path().join("copy"), &place);
      let mut bytes = std::fs::read(place.join(file)).unwrap();
      for _ in 0..dice.u32(1..20) {
        let at = dice.usize(..bytes.len());
        bytes[at] ^= 1 << dice.u32(0..8);
      }
      std::fs::write(place.join(file), bytes).unwrap();
      let told = format!("seed {seed} in {file}");
      match Engine::builder().config(config()).open_blocking(&place) {
        Ok(engine) => {
          opened += 1;
          // Named when it fails.
          println!("{told}");
          successes += bounded(run(engine, &told)).await;
        }
        Err(error) => {
          let named = error.to_string().contains(place.to_str().unwrap());
          assert!(named, "{told}: {error}");
        }
      }
      std::fs::remove_dir_all(&place).unwrap();
    }
  }
  // Else it would be a test of nothing.
  assert!(opened > 0 && successes > 0, "{opened}, {successes}");
}
