//! What has to hold at the end of a life.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::life::Life;
use crate::resources::upload_sha256;
use support::content::sha256_of;

pub fn of_script(life: &mut Life) {
  let mut ids: BTreeSet<String> = life.told().map(|line| id(&line)).collect();
  ids.extend(life.heard("REGISTERED").map(|facts| id(&facts)));
  let aborted = life.heard("ABORTED").any(|facts| facts["answer"] == true);
  let events: Vec<Value> = life.heard("EVENT").collect();
  let mut of_id: BTreeMap<String, &Value> = BTreeMap::new();
  for event in &events {
    // Delivered again it is the same one.
    let first = *of_id.entry(id(event)).or_insert(event);
    life.check(event == first, "a background fetch has one result");
    let expected = expected(&id(event), aborted, event);
    life.check(expected, &format!("{event} is expected"));
  }
  for id in &ids {
    let heard = of_id.contains_key(id);
    life.check(heard, &format!("the script has heard how {id} has ended"));
  }
  let mut files = BTreeSet::new();
  let mut bytes = 0;
  for event in of_id.values() {
    for record in event["records"].as_array().into_iter().flatten() {
      let name = record["path"].as_str().unwrap_or_default();
      let name = name.trim_start_matches('/');
      let (length, digest) = life.resources.length_and_digest(name);
      let is_right = record["length"] == length && record["digest"] == digest;
      life.check(is_right, &format!("the script has read {name} as it is"));
      files.insert(name.to_string());
      bytes += length;
    }
  }
  life.tally.bytes += bytes;
  life.tally.events += events.len() as u64;
  let upload = upload_sha256();
  let uploads = life.server.requests_for("/upload.txt");
  life.check(uploads.len() <= 1, "an upload is sent once");
  for seen in uploads {
    let is_right = seen.body_sha256.is_none_or(|sha256| sha256 == upload);
    life.check(is_right, "an upload arrives as it was");
  }
  nothing_left(life);
  saved(life, &files);
}

pub fn of_get(life: &mut Life) {
  let settled = life.told().filter(|line| line["event"] == "settled");
  let failed = settled.into_iter().any(|line| line["result"] != "success");
  life.check(!failed, "a download succeeds");
  nothing_left(life);
  let files = ["one.bin", "three-1.bin"].map(String::from).into();
  saved(life, &files);
}

fn id(facts: &Value) -> String {
  facts["id"].as_str().unwrap_or_default().to_string()
}

/// Whether a background fetch may end so.
fn expected(id: &str, aborted: bool, event: &Value) -> bool {
  let is = |kind: &str, result: &str, reason: &str| {
    event["type"] == format!("backgroundfetch{kind}")
      && event["result"] == result
      && event["failureReason"] == reason
  };
  let success = is("success", "success", "");
  let abort = is("abort", "failure", "aborted");
  match id {
    "one" | "three" => success,
    // Killed while it was sent, it is not sent again.
    "upload" => success || is("fail", "failure", "fetch-error"),
    "broken" => is("fail", "failure", "bad-status"),
    // Killed in between, it may have been aborted without an answer.
    "doomed" => abort || (success && !aborted),
    _ => false,
  }
}

fn nothing_left(life: &Life) {
  life.check(life.rows() == 0, "no row is left");
  let bodies = files_in(&life.path("store/bodies"));
  life.check(bodies.is_empty(), "no body is left");
}

/// Exactly these files are there, and are right.
fn saved(life: &mut Life, names: &BTreeSet<String>) {
  let files = files_in(&life.path("out"));
  let found: BTreeSet<_> = files
    .iter()
    .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
    .collect();
  life.check(found == *names, &format!("{found:?} are {names:?}"));
  for path in files {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let bytes = std::fs::read(&path).unwrap();
    let is_right = sha256_of(&bytes) == life.resources.sha256(&name);
    life.check(is_right, &format!("{name} is saved as it is"));
    life.tally.bytes += bytes.len() as u64;
  }
}

pub fn files_in(directory: &Path) -> Vec<std::path::PathBuf> {
  let Ok(entries) = std::fs::read_dir(directory) else {
    return Vec::new();
  };
  let paths = entries.map(|entry| entry.unwrap().path());
  paths
    .flat_map(|path| match path.is_dir() {
      true => files_in(&path),
      false => vec![path],
    })
    .collect()
}
