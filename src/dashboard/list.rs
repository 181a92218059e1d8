//! A background fetch as the page shows it.

use serde::Deserialize;
use serde::Serialize;

use crate::display::text;
use crate::engine::BackgroundFetchSnapshot;
use crate::ids::BackgroundFetchKey;
use crate::spec::BackgroundFetchResult;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RowState {
  Running,
  Waiting,
  Paused,
  Quarantined,
  Succeeded,
  Failed,
  Undelivered,
}

/// Which of them a page wants to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Filter {
  #[default]
  All,
  Running,
  Paused,
  Failed,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
  key: BackgroundFetchKey,
  name: String,
  id: String,
  scope: String,
  /// Of its first request.
  url: String,
  state: RowState,
  /// Why it is in this state, in a message.
  why: String,
  /// In bytes, as the four that follow.
  downloaded: u64,
  expected: Option<u64>,
  uploaded: u64,
  upload_total: u64,
  /// In a second.
  rate: u64,
  requests: usize,
}

impl RowState {
  pub(super) fn of(b: &BackgroundFetchSnapshot) -> Self {
    let undelivered = |b: &BackgroundFetchSnapshot| {
      let retained = b.retained.as_ref();
      retained.is_some_and(|retained| retained.undelivered.is_some())
    };
    match b.result {
      _ if undelivered(b) => Self::Undelivered,
      BackgroundFetchResult::Success => Self::Succeeded,
      BackgroundFetchResult::Failure => Self::Failed,
      BackgroundFetchResult::None if b.quarantined => Self::Quarantined,
      BackgroundFetchResult::None if b.paused => Self::Paused,
      BackgroundFetchResult::None if b.waiting.is_some() => Self::Waiting,
      BackgroundFetchResult::None => Self::Running,
    }
  }
}

impl Filter {
  pub(super) fn wants(self, state: RowState) -> bool {
    match self {
      Self::All => true,
      Self::Running => matches!(state, RowState::Running | RowState::Waiting),
      Self::Paused => {
        matches!(state, RowState::Paused | RowState::Quarantined)
      }
      Self::Failed => {
        matches!(state, RowState::Failed | RowState::Undelivered)
      }
    }
  }
}

impl Row {
  pub(super) fn new(
    b: &BackgroundFetchSnapshot,
    url: String,
    rate: u64,
  ) -> Self {
    let state = RowState::of(b);
    Self {
      key: b.key,
      name: text::name(b),
      id: text::printable(&b.id),
      scope: b.scope.to_string(),
      url,
      state,
      why: why(b, state),
      downloaded: b.received,
      expected: b.total_to_download(),
      uploaded: b.uploaded,
      upload_total: b.upload_total,
      rate,
      requests: b.records,
    }
  }
}

fn why(b: &BackgroundFetchSnapshot, state: RowState) -> String {
  match state {
    RowState::Waiting => b.waiting.as_ref().map(text::waiting),
    RowState::Failed => Some(match &b.diagnostic {
      Some(why) => text::printable(why),
      None => text::failure(b),
    }),
    RowState::Undelivered => {
      let why = b.retained.as_ref().and_then(|r| r.undelivered.as_deref());
      why
        .map(text::printable)
        .map(|why| format!("its event could not be delivered, for {why}"))
    }
    RowState::Quarantined => Some(
      "the program died three times while it was under way; continue to try \
       it again"
        .to_string(),
    ),
    RowState::Running | RowState::Paused | RowState::Succeeded => None,
  }
  .unwrap_or_default()
}
