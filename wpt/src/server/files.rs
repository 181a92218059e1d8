//! Files, their `.headers` files, and ranges of them.

use std::fs;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;

use super::exchange::Reply;
use super::exchange::Request;

/// The file for a URL's decoded path; none when it would lead out of `root`.
pub fn locate(root: &Path, path: &str) -> Option<PathBuf> {
  let relative = Path::new(path.trim_start_matches('/'));
  let inside = relative
    .components()
    .all(|part| matches!(part, Component::Normal(_)));
  inside.then(|| root.join(relative))
}

/// The file as a reply, with the headers that its folder and it have.
pub fn reply(file: &Path) -> Reply {
  if file.is_dir() {
    return Reply::new(200, "<!DOCTYPE html><title>Folder</title>")
      .with("Content-Type", "text/html; charset=utf-8");
  }
  let Ok(bytes) = fs::read(file) else {
    return Reply::new(404, "");
  };
  Reply::new(200, bytes).with("Content-Type", content_type(file))
}

/// The values in `__dir__.headers` and `NAME.headers`, if there are such
/// files. Those in a `.sub.headers` file are substituted by the caller.
pub fn extra_headers(file: &Path) -> Vec<(String, bool)> {
  let name = file.file_name().unwrap_or_default().to_string_lossy();
  let mut texts = Vec::new();
  for stem in ["__dir__", &name] {
    for (suffix, substituted) in [(".headers", false), (".sub.headers", true)] {
      let path = file.with_file_name(format!("{stem}{suffix}"));
      if let Ok(text) = fs::read_to_string(path) {
        texts.push((text, substituted));
      }
    }
  }
  texts
}

/// Sets what a `.headers` file lists, one `Name: value` a line. A name that
/// comes twice is sent twice.
pub fn apply_headers(text: &str, reply: &mut Reply) {
  let mut seen: Vec<String> = Vec::new();
  for line in text.lines() {
    let Some((name, value)) = line.split_once(':') else {
      continue;
    };
    let lower = name.trim().to_ascii_lowercase();
    if seen.contains(&lower) {
      reply.append(name, value);
    } else {
      reply.set(name, value);
      seen.push(lower);
    }
  }
}

/// Answers a `Range` of one part with 206 or 416.
pub fn apply_range(request: &Request, reply: &mut Reply) {
  let Some(range) = request.header("Range") else {
    return;
  };
  if reply.status != 200 {
    return;
  }
  let whole = reply.bytes();
  match parse_range(range, whole.len()) {
    Ok(Some((first, last))) => {
      let total = whole.len();
      reply.status = 206;
      reply.set("Content-Range", &format!("bytes {first}-{last}/{total}"));
      reply.set_bytes(whole.slice(first..=last));
    }
    Ok(None) => {}
    Err(()) => {
      reply.status = 416;
      reply.set("Content-Range", &format!("bytes */{}", whole.len()));
      reply.set_bytes(Bytes::new());
    }
  }
}

/// First and last byte; none for what is not understood, and an error for
/// what cannot be satisfied.
fn parse_range(
  range: &str,
  length: usize,
) -> Result<Option<(usize, usize)>, ()> {
  let Some((first, last)) = range
    .strip_prefix("bytes=")
    .and_then(|spec| spec.split_once('-'))
  else {
    return Ok(None);
  };
  let end = length.saturating_sub(1);
  let range = match (first.parse::<usize>(), last.parse::<usize>()) {
    (Ok(first), Ok(last)) if first <= last => (first, last.min(end)),
    (Ok(first), Err(_)) if last.is_empty() => (first, end),
    (Err(_), Ok(suffix)) if first.is_empty() && suffix > 0 => {
      (length.saturating_sub(suffix), end)
    }
    _ => return Ok(None),
  };
  if range.0 < length {
    Ok(Some(range))
  } else {
    Err(())
  }
}

fn content_type(file: &Path) -> &'static str {
  let extension = file.extension().unwrap_or_default();
  match extension.to_string_lossy().as_ref() {
    "html" | "htm" => "text/html",
    "xhtml" => "application/xhtml+xml",
    "js" | "mjs" => "text/javascript",
    "json" => "application/json",
    "css" => "text/css",
    "txt" | "idl" | "md" => "text/plain",
    "xml" => "application/xml",
    "svg" => "image/svg+xml",
    "png" => "image/png",
    "jpg" | "jpeg" => "image/jpeg",
    "gif" => "image/gif",
    "webm" => "video/webm",
    "mp4" => "video/mp4",
    "wasm" => "application/wasm",
    _ => "application/octet-stream",
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn no_path_leads_out() {
    let root = Path::new("/srv");
    assert_eq!(locate(root, "/a/b.js"), Some("/srv/a/b.js".into()));
    assert_eq!(locate(root, "/../etc/passwd"), None);
    assert_eq!(locate(root, "//etc/passwd"), Some("/srv/etc/passwd".into()));
  }

  #[test]
  fn ranges() {
    assert_eq!(parse_range("bytes=2-", 5), Ok(Some((2, 4))));
    assert_eq!(parse_range("bytes=-2", 5), Ok(Some((3, 4))));
    assert_eq!(parse_range("bytes=1-9", 5), Ok(Some((1, 4))));
    assert_eq!(parse_range("bytes=5-", 5), Err(()));
    assert_eq!(parse_range("bytes=1-2,4-5", 9), Ok(None));
  }
}
