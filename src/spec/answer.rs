//! What the answer to a request, which may be one for the rest of a record, is
//! good for. Every byte of a response passes this decision.

use std::ops::Range;

use super::background_fetch::BackgroundFetchFailureReason;
use super::background_fetch::BackgroundFetchResponse;
use super::content_range::ContentRange;
use super::content_range::complete_length_of_unsatisfied_range;
use super::content_range::extract_content_range_values;
use super::partial_response::validate_partial_response;
use super::representation::Representation;
use super::representation::ResumePolicy;
use super::representation::StrongValidator;
use super::response::Response;

/// What is done with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
  /// Its body continues the stored bytes.
  Continue(ContentRange),
  /// It takes the place of what is stored, if anything is.
  Begin(Begin),
  /// The stored bytes are all there are.
  Complete,
  /// It is of no use, and a request for the whole may be answered better. The
  /// stored bytes stay until that has an answer to begin with.
  AskForTheWhole(Unusable),
  /// It is as good as none: the stored bytes stay, and it is tried again.
  Interrupted(Unusable),
  /// The record fails, and the stored bytes stay.
  Fail(BackgroundFetchFailureReason, Unusable),
}

/// What the body of an answer is that is begun with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
  /// All that the server has to say.
  Whole,
  /// The first part of the resource.
  Part(ContentRange),
}

/// Why an answer, or its body, cannot be used. Reads on after "the server
/// sent".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
  #[error("a part without a Content-Range that can be read")]
  NoRange,
  #[error("a part from byte {found}, where byte {expected} was due")]
  OtherStart { expected: u64, found: u64 },
  #[error("a part of another version of the resource")]
  OtherVersion,
  #[error(
    "a part that no validator proves to be of the same version of the resource"
  )]
  Unproven,
  #[error(
    "a part of a body in a content coding, although it was asked for none"
  )]
  CodedPart,
  #[error("only a part of the resource, with status {0}")]
  PartAsWhole(u16),
  #[error(
    "a whole answer without the validator that the resource had, as a login \
     page is"
  )]
  Stranger,
  #[error("status {0}, which comes without anything of the resource")]
  NoContent(u16),
  #[error(
    "a whole answer that is not as long as the resource that has the same \
     validator"
  )]
  OtherLength,
  #[error("status {0}")]
  Status(u16),
  #[error("{received} bytes, where it had announced {announced}")]
  TooShort { received: u64, announced: u64 },
  #[error("more bytes than the {announced} that it had announced")]
  TooLong { announced: u64 },
  #[error("a part only, which cannot be continued")]
  OnlyAPart,
}

impl Unusable {
  /// Whether it is not the resource's server that seems to have answered, so
  /// that the same request may be answered well another time.
  pub fn is_a_strangers(&self) -> bool {
    matches!(self, Self::Stranger | Self::NoContent(_))
  }
}

/// Whether the body of `answer` is that part of the `stored` representation
/// which was asked for with `range`, or the beginning of it. Only what proves
/// everything is taken: the request was one more than was needed.
///
/// # Errors
///
/// Why it is not.
pub fn judge_a_part(
  stored: &Representation,
  complete_length: u64,
  range: &Range<u64>,
  answer: &Response,
) -> Result<(), Unusable> {
  if answer.status != 206 {
    return Err(Unusable::Status(answer.status));
  }
  if answer.decoded {
    return Err(Unusable::CodedPart);
  }
  let previous = Some((stored, ResumePolicy::Validator));
  let part = validate_partial_response(range.start, answer, previous)?;
  if part.complete_length != Some(complete_length) {
    return Err(Unusable::OtherVersion);
  }
  let announced = range.end - range.start;
  if part.last_byte_pos >= range.end || is_longer(answer, part) {
    return Err(Unusable::TooLong { announced });
  }
  Ok(())
}

/// The request that is answered.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
  /// What is stored of the record.
  pub stored: &'a BackgroundFetchResponse,
  /// How long the whole is, in bytes, where an answer has said so.
  pub complete_length: Option<u64>,
  /// The first byte that was asked for; 0 for the whole.
  pub range_start: u64,
  pub policy: ResumePolicy,
}

