//! Which head and which bytes a request is answered with.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::StatusCode;

use super::content::Content;
use super::plan::{ContentRange, Framing, Plan, RangeRule};
use super::range::{Asked, asked};
use super::request::Head;
use super::resource::{Body, Resource};

pub struct Answer {
  pub status: u16,
  pub headers: Vec<(String, String)>,
  pub content: Content,
  /// The part of the content that is sent.
  pub start: u64,
  pub end: u64,
  /// The end of the connection is the end of the body, or the body lies.
  pub closes: bool,
}

impl Answer {
  pub fn new(
    request: &Head,
    resource: &Resource,
    plan: &Plan,
    upload: Bytes,
  ) -> Self {
    let mut lines = Lines::default();
    let content = match &resource.body {
      Body::Content(content) => content.clone(),
      Body::Echo => Content::literal(upload),
    };
    let (status, content, start, end) = if let Some(status) = plan.status {
      let content = Content::literal(format!("status {status}\n"));
      let size = content.size();
      lines.add("Content-Type", "text/plain;charset=utf-8");
      (status, content, 0, size)
    } else if plan.gzip {
      let content = gzip(&content);
      let size = content.size();
      lines.describe(resource);
      lines.add("Content-Encoding", "gzip");
      lines.add("Vary", "Accept-Encoding");
      (200, content, 0, size)
    } else {
      lines.describe(resource);
      let (status, start, end) =
        range(request, resource, plan, content.size(), &mut lines);
      (status, content, start, end)
    };
    if let Some(location) = &plan.location {
      lines.add("Location", location);
    }
    let bodiless = status < 200 || status == 204 || status == 304;
    match plan.framing {
      _ if bodiless => {}
      Framing::Length => lines.add("Content-Length", end - start),
      Framing::Lie(length) => lines.add("Content-Length", length),
      Framing::Chunked => lines.add("Transfer-Encoding", "chunked"),
      Framing::UntilClose => {}
    }
    let closes = matches!(plan.framing, Framing::Lie(_) | Framing::UntilClose);
    let closes = closes || plan.last_of_connection;
    if closes || request.lists("connection", "close") {
      lines.add("Connection", "close");
    }
    for (name, value) in resource.headers.iter().chain(&plan.headers) {
      lines.replace(name, value);
    }
    let silent = bodiless || request.method == "HEAD";
    Self {
      status,
      headers: lines.0,
      content,
      start,
      end: if silent { start } else { end },
      closes: closes || request.lists("connection", "close"),
    }
  }

  /// The head in HTTP/1.1's words.
  pub fn head(&self) -> Vec<u8> {
    let status = self.status;
    let reason = StatusCode::from_u16(status).ok();
    let reason = reason.and_then(|code| code.canonical_reason());
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason.unwrap_or("-"));
    for (name, value) in &self.headers {
      head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    head.into_bytes()
  }
}

/// The status, and the part that is sent.
fn range(
  request: &Head,
  resource: &Resource,
  plan: &Plan,
  size: u64,
  lines: &mut Lines,
) -> (u16, u64, u64) {
  let asked = asked(request, resource, size, plan.ignore_if_range);
  let asked = match (&plan.range, asked) {
    (RangeRule::NotSatisfiable, _) => Asked::NotSatisfiable,
    (RangeRule::Ignore, _) => Asked::Whole,
    (RangeRule::WrongFirstByte, Asked::Piece(start, end)) => {
      let beside = if start == 0 { 1.min(end) } else { start - 1 };
      Asked::Piece(beside, end)
    }
    (RangeRule::ShortPiece(n), Asked::Piece(start, end)) => {
      Asked::Piece(start, end.min(start.saturating_add(*n)))
    }
    (RangeRule::ShortPiece(n), Asked::Whole) => Asked::Piece(0, size.min(*n)),
    (_, asked) => asked,
  };
  let asked = match (&plan.content_range, asked) {
    (ContentRange::True, asked) => asked,
    (_, Asked::Whole) => Asked::Piece(0, size),
    (_, asked) => asked,
  };
  match asked {
    Asked::Whole => (200, 0, size),
    Asked::NotSatisfiable => {
      lines.add("Content-Range", format!("bytes */{size}"));
      (416, 0, 0)
    }
    Asked::Piece(start, end) => {
      match &plan.content_range {
        ContentRange::Absent => {}
        ContentRange::Literal(value) => lines.add("Content-Range", value),
        ContentRange::True => {
          let last = end.saturating_sub(1);
          let value = format!("bytes {start}-{last}/{size}");
          lines.add("Content-Range", value);
        }
      }
      (206, start, end)
    }
  }
}

fn gzip(content: &Content) -> Content {
  let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
  for piece in content.pieces(0, content.size()) {
    encoder.write_all(piece).expect("a vector takes everything");
  }
  Content::literal(encoder.finish().expect("a vector takes everything"))
}

#[derive(Default)]
struct Lines(Vec<(String, String)>);

impl Lines {
  fn add(&mut self, name: &str, value: impl ToString) {
    self.0.push((name.to_owned(), value.to_string()));
  }

  /// A name may come more than once (`Set-Cookie`), but not beside the
  /// server's own line of that name.
  fn replace(&mut self, name: &str, value: &str) {
    const OWN: [&str; 4] =
      ["content-type", "etag", "last-modified", "accept-ranges"];
    if OWN.iter().any(|own| name.eq_ignore_ascii_case(own)) {
      self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }
    self.add(name, value);
  }

  fn describe(&mut self, resource: &Resource) {
    self.add("Content-Type", &resource.content_type);
    if resource.accept_ranges {
      self.add("Accept-Ranges", "bytes");
    }
    if let Some(etag) = &resource.etag {
      self.add("ETag", etag);
    }
    if let Some(date) = &resource.last_modified {
      self.add("Last-Modified", date);
    }
  }
}
