//! What the requests of a page share.

use std::sync::Arc;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::recent::Recent;
use super::source::Source;
use super::view::Rates;

/// Starts a download of the URL that a user has typed. The error is a message
/// for the user.
pub(super) type Add =
  Arc<dyn Fn(String) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What every request needs.
pub(super) struct Shared {
  pub(super) source: Source,
  pub(super) recent: Arc<Recent>,
  pub(super) add: Option<Add>,
  /// Of all pages, so that one that is loaded again knows them.
  pub(super) rates: Mutex<Rates>,
  pub(super) streams: Arc<Semaphore>,
}