impl Question<'_> {
  /// What is done with `answer`.
  pub fn judge(self, answer: &Response) -> Decision {
    let asked_for_the_rest = self.range_start > 0;
    match answer.status {
      206 if asked_for_the_rest => self.judge_the_rest(answer),
      206 => self.judge_a_first_part(answer),
      416 if self.is_confirmed_by(answer) => Decision::Complete,
      416 | 412 if asked_for_the_rest => {
        Decision::AskForTheWhole(Unusable::Status(answer.status))
      }
      // No version of a resource that has bytes.
      status @ (204 | 205) if self.representation().is_some() => {
        Decision::Interrupted(Unusable::NoContent(status))
      }
      _ if answer.is_ok() => self.judge_a_whole(answer),
      // Deviation E19: an error page is no reason to lose what is there.
      status if self.representation().is_some() => Decision::Fail(
        BackgroundFetchFailureReason::BadStatus,
        Unusable::Status(status),
      ),
      _ => Decision::Begin(Begin::Whole),
    }
  }

  /// Of the stored bytes, when there are any that are worth to be kept.
  fn representation(self) -> Option<Representation> {
    let response = self.stored.response.as_ref()?;
    let kept = self.stored.extents.total() > 0 && response.is_ok();
    kept.then(|| Representation::of(response))
  }

  fn judge_the_rest(self, answer: &Response) -> Decision {
    let representation = self.representation();
    let previous = representation.as_ref().map(|r| (r, self.policy));
    let range = match previous {
      // Only bytes that are there have a rest.
      None => Err(Unusable::Unproven),
      _ if answer.decoded => Err(Unusable::CodedPart),
      _ => validate_partial_response(self.range_start, answer, previous),
    };
    match range {
      Ok(range) if self.contradicts(range.complete_length) => {
        Decision::AskForTheWhole(Unusable::OtherVersion)
      }
      Ok(range) if is_longer(answer, range) => {
        let announced = range.body_length();
        Decision::AskForTheWhole(Unusable::TooLong { announced })
      }
      Ok(range) => Decision::Continue(range),
      Err(unusable) => Decision::AskForTheWhole(unusable),
    }
  }

  /// A 206 that was not asked for, or that an author's own `Range` has.
  fn judge_a_first_part(self, answer: &Response) -> Decision {
    let failed = |unusable| {
      Decision::Fail(BackgroundFetchFailureReason::FetchError, unusable)
    };
    let range = match validate_partial_response(0, answer, None) {
      Ok(range) => range,
      Err(unusable) => return failed(unusable),
    };
    if self.is_strange(answer) {
      return Decision::Interrupted(Unusable::Stranger);
    }
    // Deviation E15: a part of a coded body counts the bytes of the coding,
    // and only one that is the whole can be used.
    match answer.decoded {
      true if is_whole(range) => Decision::Begin(Begin::Whole),
      true => failed(Unusable::CodedPart),
      false => Decision::Begin(Begin::Part(range)),
    }
  }

  /// Deviation E19: what is stored is replaced by another version only.
  fn judge_a_whole(self, answer: &Response) -> Decision {
    // A Content-Range means nothing here, but it may tell what the server has
    // confused: https://www.rfc-editor.org/rfc/rfc9110#section-14.4
    let range = extract_content_range_values(answer);
    let is_part = |range: ContentRange| {
      range.first_byte_pos != 0
        || range
          .complete_length
          .is_some_and(|length| length != range.body_length())
    };
    if range.is_some_and(is_part) {
      let unusable = Unusable::PartAsWhole(answer.status);
      return match self.range_start {
        0 => Decision::Fail(BackgroundFetchFailureReason::FetchError, unusable),
        _ => Decision::AskForTheWhole(unusable),
      };
    }
    if self.is_strange(answer) {
      return Decision::Interrupted(Unusable::Stranger);
    }
    match self.range_start > 0 && self.may_be_the_rest(answer) {
      true => Decision::AskForTheWhole(Unusable::OtherLength),
      false => Decision::Begin(Begin::Whole),
    }
  }

  /// Whether a 200 to a request for the rest may be just that. What shows no
  /// other version is the same one, and then its length is known.
  fn may_be_the_rest(self, answer: &Response) -> bool {
    let Some(stored) = self.representation() else {
      return false;
    };
    let now = Representation::of(answer);
    let as_long = now.complete_length().is_some()
      && now.complete_length() == self.complete_length;
    !as_long && !stored.is_contradicted_by(&now)
  }

  fn is_strange(self, answer: &Response) -> bool {
    let answer = Representation::of(answer);
    self
      .representation()
      .is_some_and(|stored| !stored.may_be_replaced_by(&answer))
  }

  fn contradicts(self, complete_length: Option<u64>) -> bool {
    let known = self.complete_length.zip(complete_length);
    known.is_some_and(|(before, now)| before != now)
  }

  /// Whether a 416 says that there is no byte behind the stored ones:
  /// deviation E9. It may speak of another version, for a server need not
  /// compare.
  fn is_confirmed_by(self, answer: &Response) -> bool {
    let Some(stored) = self.representation() else {
      return false;
    };
    let complete_length = complete_length_of_unsatisfied_range(answer);
    let answer = Representation::of(answer);
    let may_be_elsewhere =
      matches!(stored.validator(), Some(StrongValidator::EntityTag(_)));
    self.range_start > 0
      && complete_length == Some(self.stored.bytes())
      && !self.contradicts(complete_length)
      && !stored.is_contradicted_by(&answer)
      && (may_be_elsewhere || stored.is_from_the_place_of(&answer))
  }
}

fn is_whole(range: ContentRange) -> bool {
  range.first_byte_pos == 0
    && range.complete_length == Some(range.body_length())
}

/// Whether the body is longer than the part that it is said to be.
fn is_longer(answer: &Response, range: ContentRange) -> bool {
  let length = answer.body_length();
  length.is_some_and(|length| length > range.body_length())
}

#[cfg(test)]
mod tests;
