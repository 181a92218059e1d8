//! What one page shows: a part of the list, made again and again.

use std::collections::HashMap;
use std::time::Duration;
use std::time::Instant;

use serde::Deserialize;
use serde::Serialize;

use super::list::Filter;
use super::list::Row;
use super::list::RowState;
use super::recent::Ended;
use super::source::Look;
use crate::display::ShownNotification;
use crate::engine::BackgroundFetchSnapshot;
use crate::engine::RequestSnapshot;
use crate::ids::BackgroundFetchKey;

/// The most rows on a page.
const MAX_ROWS: usize = 200;

/// The most requests, and the most notifications, that are shown.
const MAX_REQUESTS: usize = 200;
const MAX_NOTIFICATIONS: usize = 50;

/// Over so long a time a rate is averaged.
const RATE_TIME: Duration = Duration::from_secs(3);

/// Which part of the list a page shows.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
  filter: Filter,
  /// In the name, the id or the scope.
  search: String,
  offset: usize,
  limit: usize,
  /// Whose requests are shown.
  open: Option<BackgroundFetchKey>,
}

impl Default for Wanted {
  fn default() -> Self {
    Self {
      filter: Filter::All,
      search: String::new(),
      offset: 0,
      limit: 50,
      open: None,
    }
  }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
  pub(super) note: String,
  pub(super) may_add: bool,
  totals: Totals,
  /// How many there are of those that are wanted, and the number of the first
  /// row among them.
  matching: usize,
  offset: usize,
  /// Newest first.
  rows: Vec<Row>,
  open: Option<Open>,
  notifications: Vec<ShownNotification>,
  pub(super) recent: Vec<Ended>,
}

#[derive(Default, Serialize)]
struct Totals {
  all: usize,
  running: usize,
  paused: usize,
  failed: usize,
  /// In bytes a second.
  rate: u64,
}

#[derive(Serialize)]
struct Open {
  key: BackgroundFetchKey,
  requests: Vec<RequestSnapshot>,
}

/// How fast everything goes, from one look to the next.
#[derive(Default)]
pub(super) struct Rates {
  last: Option<Instant>,
  of: HashMap<BackgroundFetchKey, Rate>,
  all: f64,
}

#[derive(Clone, Copy)]
struct Rate {
  downloaded: u64,
  /// In bytes a second.
  rate: f64,
}

impl Rates {
  pub(super) fn look(&mut self, all: &[BackgroundFetchSnapshot], now: Instant) {
    let last = self.last.replace(now);
    let time = last.map(|last| now.duration_since(last).as_secs_f64());
    let time = time.filter(|time| *time > 0.0);
    let mut received = 0;
    let rates = all.iter().map(|b| {
      let before = self.of.get(&b.key);
      // Bytes that were there before the first look do not count.
      let more =
        before.map_or(0, |before| b.received.saturating_sub(before.downloaded));
      received += more;
      let rate = before.map_or(0.0, |before| before.rate);
      let downloaded = b.received;
      let rate = averaged(rate, more, time);
      (b.key, Rate { downloaded, rate })
    });
    self.of = rates.collect();
    self.all = averaged(self.all, received, time);
  }

  fn rate(&self, b: &BackgroundFetchSnapshot) -> u64 {
    match RowState::of(b) {
      RowState::Running => self.of.get(&b.key).map_or(0, |r| r.rate as u64),
      _ => 0,
    }
  }
}

/// A rate to which `more` bytes in `time` seconds are added; older ones weigh
/// less and less.
fn averaged(rate: f64, more: u64, time: Option<f64>) -> f64 {
  let Some(time) = time else {
    return rate;
  };
  let weight = 1.0 - (-time / RATE_TIME.as_secs_f64()).exp();
  let averaged = rate + weight * (more as f64 / time - rate);
  // It comes to rest.
  if averaged < 1.0 { 0.0 } else { averaged }
}

impl View {
  pub(super) fn new(look: Look, wanted: &Wanted, rates: &Rates) -> Self {
    let mut totals = Totals {
      all: look.all.len(),
      rate: rates.all as u64,
      ..Totals::default()
    };
    for b in &look.all {
      let state = RowState::of(b);
      totals.running += usize::from(Filter::Running.wants(state));
      totals.paused += usize::from(Filter::Paused.wants(state));
      totals.failed += usize::from(Filter::Failed.wants(state));
    }
    let matching: Vec<_> =
      look.all.iter().rev().filter(|b| wanted.wants(b)).collect();
    let limit = wanted.limit.clamp(1, MAX_ROWS);
    // The last page, where what was there is gone.
    let last = matching.len().saturating_sub(1) / limit * limit;
    let offset = wanted.offset.min(last);
    let rows = matching.iter().skip(offset).take(limit).map(|b| {
      let first = look.requests(b.key, 1).into_iter().next();
      let url = first.map(|first| first.url).unwrap_or_default();
      Row::new(b, url, rates.rate(b))
    });
    let rows = rows.collect();
    let matching = matching.len();
    let open = wanted.open.map(|key| Open {
      key,
      requests: look.requests(key, MAX_REQUESTS),
    });
    let mut notifications = look.notifications;
    notifications.reverse();
    notifications.truncate(MAX_NOTIFICATIONS);
    Self {
      note: look.note,
      may_add: false,
      totals,
      matching,
      offset,
      rows,
      open,
      notifications,
      recent: Vec::new(),
    }
  }
}

impl Wanted {
  fn wants(&self, b: &BackgroundFetchSnapshot) -> bool {
    if !self.filter.wants(RowState::of(b)) {
      return false;
    }
    let search = self.search.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&search);
    search.is_empty() || has(&b.title) || has(&b.id) || has(b.scope.as_str())
  }
}
