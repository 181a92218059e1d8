//! What the user does.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde::Serialize;

use super::shared::Shared;
use crate::control::Answer;
use crate::control::Command;
use crate::control::Outcome;

#[derive(Deserialize)]
pub(super) struct Add {
  url: String,
}

/// What has come of a command, in a message.
#[derive(Serialize)]
struct Said {
  message: String,
}

pub(super) async fn command(
  State(shared): State<Arc<Shared>>,
  Json(command): Json<Command>,
) -> Response {
  let Some(done) = done(&command) else {
    let message = "the dashboard has no such command";
    return said(StatusCode::BAD_REQUEST, message);
  };
  match shared.source.ask(command).await {
    Ok(Answer::Outcome { outcome }) => {
      let (status, message) = of_outcome(outcome, done);
      said(status, message)
    }
    Ok(_) => said(StatusCode::BAD_GATEWAY, "another question was answered"),
    Err(message) => said(StatusCode::SERVICE_UNAVAILABLE, message),
  }
}

pub(super) async fn add(
  State(shared): State<Arc<Shared>>,
  Json(Add { url }): Json<Add>,
) -> Response {
  let Some(add) = &shared.add else {
    return said(
      StatusCode::NOT_IMPLEMENTED,
      "the process that works on the store takes no URLs from here",
    );
  };
  match add(url).await {
    Ok(()) => said(StatusCode::OK, "added"),
    Err(message) => said(StatusCode::UNPROCESSABLE_ENTITY, message),
  }
}

/// What was done, if it is something that the page has a button for. What a
/// background fetch is continued with is the embedder's.
fn done(command: &Command) -> Option<&'static str> {
  Some(match command {
    Command::Pause { .. } => "paused",
    Command::Unpause { .. } => "continued",
    Command::Abort { .. } => "aborted",
    Command::Retry { moved: None, .. } => "tried again",
    Command::Delete { .. } => "deleted",
    Command::Click { .. } | Command::ClickNotification { .. } => "clicked",
    Command::DismissNotification { .. } => "dismissed",
    _ => return None,
  })
}

fn of_outcome(
  outcome: Outcome,
  done: &'static str,
) -> (StatusCode, &'static str) {
  match outcome {
    Outcome::Done => (StatusCode::OK, done),
    Outcome::AlreadySo => (StatusCode::OK, "it was so already"),
    Outcome::Ended => (StatusCode::CONFLICT, "it has ended already"),
    Outcome::CannotPause => (
      StatusCode::CONFLICT,
      "it cannot be paused: a request of it that is not a GET has begun, and \
       would be sent twice",
    ),
    Outcome::NotKept => (
      StatusCode::CONFLICT,
      "it is not one that has failed and is kept",
    ),
    Outcome::Unknown => (StatusCode::NOT_FOUND, "it is not there any more"),
  }
}

fn said(status: StatusCode, message: impl Into<String>) -> Response {
  let message = message.into();
  (status, Json(Said { message })).into_response()
}
