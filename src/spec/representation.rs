//! Which version of a resource bytes are of, and what proves that others are
//! of the same one.

use std::time::Duration;

use url::Url;

use super::response::Response;

/// What may join bytes of two answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResumePolicy {
  /// A strong validator: an equal strong `ETag`, or an equal date that counts
  /// as strong. Where there is none a transfer that was interrupted begins
  /// again.
  #[default]
  Validator,
  /// Where there is no strong validator, an equal length from the same place,
  /// too, unless a weak validator says otherwise. A resource that was replaced
  /// by one of the same length is then not noticed.
  SameLength,
}

/// A validator that is equal only where every byte is:
/// [RFC 9110, section 8.8.1](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StrongValidator {
  /// An entity tag, with its quotes.
  EntityTag(String),
  /// A `Last-Modified`, as the server wrote it.
  Date(String),
}

impl StrongValidator {
  /// The value of `If-Range`.
  pub fn as_str(&self) -> &str {
    match self {
      Self::EntityTag(value) | Self::Date(value) => value,
    }
  }
}

/// What a response says of the version of the resource that it, or a part of
/// it, is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Representation {
  entity_tag: Option<String>,
  last_modified: Option<String>,
  validator: Option<StrongValidator>,
  complete_length: Option<u64>,
  /// A content coding was removed: positions in the decoded bytes are not
  /// those that a range speaks of.
  decoded: bool,
  /// Where it came from, without what may change each time that it is asked
  /// for, such as a signature.
  place: Option<Url>,
}

impl Representation {
  /// The representation that `response` speaks of.
  ///
  /// The unfiltered headers count: `ETag` and `Content-Range` are not among
  /// those that CORS exposes of itself.
  pub fn of(response: &Response) -> Self {
    let headers = response.internal_headers();
    let entity_tag = headers.get("etag");
    let last_modified = headers.get("last-modified");
    let date = headers.first("date");
    let validator = match (&entity_tag, &last_modified) {
      (Some(tag), _) => {
        is_strong_tag(tag).then(|| StrongValidator::EntityTag(tag.clone()))
      }
      // If-Range must not carry a date beside an entity tag:
      // https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
      (None, Some(modified)) => is_strong_date(modified, date)
        .then(|| StrongValidator::Date(modified.clone())),
      (None, None) => None,
    };
    Self {
      entity_tag,
      last_modified,
      validator,
      complete_length: response.complete_length(),
      decoded: response.decoded,
      place: response.url_list.last().map(place),
    }
  }

  /// Its strong validator, where it has one and its bytes are as a server
  /// counts them.
  pub fn validator(&self) -> Option<&StrongValidator> {
    self.validator.as_ref().filter(|_| !self.decoded)
  }

  /// How long the whole is, in bytes.
  pub fn complete_length(&self) -> Option<u64> {
    self.complete_length
  }

  /// Whether the rest of it may be asked for by itself.
  pub fn can_be_continued(&self, policy: ResumePolicy) -> bool {
    let by_length = policy == ResumePolicy::SameLength
      && self.complete_length.is_some()
      && !self.decoded;
    self.validator().is_some() || by_length
  }

  /// What `answer` shows, when it is to be joined to this.
  pub fn compare(&self, answer: &Self, policy: ResumePolicy) -> Likeness {
    if self.decoded || answer.decoded {
      return Likeness::Unproven;
    }
    let lengths = (self.complete_length, answer.complete_length);
    if let (Some(before), Some(now)) = lengths
      && before != now
    {
      return Likeness::Different;
    }
    match &self.validator {
      Some(StrongValidator::EntityTag(tag)) => {
        compare(Some(tag), answer.entity_tag.as_ref())
      }
      // Two servers may have changed their files in the same second.
      Some(StrongValidator::Date(date)) if self.place == answer.place => {
        compare(Some(date), answer.last_modified.as_ref())
      }
      None if policy == ResumePolicy::SameLength => {
        let same_length = lengths.0.is_some() && lengths.0 == lengths.1;
        match same_length && self.place == answer.place {
          true if self.is_contradicted_by(answer) => Likeness::Different,
          true => Likeness::Same,
          false => Likeness::Unproven,
        }
      }
      Some(StrongValidator::Date(_)) | None => Likeness::Unproven,
    }
  }

  /// Whether `answer` has another value for a validator that this one has.
  pub fn is_contradicted_by(&self, answer: &Self) -> bool {
    let differs = |before: &Option<String>, now: &Option<String>| {
      now.is_some() && before != now
    };
    differs(&self.entity_tag, &answer.entity_tag)
      || differs(&self.last_modified, &answer.last_modified)
  }

  /// Whether both came from the same place.
  pub fn is_from_the_place_of(&self, answer: &Self) -> bool {
    self.place == answer.place
  }

