//! The files that the server has, and the hash of each.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::Result;

pub type Hash = [u8; 32];

/// Writes a file of `bytes` that do not repeat and cannot be compressed; the
/// same `seed` gives the same ones.
pub fn random(path: &Path, bytes: u64, seed: u64) -> Result<Hash> {
  let mut random = fastrand::Rng::with_seed(seed);
  write(path, bytes, |block| random.fill(block))
}

/// Writes a file of `bytes` of words, which compress about as text does.
pub fn words(path: &Path, bytes: u64) -> Result<Hash> {
  let mut random = fastrand::Rng::with_seed(bytes);
  let words: Vec<String> = (0..4096)
    .map(|_| {
      (0..random.usize(2..10))
        .map(|_| random.lowercase())
        .collect()
    })
    .collect();
  write(path, bytes, |block| {
    let mut filled = 0;
    while filled < block.len() {
      let word = words[random.usize(..words.len())].as_bytes();
      let room = (block.len() - filled - 1).min(word.len());
      block[filled..filled + room].copy_from_slice(&word[..room]);
      block[filled + room] = b' ';
      filled += room + 1;
    }
  })
}

fn write(
  path: &Path,
  bytes: u64,
  mut fill: impl FnMut(&mut [u8]),
) -> Result<Hash> {
  if let Some(parent) = path.parent() {
    std::fs::create_dir_all(parent)?;
  }
  let mut file = BufWriter::new(File::create(path)?);
  let mut hash = Sha256::new();
  let mut block = vec![0; 1 << 20];
  let mut left = bytes;
  while left > 0 {
    let part = left.min(block.len() as u64) as usize;
    fill(&mut block[..part]);
    hash.update(&block[..part]);
    file.write_all(&block[..part])?;
    left -= part as u64;
  }
  file.flush()?;
  Ok(hash.finalize().into())
}

pub fn hash(path: &Path) -> Result<Hash> {
  let found =
    File::open(path).map_err(|error| format!("{}: {error}", path.display()));
  let mut file = found?;
  let mut hash = Sha256::new();
  let mut block = vec![0; 1 << 20];
  loop {
    match file.read(&mut block)? {
      0 => return Ok(hash.finalize().into()),
      part => hash.update(&block[..part]),
    }
  }
}
