//! Whether a failed fetch is tried again, and when, as a value.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::policy::RetryPolicy;
use crate::network::NetworkErrorKind;

/// What one record has gone through.
#[derive(Default)]
pub(crate) struct RetryState {
  /// In a row, since there was more than ever before.
  failures: u32,
  offline: Option<Offline>,
}

struct Offline {
  since: Instant,
  /// How often it was looked whether the network is back.
  looks: u32,
}

/// What a failure leads to.
#[derive(Debug, PartialEq)]
pub(crate) enum Decision {
  Final,
  /// The machine was offline for longer than it may be.
  OfflineForTooLong,
  Again {
    after: Duration,
    offline: bool,
  },
}

impl RetryState {
  /// There is more than ever before.
  pub(crate) fn progressed(&mut self) {
    self.failures = 0;
  }

  /// A server has answered.
  pub(crate) fn online(&mut self) {
    self.offline = None;
  }

  /// `chance` is a number from 0 to 1.
  pub(crate) fn failed(
    &mut self,
    kind: NetworkErrorKind,
    policy: &RetryPolicy,
    chance: f64,
  ) -> Decision {
    match kind {
      NetworkErrorKind::Refused | NetworkErrorKind::BadAnswer => {
        Decision::Final
      }
      NetworkErrorKind::Offline => self.is_offline(policy, chance),
      NetworkErrorKind::Unreachable | NetworkErrorKind::Interrupted => {
        self.offline = None;
        self.failures += 1;
        match self.failures <= policy.attempts {
          true => Decision::Again {
            after: back_off(policy, self.failures, chance),
            offline: false,
          },
          false => Decision::Final,
        }
      }
    }
  }

  /// Being offline is not a failure of the server's, and does not count as one.
  fn is_offline(&mut self, policy: &RetryPolicy, chance: f64) -> Decision {
    let offline = self.offline.get_or_insert_with(|| Offline {
      since: Instant::now(),
      looks: 0,
    });
    offline.looks = offline.looks.saturating_add(1);
    let after = back_off(policy, offline.looks, chance);
    let left = policy
      .offline_timeout
      .map(|timeout| timeout.saturating_sub(offline.since.elapsed()));
    match left {
      Some(Duration::ZERO) => Decision::OfflineForTooLong,
      // The last look is at the very end.
      left => Decision::Again {
        after: left.map_or(after, |left| after.min(left)),
        offline: true,
      },
    }
  }
}

/// The wait after the `n`th failure in a row: twice as long each time, less up
/// to a quarter, so that not all who have failed together come back together.
fn back_off(policy: &RetryPolicy, n: u32, chance: f64) -> Duration {
  let doublings = n.saturating_sub(1).min(20);
  let longest = policy.first_delay.saturating_mul(1 << doublings);
  let longest = longest.min(policy.max_delay);
  longest.mul_f64(0.75 + chance / 4.0)
}

#[cfg(test)]
mod tests {
  use super::*;

  fn policy() -> RetryPolicy {
    RetryPolicy {
      offline_timeout: Some(Duration::from_secs(60)),
      ..RetryPolicy::default()
    }
  }

  fn wait(decision: Decision) -> Duration {
    match decision {
      Decision::Again { after, .. } => after,
      decision => panic!("{decision:?}"),
    }
  }

  #[tokio::test(start_paused = true)]
  async fn failures_wait_longer_and_longer_and_end() {
    let mut retries = RetryState::default();
    let unreachable = NetworkErrorKind::Unreachable;
    for longest in [250, 500, 1000, 2000, 4000] {
      let longest = Duration::from_millis(longest);
      let wait = wait(retries.failed(unreachable, &policy(), fastrand::f64()));
      assert!(wait >= longest.mul_f64(0.75) && wait <= longest, "{wait:?}");
    }
    assert_eq!(
      retries.failed(unreachable, &policy(), fastrand::f64()),
      Decision::Final
    );
    retries.progressed();
    wait(retries.failed(unreachable, &policy(), fastrand::f64()));
  }

  #[tokio::test(start_paused = true)]
  async fn being_offline_does_not_count_and_ends_at_its_timeout() {
    let mut retries = RetryState::default();
    let begin = Instant::now();
    loop {
      match retries.failed(
        NetworkErrorKind::Offline,
        &policy(),
        fastrand::f64(),
      ) {
        Decision::Again { after, .. } => tokio::time::sleep(after).await,
        decision => break assert_eq!(decision, Decision::OfflineForTooLong),
      }
    }
    let waited = begin.elapsed();
    assert!(waited.abs_diff(Duration::from_secs(60)).as_millis() <= 10);
    let interrupted = NetworkErrorKind::Interrupted;
    wait(retries.failed(interrupted, &policy(), fastrand::f64()));
    wait(retries.failed(NetworkErrorKind::Offline, &policy(), fastrand::f64()));
  }

  #[tokio::test(start_paused = true)]
  async fn no_wait_is_longer_than_the_longest() {
    let mut retries = RetryState::default();
    let policy = RetryPolicy::default();
    for _ in 0..100 {
      let wait = wait(retries.failed(
        NetworkErrorKind::Offline,
        &policy,
        fastrand::f64(),
      ));
      assert!(wait <= policy.max_delay, "{wait:?}");
    }
  }
}