  /// Whether a whole `answer` in place of the rest shows that it is a version
  /// of the resource: it brings a validator of a kind that this one has. What
  /// does not is a login page, or an error page with status 200.
  ///
  /// A resource without any validator shows nothing, and so everything is
  /// believed.
  pub fn may_be_replaced_by(&self, answer: &Self) -> bool {
    let tag = |of: &Self| of.entity_tag.as_deref().map(is_strong_tag);
    match (tag(self), self.last_modified.is_some()) {
      (None, false) => true,
      // A strong entity tag is worth more than a weak one.
      (Some(strong), dated) => {
        tag(answer).is_some_and(|now| now || !strong)
          || dated && answer.last_modified.is_some()
      }
      (None, true) => answer.last_modified.is_some(),
    }
  }
}

/// What two representations have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
  /// Proven to be one.
  Same,
  /// They say that they are two.
  Different,
  /// It cannot be known.
  Unproven,
}

fn compare(before: Option<&String>, now: Option<&String>) -> Likeness {
  match now {
    None => Likeness::Unproven,
    _ if now == before => Likeness::Same,
    Some(_) => Likeness::Different,
  }
}

/// `opaque-tag` of
/// [RFC 9110, section 8.8.3](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3),
/// and nothing before it. Two of them in one answer are none.
fn is_strong_tag(value: &str) -> bool {
  let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
  inner.is_some_and(|v| !v.contains('"'))
}

/// Whether the server's own clock was at least a second further when it
/// answered, so that the resource can not have changed again in that second:
/// [RFC 9110, section 8.8.2.2](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.2.2).
fn is_strong_date(last_modified: &str, date: Option<&str>) -> bool {
  let parse = |value| httpdate::parse_http_date(value).ok();
  let Some((modified, date)) = parse(last_modified).zip(date.and_then(parse))
  else {
    return false;
  };
  let age = date.duration_since(modified);
  age.is_ok_and(|age| age >= Duration::from_secs(1))
}

fn place(url: &Url) -> Url {
  let mut url = url.clone();
  url.set_query(None);
  url.set_fragment(None);
  // An HTTP(S) URL has a host, so neither fails.
  let _ = url.set_username("");
  let _ = url.set_password(None);
  url
}

#[cfg(test)]
mod tests {
  use proptest::prelude::*;

  use super::*;
  use crate::spec::test_support::proptest_config;
  use crate::spec::test_support::response;
  use crate::spec::test_support::url;

  const DATE: (&str, &str) = ("Date", "Sun, 06 Sep 2026 10:00:01 GMT");
  const BEFORE: (&str, &str) =
    ("Last-Modified", "Sun, 06 Sep 2026 10:00:00 GMT");
  const THEN: (&str, &str) = ("Last-Modified", "Sun, 06 Sep 2026 10:00:01 GMT");
  const TAG: (&str, &str) = ("ETag", "\"a\"");
  const WEAK: (&str, &str) = ("ETag", "W/\"a\"");

  fn of(headers: &[(&str, &str)]) -> Representation {
    Representation::of(&response(200, headers))
  }

  fn validator(headers: &[(&str, &str)]) -> Option<String> {
    of(headers).validator().map(|v| v.as_str().to_string())
  }

  #[test]
  fn an_entity_tag_is_strong_unless_it_says_otherwise() {
    assert_eq!(validator(&[TAG]).as_deref(), Some("\"a\""));
    assert_eq!(validator(&[("ETag", "\"\"")]).as_deref(), Some("\"\""));
    for tag in ["W/\"a\"", "w/\"a\"", "a", "\"", "\"a", "\"a\"b\"", ""] {
      assert_eq!(validator(&[("ETag", tag)]), None, "{tag}");
    }
    // Two are none.
    assert_eq!(validator(&[TAG, ("ETag", "\"b\"")]), None);
  }

  #[test]
  fn a_date_is_strong_a_second_later_and_without_an_entity_tag() {
    assert_eq!(validator(&[BEFORE, DATE]).as_deref(), Some(BEFORE.1));
    assert_eq!(validator(&[THEN, DATE]), None);
    assert_eq!(validator(&[BEFORE]), None);
    assert_eq!(validator(&[BEFORE, DATE, WEAK]), None);
    assert_eq!(validator(&[("Last-Modified", "yesterday"), DATE]), None);
    assert_eq!(validator(&[BEFORE, ("Date", "now")]), None);
  }

  #[test]
  fn decoded_bytes_have_no_validator() {
    let mut decoded = response(200, &[TAG]);
    decoded.decoded = true;
    let decoded = Representation::of(&decoded);
    assert_eq!(decoded.validator(), None);
    assert!(!decoded.can_be_continued(ResumePolicy::SameLength));
    let same = of(&[TAG]).compare(&decoded, ResumePolicy::Validator);
    assert_eq!(same, Likeness::Unproven);
  }

