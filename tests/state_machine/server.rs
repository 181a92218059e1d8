//! A server that keeps one resource for each record: it answers as HTTP says,
//! or in one of the ways in which servers are known to get it wrong.

use background_fetch::spec::FetchStart;
use background_fetch::spec::HeaderList;
use background_fetch::spec::Response;
use background_fetch::spec::ResponseType;

use crate::dice::Dice;

/// No resource has this version.
const PAGE: u32 = u32::MAX;

/// How a resource says which version it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validator {
  StrongEtag,
  WeakEtag,
  Date,
  Nothing,
}

#[derive(Clone, Debug)]
pub struct Resource {
  pub version: u32,
  /// In bytes.
  pub length: u64,
  pub validator: Validator,
  /// Whether a response says how long it is, and a partial one how long the
  /// whole is.
  says_length: bool,
}

/// A response with what the model has to know of its stream.
#[derive(Clone, Debug)]
pub struct Reply {
  pub response: Response,
  /// Where the stream's first byte is in the resource; `None` when that cannot
  /// be known, so that not a byte of it may be stored.
  pub start: Option<u64>,
  /// How many bytes the stream brings.
  pub length: u64,
  pub version: u32,
  /// How long the whole resource is, in this version.
  pub whole: u64,
  /// Whether a success has to mean that the whole resource is stored.
  pub honest: bool,
  /// Whether it is a page of a captive portal.
  pub stranger: bool,
}

impl Resource {
  pub fn new(dice: &mut Dice) -> Self {
    Self {
      version: 1,
      length: dice.roll(24),
      validator: match dice.roll(4) {
        0 => Validator::StrongEtag,
        1 => Validator::WeakEtag,
        2 => Validator::Date,
        _ => Validator::Nothing,
      },
      says_length: dice.roll(4) > 0,
    }
  }

  /// Someone has written a new version.
  pub fn change(&mut self, dice: &mut Dice) {
    self.version += 1;
    self.length = dice.roll(24);
  }

  fn validator(&self, version: u32) -> Option<(&'static str, String)> {
    match self.validator {
      Validator::StrongEtag => Some(("ETag", format!("\"{version}\""))),
      Validator::WeakEtag => Some(("ETag", format!("W/\"{version}\""))),
      Validator::Date => Some((
        "Last-Modified",
        format!("Thu, 01 Jan 1970 00:{version:02}:00 GMT"),
      )),
      Validator::Nothing => None,
    }
  }

  fn reply(&self, status: u16, start: Option<u64>, length: u64) -> Reply {
    let mut headers = HeaderList::new();
    if let Some((name, value)) = self.validator(self.version) {
      headers.append(name, value);
    }
    // Later than every version, so that their dates are strong.
    headers.append("Date", "Thu, 01 Jan 1970 12:00:00 GMT");
    Reply {
      response: Response {
        response_type: ResponseType::Basic,
        status,
        status_message: String::new(),
        headers,
        internal_headers: None,
        decoded: false,
        url_list: Vec::new(),
      },
      start,
      length,
      version: self.version,
      whole: self.length,
      honest: true,
      stranger: false,
    }
  }

  fn whole(&self) -> Reply {
    let mut reply = self.reply(200, Some(0), self.length);
    if self.says_length {
      let length = self.length.to_string();
      reply.response.headers.append("Content-Length", length);
    }
    reply
  }

  /// The page of a captive portal, which has no validator.
  fn page(&self, dice: &mut Dice) -> Reply {
    let mut reply = self.reply(200, Some(0), 1 + dice.roll(24));
    reply.version = PAGE;
    reply.whole = reply.length;
    reply.stranger = true;
    reply.without_validator()
  }

  fn part(&self, first: u64, length: u64) -> Reply {
    let mut reply = self.reply(206, Some(first), length);
    let complete = match self.says_length {
      true => self.length.to_string(),
      false => "*".to_string(),
    };
    reply.content_range(format!(
      "bytes {first}-{}/{complete}",
      first + length - 1
    ));
    reply
  }

