//! What the demo's server has: bytes that look random and are the same every
//! time, computed where they are asked for.

use sha2::Digest;
use sha2::Sha256;

/// `size` bytes.
#[derive(Clone, Copy)]
pub struct Content {
  pub size: u64,
  pub seed: u64,
}

impl Content {
  /// Fills `buffer` with the bytes from `offset` on.
  pub fn fill(&self, mut offset: u64, buffer: &mut [u8]) {
    let mut rest = buffer;
    while !rest.is_empty() {
      let word = self.word(offset / 8).to_le_bytes();
      let word = &word[(offset % 8) as usize..];
      let length = word.len().min(rest.len());
      rest[..length].copy_from_slice(&word[..length]);
      rest = &mut rest[length..];
      offset += length as u64;
    }
  }

  pub fn sha256(&self) -> String {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1024 * 1024];
    let mut offset = 0;
    while offset < self.size {
      let length = (self.size - offset).min(buffer.len() as u64) as usize;
      self.fill(offset, &mut buffer[..length]);
      digest.update(&buffer[..length]);
      offset += length as u64;
    }
    hex(&digest.finalize())
  }

  /// The SplitMix64 generator, entered at any place.
  fn word(&self, index: u64) -> u64 {
    let step = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut z = self.seed.wrapping_add(step);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
  }
}

/// The SHA-256 of a file.
pub fn sha256_of_file(path: &std::path::Path) -> std::io::Result<String> {
  let mut digest = Sha256::new();
  std::io::copy(&mut std::fs::File::open(path)?, &mut digest)?;
  Ok(hex(&digest.finalize()))
}

fn hex(bytes: &[u8]) -> String {
  bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
