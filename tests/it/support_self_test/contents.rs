//! Contents are the same wherever they are made, and checked to the byte.

use crate::support_self_test::client::{SEED, SIZE};
use support::content;

#[test]
fn contents_follow_from_seed_and_position() {
  let whole = content::bytes(0, SIZE, SEED);
  assert_eq!(
    content::bytes(1_048_570, 99, SEED),
    whole[1_048_570..][..99]
  );
  assert_ne!(content::bytes(0, 99, SEED), content::bytes(0, 99, SEED + 1));
  assert_ne!(whole[..99], whole[1 << 20..][..99]);
  assert_eq!(content::sha256(SIZE, SEED), content::sha256_of(&whole));

  let file = tempfile::NamedTempFile::new().unwrap();
  std::fs::write(file.path(), &whole).unwrap();
  content::verify(file.path(), SIZE, SEED).unwrap();
  content::verify(file.path(), SIZE + 1, SEED).unwrap_err();
  let mut damaged = whole;
  damaged[2_000_001] ^= 1;
  std::fs::write(file.path(), &damaged).unwrap();
  let error = content::verify(file.path(), SIZE, SEED).unwrap_err();
  assert!(error.ends_with("wrong byte at offset 2000001"), "{error}");
}