  #[test]
  fn a_date_proves_it_from_the_same_place_only() {
    let mut stored = response(200, &[BEFORE, DATE]);
    let mut answer = response(206, &[BEFORE]);
    let mut compare = |from: &str, to: &str| {
      stored.url_list = vec![url(from)];
      answer.url_list = vec![url("https://first.test/"), url(to)];
      let stored = Representation::of(&stored);
      stored.compare(&Representation::of(&answer), ResumePolicy::Validator)
    };
    let place = "https://a.test/file";
    assert_eq!(compare(place, place), Likeness::Same);
    let signed = "https://u:p@a.test/file?signature=1#top";
    assert_eq!(compare(signed, place), Likeness::Same);
    let elsewhere = "https://a.test/other";
    assert_eq!(compare(place, elsewhere), Likeness::Unproven);
  }

  #[test]
  fn an_entity_tag_and_the_length_prove_it_from_anywhere() {
    let stored = of(&[TAG, BEFORE, ("Content-Length", "10")]);
    let part = |headers: &[(&str, &str)]| {
      let mut part = response(206, headers);
      part.url_list = vec![url("https://elsewhere.test/")];
      let part = Representation::of(&part);
      stored.compare(&part, ResumePolicy::Validator)
    };
    let range = ("Content-Range", "bytes 5-9/10");
    assert_eq!(part(&[TAG, range]), Likeness::Same);
    // What If-Range did not carry is not asked for.
    assert_eq!(part(&[TAG, THEN, range]), Likeness::Same);
    let unknown = ("Content-Range", "bytes 5-9/*");
    assert_eq!(part(&[TAG, unknown]), Likeness::Same);
    assert_eq!(part(&[BEFORE, range]), Likeness::Unproven);
    assert_eq!(part(&[WEAK, range]), Likeness::Different);
    let longer = ("Content-Range", "bytes 5-9/11");
    assert_eq!(part(&[TAG, longer]), Likeness::Different);
  }

  #[test]
  fn equal_lengths_are_trusted_where_that_is_asked_for() {
    let compare = |before: &[_], now: &[_], policy| {
      let range = ("Content-Range", "bytes 5-9/10");
      let now = response(206, &[now, &[range]].concat());
      of(before).compare(&Representation::of(&now), policy)
    };
    let length = ("Content-Length", "10");
    let policy = ResumePolicy::SameLength;
    assert_eq!(compare(&[length], &[], policy), Likeness::Same);
    assert_eq!(compare(&[length, WEAK], &[WEAK], policy), Likeness::Same);
    assert_eq!(
      compare(&[length, WEAK], &[TAG], policy),
      Likeness::Different
    );
    assert_eq!(compare(&[], &[], policy), Likeness::Unproven);
    assert_eq!(compare(&[length, TAG], &[], policy), Likeness::Unproven);
    let strict = ResumePolicy::Validator;
    assert_eq!(compare(&[length], &[], strict), Likeness::Unproven);
    assert!(of(&[length]).can_be_continued(policy));
    assert!(!of(&[length]).can_be_continued(strict));
    assert!(!of(&[]).can_be_continued(policy));
  }

  #[test]
  fn another_version_brings_a_validator_of_the_same_kind() {
    for (stored, answer, believed) in [
      (&[][..], &[][..], true),
      (&[TAG], &[], false),
      (&[TAG], &[("ETag", "\"b\"")], true),
      (&[TAG], &[WEAK], false),
      (&[TAG], &[THEN], false),
      (&[WEAK], &[], false),
      (&[WEAK], &[TAG], true),
      (&[BEFORE], &[], false),
      (&[BEFORE], &[THEN], true),
      (&[BEFORE], &[TAG], false),
      (&[TAG, BEFORE], &[THEN], true),
    ] {
      let answer_says = of(stored).may_be_replaced_by(&of(answer));
      assert_eq!(answer_says, believed, "{stored:?} and then {answer:?}");
    }
  }

  fn any_headers() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let tags = [None, Some(TAG), Some(WEAK), Some(("ETag", "\"b\""))];
    let dates = [None, Some(BEFORE), Some(THEN)];
    let lengths = [None, Some("10"), Some("11")];
    (
      proptest::sample::select(tags.to_vec()),
      proptest::sample::select(dates.to_vec()),
      proptest::sample::select(lengths.to_vec()),
      any::<bool>(),
    )
      .prop_map(|(tag, date, length, dated)| {
        let length = length.map(|length| ("Content-Length", length));
        let now = dated.then_some(DATE);
        [tag, date, length, now].into_iter().flatten().collect()
      })
  }

  proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn only_one_that_can_be_continued_is_ever_joined(
      before in any_headers(), now in any_headers()
    ) {
      for policy in [ResumePolicy::Validator, ResumePolicy::SameLength] {
        let (before, now) = (of(&before), of(&now));
        let likeness = before.compare(&now, policy);
        if likeness == Likeness::Same {
          prop_assert!(before.can_be_continued(policy));
          let lengths = (before.complete_length(), now.complete_length());
          prop_assert!(
            lengths.0 == lengths.1 || lengths.0.is_none() || lengths.1.is_none()
          );
        }
        if before.can_be_continued(policy) {
          prop_assert_eq!(before.compare(&before, policy), Likeness::Same);
        }
      }
    }
  }
}
