//! `--json`: one object a line on standard output.

use std::collections::HashMap;

use background_fetch::display::text;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Waiting;
use background_fetch::store::BackgroundFetchKey;
use parking_lot::Mutex;
use serde::Serialize;

use crate::output;

#[derive(Default)]
pub struct Json {
  /// What the last line about each background fetch said.
  said: Mutex<HashMap<BackgroundFetchKey, Said>>,
}

#[derive(Clone, PartialEq)]
enum Said {
  Waiting(Waiting),
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
}

impl Json {
  pub fn show(&self, b: &BackgroundFetchSnapshot) {
    let now = match &b.waiting {
      _ if b.is_settled() => Said::Settled,
      Some(waiting) => Said::Waiting(waiting.clone()),
      None => Said::Progress {
        downloaded: b.downloaded,
        uploaded: b.uploaded,
      },
    };
    let before = self.said.lock().insert(b.key, now.clone());
    let is_news = before.as_ref() != Some(&now);
    if before.is_none() {
      // One that was settled before it was seen has been registered, too.
      print("registered", b, false);
    }
    match now {
      Said::Settled if is_news => print("settled", b, true),
      Said::Waiting(_) if is_news => print("waiting", b, false),
      Said::Progress { .. } if is_news && before.is_some() => {
        print("progress", b, false);
      }
      _ => {}
    }
  }
}

fn print(event: &'static str, b: &BackgroundFetchSnapshot, settled: bool) {
  let line = Line {
    event,
    id: &b.id,
    downloaded: b.downloaded,
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
  };
  output::json_line(&line);
}
