//! The fuzz targets on stable Rust: every file of the corpus, and mutations of
//! it, always the same ones.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use fuzz_targets::TARGETS;
use fuzz_targets::Target;

fn corpus() -> PathBuf {
  Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

fn replay(name: &str, target: Target, mutations: usize) {
  let mut files: Vec<_> = fs::read_dir(corpus().join(name))
    .unwrap()
    .map(|entry| entry.unwrap().path())
    .collect();
  files.sort();
  let seeds: Vec<Vec<u8>> =
    files.iter().map(|file| fs::read(file).unwrap()).collect();
  assert!(!seeds.is_empty());
  for seed in &seeds {
    run(name, target, seed);
  }
  let mut random = fastrand::Rng::with_seed(1);
  for _ in 0..mutations {
    let mut input = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..=random.usize(..4) {
      mutate(&mut input, &seeds, &mut random);
    }
    run(name, target, &input);
  }
}

fn run(name: &str, target: Target, input: &[u8]) {
  if catch_unwind(|| target(input)).is_err() {
    panic!("{name} fails for b\"{}\"", input.escape_ascii());
  }
}

/// What parsers stumble over.
const SPLINTERS: [&[u8]; 12] = [
  b"*",
  b",",
  b" ",
  b"-",
  b"/",
  b":",
  b"\n",
  b"\0",
  b"\xff",
  b"18446744073709551615",
  b"%2e",
  b"'",
];

fn mutate(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut fastrand::Rng) {
  let at = random.usize(..=input.len());
  let end = at + random.usize(..=(input.len() - at).min(8));
  match random.u8(..5) {
    0 => drop(input.drain(at..end)),
    1 => {
      let splinter = SPLINTERS[random.usize(..SPLINTERS.len())];
      input.splice(at..end, splinter.iter().copied());
    }
    2 => {
      let copied = input[at..end].to_vec();
      input.splice(at..at, copied);
    }
    3 => {
      let other = &seeds[random.usize(..seeds.len())];
      let from = random.usize(..=other.len());
      input.truncate(at);
      input.extend_from_slice(&other[from..]);
    }
    _ => {
      for byte in &mut input[at..end] {
        *byte = random.u8(..);
      }
    }
  }
}

#[test]
fn every_target_obeys_its_rules() {
  thread::scope(|scope| {
    for (name, target, mutations) in TARGETS {
      let thread = thread::Builder::new().name(name.to_string());
      thread
        .spawn_scoped(scope, || replay(name, *target, *mutations))
        .unwrap();
    }
  });
}

#[test]
fn every_corpus_has_a_target() {
  for entry in fs::read_dir(corpus()).unwrap() {
    let name = entry.unwrap().file_name().into_string().unwrap();
    assert!(
      TARGETS.iter().any(|(target, _, _)| *target == name),
      "{name}"
    );
  }
}

/// The fuzzers are no part of the workspace, so nothing else reads their
/// manifest.
#[test]
fn every_target_has_a_fuzzer() {
  let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
  let read = Command::new(env!("CARGO"))
    .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
    .arg("--manifest-path")
    .arg(manifest)
    .output()
    .unwrap();
  let said = String::from_utf8_lossy(&read.stderr);
  assert!(read.status.success(), "{said}");
  let read: serde_json::Value = serde_json::from_slice(&read.stdout).unwrap();
  let binaries = read["packages"][0]["targets"].as_array().unwrap();
  let mut fuzzers: Vec<_> =
    binaries.iter().filter_map(|b| b["name"].as_str()).collect();
  let mut targets: Vec<_> = TARGETS.iter().map(|(name, ..)| *name).collect();
  fuzzers.sort();
  targets.sort();
  assert_eq!(fuzzers, targets);
}
