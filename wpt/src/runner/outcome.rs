//! What a page's harness says.

use serde::Deserialize;

/// What is known of the tests in a realm.
#[derive(Default)]
pub struct Outcome {
  /// Those that have ended, as they came.
  pub ended: Vec<CompleteTest>,
  pub complete: Option<Complete>,
  /// Whether the engine is to be restarted, and the page opened once more.
  pub restart: bool,
}

/// What the harness reports at its end.
#[derive(Deserialize)]
pub struct Complete {
  pub status: u32,
  pub message: Option<String>,
  pub tests: Vec<CompleteTest>,
}

#[derive(Deserialize)]
pub struct CompleteTest {
  pub name: String,
  pub status: u32,
  pub message: Option<String>,
}
