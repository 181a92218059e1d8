//! A resource that never comes in one piece.

use bytes::Bytes;

use super::exchange::Part;
use super::exchange::Reply;
use super::exchange::Request;

/// 26 letters times `?repeat=` (1 when it is absent).
///
/// - `?cut=N`: the connection ends after N bytes of every answer that has more.
/// - `?part=N`: an answer to a range has at most N bytes.
/// - `?etag=X`: its validator; `?other-etag=X` is the one that answers to
///   ranges carry.
/// - `?modified=X` and `?other-modified=X`: the same for Last-Modified.
/// - `?first-range=X`: an answer to no range is a part that says it is that.
/// - `?content-range=X`: that, in place of the right one.
/// - `?ignore-range`: a range is answered with 200.
pub fn pieces(request: &Request) -> Option<Reply> {
  let number = |name: &str| request.get(name)?.parse::<usize>().ok();
  let whole = Bytes::from(
    "abcdefghijklmnopqrstuvwxyz".repeat(number("repeat").unwrap_or(1)),
  );
  let start = request
    .header("Range")
    .filter(|_| request.get("ignore-range").is_none())
    .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'))
    .and_then(|start| start.parse::<usize>().ok());
  let mut end = whole.len();
  let mut reply = Reply::text(200, "").with("Cache-Control", "no-store");
  let mut etag = request.get("etag");
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
    reply.set("ETag", &format!("\"{etag}\""));
  }
  let body = whole.slice(start.unwrap_or(0).min(end)..end);
  reply.body = match number("cut") {
    Some(cut) if cut < body.len() => {
      // A length is promised, so that the cut is noticed.
      reply.set("Content-Length", &body.len().to_string());
      vec![Part::Bytes(body.slice(..cut)), Part::Cut]
    }
    _ => vec![Part::Bytes(body)],
  };
  Some(reply)
}