  /// What HTTP asks for.
  pub fn answer(&self, start: &FetchStart, dice: &mut Dice) -> Reply {
    let first = start.range_start;
    let current = self.validator(self.version).map(|(_, value)| value);
    let unchanged = start.validator.is_none() || start.validator == current;
    // A server may send a part that was not asked for.
    if first == 0 && self.length > 0 && dice.roll(3) == 2 {
      return self.part(0, 1 + dice.roll(self.length));
    }
    if first == 0 || !unchanged {
      return self.whole();
    }
    if first >= self.length {
      let mut reply = self.reply(416, Some(0), 2);
      reply.content_range(format!("bytes */{}", self.length));
      return reply;
    }
    let rest = self.length - first;
    // A server may send less than was asked for.
    let length = if dice.roll(2) == 0 {
      rest
    } else {
      1 + dice.roll(rest)
    };
    self.part(first, length)
  }

  /// Something else.
  pub fn misanswer(&self, start: &FetchStart, dice: &mut Dice) -> Reply {
    let first = start.range_start;
    let length = 1 + dice.roll(6);
    let mut reply = match dice.roll(18) {
      0 => self.reply(404, Some(0), 3),
      1 => self.part(first + 1, length),
      2 => {
        let mut reply = self.part(first, length);
        reply.response.headers.delete("content-range");
        reply.start = None;
        reply
      }
      // Another length than before, or none.
      3 => {
        let mut reply = self.part(first, length);
        let last = first + length - 1;
        reply.content_range(format!("bytes {first}-{last}/{}", last + 1));
        reply
      }
      // Of another version, which it names or does not name.
      4 => {
        let mut reply = self.part(first, length);
        reply.other_version(self);
        reply
      }
      // More, less and nothing of what was announced.
      5 => self.part(first, length).brings(length + 1),
      6 => self.part(first, length).brings(length - 1),
      7 => self.part(first, length).brings(0),
      8 => {
        let mut reply = self.reply(416, Some(0), 0);
        reply.content_range(format!("bytes */{}", dice.roll(8)));
        reply
      }
      9 => self.whole().decoded(),
      // A part of a coded body cannot be put together with anything; it may
      // be the whole.
      10 => {
        let mut reply = self.part(first, length).decoded();
        let whole = first == 0 && self.says_length && length == self.length;
        reply.start = whole.then_some(0);
        reply
      }
      11 => return self.page(dice),
      // Refused for a reason that has to do with the range alone.
      12 => return self.reply(412, Some(0), 3),
      13 => return self.reply(503, Some(0), 3),
      // The rest, as if it were all.
      14 => {
        let rest = self.length.saturating_sub(first);
        let length = length.min(rest);
        if length == 0 {
          return self.whole();
        }
        let mut reply = self.part(first, length);
        reply.response.status = 200;
        // Nothing says then that it is a part.
        let told = self.says_length && length < rest;
        reply.start = (first == 0 && !told).then_some(0);
        reply.honest = length == rest;
        return reply;
      }
      // Of another version, and nothing that names it.
      15 => {
        let mut reply = self.part(first, length);
        reply.version = PAGE;
        return reply.without_validator().lying();
      }
      // More, or less, than it has promised.
      16 => {
        let reply = self.whole();
        let length = dice.roll(2 * reply.length + 2);
        return reply.brings(length);
      }
      // The first part, whatever was asked for.
      _ => self.part(0, length),
    };
    reply.honest = false;
    reply
  }
}

impl Reply {
  fn content_range(&mut self, value: String) {
    self.response.headers.delete("content-range");
    self.response.headers.append("Content-Range", value);
  }

  fn without_validator(mut self) -> Self {
    self.response.headers.delete("etag");
    self.response.headers.delete("last-modified");
    self
  }

  fn lying(mut self) -> Self {
    self.honest = false;
    self
  }

  fn brings(mut self, length: u64) -> Self {
    self.length = length;
    self
  }

  fn decoded(mut self) -> Self {
    self.response.decoded = true;
    self
  }

  fn other_version(&mut self, resource: &Resource) {
    self.version += 1;
    self.response.headers.delete("etag");
    self.response.headers.delete("last-modified");
    if let Some((name, value)) = resource.validator(self.version) {
      self.response.headers.append(name, value);
    }
  }
}
