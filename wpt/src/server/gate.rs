//! Answers that are held back until a test lets them go.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::exchange::Reply;
use super::exchange::Request;

/// Which gates are open.
#[derive(Default)]
pub struct Gates(Mutex<HashMap<String, watch::Sender<bool>>>);

impl Gates {
  /// `?gate=T`, on whatever resource: what asks for a range of it waits until
  /// the gate is open.
  pub async fn pass(&self, request: &Request) {
    if let Some(gate) = request.get("gate")
      && request.header("Range").is_some()
    {
      let mut open = self.gate(&gate).subscribe();
      // The test that would open it may be gone.
      let _ = tokio::time::timeout(BOUND, open.wait_for(|open| *open)).await;
    }
  }

  /// `/background-fetch/resources/open.py?gate=T` opens a gate.
  pub fn answer(&self, path: &str, request: &Request) -> Option<Reply> {
    if path != "/background-fetch/resources/open.py" {
      return None;
    }
    self.gate(&request.get("gate")?).send_replace(true);
    Some(Reply::text(200, ""))
  }

  fn gate(&self, name: &str) -> watch::Sender<bool> {
    let mut gates = self.0.lock();
    let gate = gates.entry(name.into());
    gate.or_insert_with(|| watch::Sender::new(false)).clone()
  }
}

/// No gate stays closed for longer.
const BOUND: Duration = Duration::from_secs(30);
