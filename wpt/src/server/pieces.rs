//! A resource that never comes in one piece.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::exchange::Part;
use super::exchange::Reply;
use super::exchange::Request;
use super::visits::is_one_of;

/// 26 letters times `?repeat=` (1 when it is absent).
///
/// - `?cut=N`: the connection ends after N bytes of every answer that has more.
/// - `?cuts=2-4`: of the requests with one token, these alone.
/// - `?part=N`: an answer to a range has at most N bytes.
/// - `?unsized`: no answer says how much it has; a range behind the end gets a
///   416 that says it.
/// - `?gzip`: compressed for those who accept that, but not in parts.
/// - `?weak`: the validator of `?etag=` is a weak one.
/// - `?etag=X`: its validator; `?other-etag=X` is the one that answers to
///   ranges carry.
/// - `?later-etag=X`: from the second request with one token on there is another
///   version, in capitals.
/// - `?modified=X` and `?other-modified=X`: the same for Last-Modified.
/// - `?first-range=X`: an answer to no range is a part that says it is that.
/// - `?content-range=X`: that, in place of the right one.
/// - `?ignore-range`: a range is answered with 200.
pub fn pieces(request: &Request, visit: Option<usize>) -> Option<Reply> {
  let number = |name: &str| request.get(name)?.parse::<usize>().ok();
  let later = request.get("later-etag").filter(|_| visit > Some(1));
  let letters = match later {
    None => "abcdefghijklmnopqrstuvwxyz",
    Some(_) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
  };
  let whole = Bytes::from(letters.repeat(number("repeat").unwrap_or(1)));
  let start = request
    .header("Range")
    .filter(|_| request.get("ignore-range").is_none())
    .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'))
    .and_then(|start| start.parse::<usize>().ok());
  let quoted = |etag: &str| match request.get("weak") {
    Some(_) => format!("W/\"{etag}\""),
    None => format!("\"{etag}\""),
  };
  let is_unsized = request.get("unsized").is_some();
  if is_unsized && start.is_some_and(|start| start >= whole.len()) {
    let range = format!("bytes */{}", whole.len());
    let range = request.get("content-range").unwrap_or(range);
    return Some(Reply::text(416, "").with("Content-Range", &range));
  }
  let accepts = request.header("Accept-Encoding").unwrap_or_default();
  let is_coded = request.get("gzip").is_some()
    && start.is_none()
    && accepts.contains("gzip");
  let whole = if is_coded { gzip(&whole) } else { whole };
  let mut end = whole.len();
  let mut reply = Reply::text(200, "").with("Cache-Control", "no-store");
  let mut etag = later.or(request.get("etag"));
  let mut modified = request.get("modified");
  if let Some(start) = start.filter(|start| *start < whole.len()) {
    end = end.min(start + number("part").unwrap_or(end));
    let range = format!("bytes {start}-{}/{}", end - 1, whole.len());
    let range = request.get("content-range").unwrap_or(range);
    reply.status = 206;
    reply.set("Content-Range", &range);
    etag = request.get("other-etag").or(etag);
    modified = request.get("other-modified").or(modified);
  } else if let Some(range) = request.get("first-range") {
    reply.status = 206;
    reply.set("Content-Range", &range);
  }
  if let Some(modified) = modified {
    reply.set("Last-Modified", &modified);
  }
  if let Some(etag) = etag {
    reply.set("ETag", &quoted(&etag));
  }
  if is_coded {
    reply.set("Content-Encoding", "gzip");
  }
  let body = whole.slice(start.unwrap_or(0).min(end)..end);
  let is_cut = match request.get("cuts") {
    None => true,
    Some(cuts) => visit.is_some_and(|visit| is_one_of(visit, &cuts)),
  };
  reply.body = match number("cut").filter(|_| is_cut) {
    Some(cut) if is_unsized && cut <= body.len() => {
      vec![Part::Bytes(body.slice(..cut)), Part::Cut]
    }
    Some(cut) if cut < body.len() => {
      // A length is promised, so that the cut is noticed.
      reply.set("Content-Length", &body.len().to_string());
      vec![Part::Bytes(body.slice(..cut)), Part::Cut]
    }
    _ => vec![Part::Bytes(body)],
  };
  Some(reply)
}

fn gzip(bytes: &[u8]) -> Bytes {
  let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
  // Writing to memory does not fail.
  let _ = encoder.write_all(bytes);
  encoder.finish().unwrap_or_default().into()
}
