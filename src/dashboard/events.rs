//! The stream that keeps a page up to date.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use axum::extract::Query;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::response::Sse;
use axum::response::sse::Event;
use axum::response::sse::KeepAlive;
use futures::Stream;
use futures::stream;
use http::StatusCode;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use super::shared::Shared;
use super::view::View;
use super::view::Wanted;

/// The time from one look to the next.
const INTERVAL: Duration = Duration::from_millis(500);

/// A look that takes long is followed by so many times its duration without
/// one, so that the transfers have the machine.
const REST: u32 = 10;

/// One page that is kept up to date.
struct Follower {
  shared: Arc<Shared>,
  wanted: Wanted,
  /// What the page shows.
  sent: String,
  rest: Duration,
  _place: OwnedSemaphorePermit,
}

pub(super) async fn events(
  State(shared): State<Arc<Shared>>,
  Query(wanted): Query<Wanted>,
) -> Response {
  let Ok(place) = shared.streams.clone().try_acquire_owned() else {
    let message = "Too many pages show the dashboard; close one.\n";
    return (StatusCode::SERVICE_UNAVAILABLE, message).into_response();
  };
  let follower = Follower {
    shared,
    wanted,
    sent: String::new(),
    rest: Duration::ZERO,
    _place: place,
  };
  let response = Sse::new(follower.follow());
  response.keep_alive(KeepAlive::default()).into_response()
}

impl Follower {
  /// Nothing is made before the connection can take it: a page that is slow
  /// misses steps in between, and never the last one.
  fn follow(self) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(self, |mut this| async move {
      loop {
        sleep(this.rest).await;
        let view = this.view().await?;
        if view != this.sent {
          let event = Event::default().event("view").data(&view);
          this.sent = view;
          return Some((Ok(event), this));
        }
      }
    })
  }

  /// `None` when the engine is gone.
  async fn view(&mut self) -> Option<String> {
    let began = Instant::now();
    let look = self.shared.source.look().await?;
    let mut view = {
      let mut rates = self.shared.rates.lock();
      rates.look(&look.all, Instant::now());
      View::new(look, &self.wanted, &rates)
    };
    view.may_add = self.shared.add.is_some();
    view.recent = self.shared.recent.all();
    let view = serde_json::to_string(&view).ok()?;
    self.rest = INTERVAL.max(began.elapsed() * REST);
    Some(view)
  }
}
