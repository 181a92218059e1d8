//! The [display algorithm](https://wicg.github.io/background-fetch/#background-fetch-display-algorithm)
//! as a trait, and two displays: [`Lines`] for a log, and, with the feature
//! `cli`, `Terminal` for a person.

mod lines;
mod rate;
mod snapshot;
#[cfg(feature = "cli")]
mod terminal;
pub mod text;
mod totals;

pub use self::lines::Lines;
pub use self::snapshot::BackgroundFetchSnapshot;
pub use self::snapshot::Waiting;
#[cfg(feature = "cli")]
pub use self::terminal::Terminal;

/// Presents background fetches to the user. What the user answers (pause, go
/// on, abort, click) goes to the [`Engine`](crate::engine::Engine)'s methods of
/// these names.
pub trait Display: Send + Sync + 'static {
  /// The background fetch is new, or something of it has changed. Called for
  /// one after the other, never twice at once, with the latest state only:
  /// a slow display misses steps in between and never the last one.
  fn show(&self, background_fetch: &BackgroundFetchSnapshot);
}
