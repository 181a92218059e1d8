//! A behaviour, taken apart into the questions that answering a request asks.

use std::time::Duration;

use h2::Reason;

use super::behaviour::Behaviour;

#[derive(Clone, Debug, Default)]
pub struct Plan {
  pub instead: Option<Instead>,
  pub hold: bool,
  pub last_of_connection: bool,
  pub status: Option<u16>,
  pub location: Option<String>,
  pub headers: Vec<(String, String)>,
  pub trailers: Vec<(String, String)>,
  pub range: RangeRule,
  pub ignore_if_range: bool,
  pub content_range: ContentRange,
  pub framing: Framing,
  pub gzip: bool,
  pub pace: Pace,
  pub stall_after: Option<u64>,
  pub cut: Option<Cut>,
  pub upload_stall_after: Option<u64>,
  pub upload_reset_after: Option<u64>,
}

/// What is done in place of an answer.
#[derive(Clone, Debug)]
pub enum Instead {
  Refuse,
  RefuseStream(Reason),
  EndlessHeaders,
  Raw(Vec<u8>),
}

#[derive(Clone, Debug, Default)]
pub enum RangeRule {
  #[default]
  Honour,
  Ignore,
  WrongFirstByte,
  ShortPiece(u64),
  NotSatisfiable,
}

#[derive(Clone, Debug, Default)]
pub enum ContentRange {
  #[default]
  True,
  Absent,
  Literal(String),
}

#[derive(Clone, Copy, Debug, Default)]
pub enum Framing {
  #[default]
  Length,
  Lie(u64),
  Chunked,
  UntilClose,
}

#[derive(Clone, Copy, Debug, Default)]
pub enum Pace {
  #[default]
  Full,
  BytesPerSecond(u64),
  ByteEvery(Duration),
}

#[derive(Clone, Copy, Debug)]
pub enum Cut {
  Reset(u64),
  Close(u64),
  HalfClose,
  Freeze(u64),
  Stream(u64, Reason),
  GoAway(u64, Reason),
}

impl Plan {
  pub fn of(behaviour: &Behaviour) -> Self {
    let mut plan = Self::default();
    plan.add(behaviour);
    plan
  }

  fn add(&mut self, behaviour: &Behaviour) {
    use Behaviour::*;
    match behaviour {
      // The resource itself was changed when the behaviour was taken.
      Normal | ChangeEtag(_) | ChangeLastModified(_) | NewVersion { .. } => {}
      All(several) => several.iter().for_each(|one| self.add(one)),
      Refuse => self.instead = Some(Instead::Refuse),
      RefuseStream(code) => self.instead = Some(Instead::RefuseStream(*code)),
      EndlessHeaders => self.instead = Some(Instead::EndlessHeaders),
      RawResponse(bytes) => self.instead = Some(Instead::Raw(bytes.clone())),
      ResetAfter(n) => self.cut = Some(Cut::Reset(*n)),
      TruncateAfter(n) => self.cut = Some(Cut::Close(*n)),
      HalfClose => self.cut = Some(Cut::HalfClose),
      FreezeAfter(n) => self.cut = Some(Cut::Freeze(*n)),
      ResetStreamAfter(n, code) => self.cut = Some(Cut::Stream(*n, *code)),
      GoAwayAfter(n, code) => self.cut = Some(Cut::GoAway(*n, *code)),
      ResetUploadAfter(n) => self.upload_reset_after = Some(*n),
      Hold => self.hold = true,
      LastOfConnection => self.last_of_connection = true,
      StallAfter(n) => self.stall_after = Some(*n),
      StallUploadAfter(n) => self.upload_stall_after = Some(*n),
      Throttle { bytes_per_second } => {
        self.pace = Pace::BytesPerSecond(*bytes_per_second);
      }
      OneBytePer(time) => self.pace = Pace::ByteEvery(*time),
      Status(code) => self.status = Some(*code),
      Redirect(to, code) => {
        self.status = Some(*code);
        self.location = Some(to.clone());
      }
      Header(name, value) => self.headers.push((name.clone(), value.clone())),
      IgnoreRange => self.range = RangeRule::Ignore,
      IgnoreIfRange => self.ignore_if_range = true,
      WrongFirstByte => self.range = RangeRule::WrongFirstByte,
      ShortPiece(n) => self.range = RangeRule::ShortPiece(*n),
      NotSatisfiable => self.range = RangeRule::NotSatisfiable,
      NoContentRange => self.content_range = self::ContentRange::Absent,
      Behaviour::ContentRange(value) => {
        self.content_range = self::ContentRange::Literal(value.clone());
      }
      LyingContentLength(n) => self.framing = Framing::Lie(*n),
      Chunked => self.framing = Framing::Chunked,
      Trailer(name, value) => {
        self.framing = Framing::Chunked;
        self.trailers.push((name.clone(), value.clone()));
      }
      UntilClose => self.framing = Framing::UntilClose,
      Gzip => self.gzip = true,
    }
  }
}
