//! Chance, by seed.

/// A sequence of numbers that its seed determines:
/// [SplitMix64](https://prng.di.unimi.it/splitmix64.c).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
  pub fn new(seed: u64) -> Self {
    Self(seed)
  }

  pub fn number(&mut self) -> u64 {
    self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = self.0;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
  }

  /// From 0 to `end`, which is left out.
  pub fn below(&mut self, end: u64) -> u64 {
    self.number() % end.max(1)
  }

  /// From `first` to `last`, both included.
  pub fn between(&mut self, first: u64, last: u64) -> u64 {
    first + self.below(last - first + 1)
  }

  pub fn one_in(&mut self, n: u64) -> bool {
    self.below(n) == 0
  }

  pub fn index(&mut self, length: usize) -> usize {
    self.below(length as u64) as usize
  }

  pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
    &choices[self.index(choices.len())]
  }
}
