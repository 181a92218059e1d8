//! Choices, taken from one number: the number is what proptest makes and
//! shrinks, and a smaller one is a plainer choice.

pub struct Dice(pub u64);

impl Dice {
  /// From 0 to `sides` - 1.
  pub fn roll(&mut self, sides: u64) -> u64 {
    if sides == 0 {
      return 0;
    }
    let result = self.0 % sides;
    self.0 /= sides;
    result
  }
}
