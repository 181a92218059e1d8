//! What there is to fetch, and what goes wrong with it.

use fastrand::Rng;

use support::Behaviour;
use support::Content;
use support::FaultServer;
use support::Resource;
use support::content::sha256;

/// In bytes.
const SIZE: u64 = 500_000;
/// Slow enough to be killed in the middle.
const PACE: Behaviour = Behaviour::Throttle {
  bytes_per_second: 2_000_000,
};

const NAMES: [&str; 6] = [
  "one.bin",
  "three-1.bin",
  "three-2.bin",
  "three-3.bin",
  "broken.bin",
  "doomed.bin",
];

pub struct Resources {
  seed: u64,
  /// How many requests the server answers wrongly.
  pub faults: u64,
}

impl Resources {
  pub fn serve(server: &FaultServer, dice: &mut Rng) -> Self {
    let seed = dice.u64(0..1000);
    let mut faults = 0;
    for (name, seed) in NAMES.iter().zip(seed..) {
      let mut script = Vec::new();
      if dice.u32(0..3) == 0 {
        script.push(fault(dice));
        faults += 1;
      }
      script.push(PACE);
      let resource = Resource::bytes(SIZE, seed)
        .etag(&format!("\"{seed}\""))
        .script(script);
      server.serve(&format!("/{name}"), resource);
    }
    let missing = Resource::text("no").script([Behaviour::Status(404)]);
    server.serve("/missing.bin", missing);
    server.serve("/upload.txt", Resource::text("thanks"));
    Self { seed, faults }
  }

  fn seed_of(&self, name: &str) -> Option<u64> {
    let index = NAMES.iter().position(|other| *other == name)?;
    Some(self.seed + index as u64)
  }

  /// The SHA-256 of a resource.
  pub fn sha256(&self, name: &str) -> String {
    match self.seed_of(name) {
      Some(seed) => sha256(SIZE, seed),
      None => support::content::sha256_of(b"thanks"),
    }
  }

  /// Its length, and what the script's digest of it has to be.
  pub fn length_and_digest(&self, name: &str) -> (u64, u64) {
    let bytes = match self.seed_of(name) {
      Some(seed) => {
        let content = Content::generated(SIZE, seed);
        content.pieces(0, SIZE).collect::<Vec<_>>().concat()
      }
      None => b"thanks".to_vec(),
    };
    let digest = bytes.chunks_exact(4).fold(0x811c_9dc5, |hash: u32, word| {
      let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
      let hash = (hash ^ word).wrapping_mul(0x0100_0193);
      hash ^ (hash >> 15)
    });
    (bytes.len() as u64, digest.into())
  }
}

/// The body of the script's upload.
pub fn upload_sha256() -> String {
  let byte = |i: u64| (i * i + (i >> 8)) as u8;
  let bytes: Vec<u8> = (0..200_000).map(byte).collect();
  support::content::sha256_of(&bytes)
}

fn fault(dice: &mut Rng) -> Behaviour {
  let at = dice.u64(1..SIZE);
  match dice.u32(0..5) {
    0 => Behaviour::ResetAfter(at),
    1 => Behaviour::TruncateAfter(at),
    2 => Behaviour::IgnoreRange,
    3 => Behaviour::ShortPiece(at),
    _ => Behaviour::Refuse,
  }
}
