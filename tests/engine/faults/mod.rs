//! Every fault over every protocol: what comes of it, and what was asked for.

mod broken;
mod case;
mod cases;
mod pauses;
mod uploads;

use tokio::task::JoinSet;

use self::case::run;
use self::cases::cases;
use crate::support::Protocol;

/// Runs all cases at once, each with a server and an engine of its own.
async fn all_cases_over(protocol: Protocol) {
  let mut running = JoinSet::new();
  for case in cases(protocol) {
    running.spawn(run(protocol, case));
  }
  let mut wrong = Vec::new();
  while let Some(ended) = running.join_next().await {
    wrong.extend(ended.unwrap().err());
  }
  assert!(wrong.is_empty(), "{protocol:?}:\n{}", wrong.join("\n"));
}

// steps: complete.11.response.1.1, complete.11.response.2.1.1
// steps: complete.11.response.3, complete.11.response.7.1.2
// steps: complete.11.response.7.2, complete.11.response.8.1, complete.15
// steps: extract.1, validate.2, validate.3, validate.4.1.1
#[tokio::test(flavor = "multi_thread")]
async fn every_fault_over_plain_http() {
  all_cases_over(Protocol::Plain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_over_tls() {
  all_cases_over(Protocol::Tls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_over_http2() {
  all_cases_over(Protocol::Http2).await;
}
