//! `--json`: one object a line on standard output.

use std::collections::HashMap;
use std::path::Path;

use background_fetch::display::text;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Waiting;
use background_fetch::store::BackgroundFetchKey;
use parking_lot::Mutex;
use serde::Serialize;

use crate::download::Ended;
use crate::output;

#[derive(Default)]
pub struct Json {
  /// What the last line about each background fetch said.
  printed: Mutex<HashMap<BackgroundFetchKey, Printed>>,
}

#[derive(Clone, PartialEq)]
enum Printed {
  Waiting(Waiting),
  Paused,
  Progress { downloaded: u64, uploaded: u64 },
  Settled,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
  event: &'static str,
  id: &'a str,
  downloaded: u64,
  download_total: u64,
  uploaded: u64,
  upload_total: u64,
  result: &'static str,
  failure_reason: &'static str,
  /// Only with the event "waiting".
  #[serde(skip_serializing_if = "Option::is_none")]
  waiting: Option<String>,
  /// Only with the event "settled": the file that a download was saved as,
  /// and why it was not.
  #[serde(skip_serializing_if = "Option::is_none")]
  path: Option<String>,
  #[serde(skip_serializing_if = "Option::is_none")]
  reason: Option<String>,
}

#[derive(Serialize)]
struct Unchanged<'a> {
  event: &'static str,
  id: &'a str,
  url: &'a str,
  path: String,
}

/// The file that was saved earlier for `url` is what the server has.
pub fn unchanged(id: &str, url: &str, path: &Path) {
  output::json_line(&Unchanged {
    event: "unchanged",
    id,
    url,
    path: path.to_string_lossy().into_owned(),
  });
}

impl Json {
  /// A download has settled, and this has come of it.
  pub fn download_ended(&self, b: &BackgroundFetchSnapshot, ended: &Ended) {
    if self
      .printed
      .lock()
      .insert(b.key, Printed::Settled)
      .is_none()
    {
      print("registered", b, false);
    }
    let mut line = line("settled", b, true);
    match ended {
      Ended::Saved(path) | Ended::Unchanged(path) => {
        line.path = Some(path.to_string_lossy().into_owned());
      }
      Ended::Written => {}
      Ended::Failed(why) | Ended::Wrong(why) | Ended::Unsaved(why) => {
        line.result = "failure";
        line.reason = Some(why.clone());
      }
    }
    output::json_line(&line);
  }

  pub fn show(&self, b: &BackgroundFetchSnapshot) {
    let now = match &b.waiting {
      _ if b.is_settled() => Printed::Settled,
      _ if b.paused => Printed::Paused,
      Some(waiting) => Printed::Waiting(waiting.clone()),
      None => Printed::Progress {
        downloaded: b.received,
        uploaded: b.uploaded,
      },
    };
    let before = self.printed.lock().insert(b.key, now.clone());
    let is_news = before.as_ref() != Some(&now);
    if before.is_none() {
      // One that was settled before it was seen has been registered, too.
      print("registered", b, false);
    }
    match now {
      Printed::Settled if is_news => print("settled", b, true),
      Printed::Waiting(_) if is_news => print("waiting", b, false),
      Printed::Paused if is_news => print("paused", b, false),
      Printed::Progress { .. } if is_news && before.is_some() => {
        print("progress", b, false);
      }
      _ => {}
    }
  }
}

fn print(event: &'static str, b: &BackgroundFetchSnapshot, settled: bool) {
  output::json_line(&line(event, b, settled));
}

fn line<'a>(
  event: &'static str,
  b: &'a BackgroundFetchSnapshot,
  settled: bool,
) -> Line<'a> {
  Line {
    event,
    id: &b.id,
    downloaded: b.received,
    download_total: b.download_total,
    uploaded: b.uploaded,
    upload_total: b.upload_total,
    result: if settled { b.result.as_str() } else { "" },
    failure_reason: if settled {
      b.failure_reason.as_str()
    } else {
      ""
    },
    waiting: (event == "waiting")
      .then(|| b.waiting.as_ref().map(text::waiting))
      .flatten(),
    path: None,
    reason: None,
  }
}
