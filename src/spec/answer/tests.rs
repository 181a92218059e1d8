use proptest::prelude::*;

use super::*;
use crate::spec::Extents;
use crate::spec::test_support::proptest_config;
use crate::spec::test_support::response;
use crate::spec::test_support::url;

const TAG: (&str, &str) = ("ETag", "\"a\"");
const OTHER: (&str, &str) = ("ETag", "\"b\"");
const WEAK: (&str, &str) = ("ETag", "W/\"a\"");
const LENGTH: (&str, &str) = ("Content-Length", "10");

fn range(value: &str) -> (&str, &str) {
  ("Content-Range", value)
}

/// Five of ten bytes.
fn stored(headers: &[(&str, &str)]) -> BackgroundFetchResponse {
  BackgroundFetchResponse {
    response: Some(response(200, headers)),
    extents: Extents::prefix_of(5),
    result: None,
  }
}

fn judge(stored: &BackgroundFetchResponse, answer: &Response) -> Decision {
  judge_from(5, stored, answer)
}

fn judge_from(
  range_start: u64,
  stored: &BackgroundFetchResponse,
  answer: &Response,
) -> Decision {
  let complete_length =
    stored.response.as_ref().and_then(Response::complete_length);
  let question = Question {
    stored,
    complete_length,
    range_start,
    policy: ResumePolicy::Validator,
  };
  question.judge(answer)
}

fn continues(verdict: &Decision) -> bool {
  matches!(verdict, Decision::Continue(_))
}

#[test]
fn a_part_with_the_same_strong_validator_continues() {
  let stored = stored(&[TAG, LENGTH]);
  for headers in [
    [TAG, range("bytes 5-9/10")],
    [TAG, range("bytes=5-9/10")],
    [TAG, range("bytes 5-9/*")],
    [TAG, range("bytes 5-6/10")],
  ] {
    let verdict = judge(&stored, &response(206, &headers));
    assert!(continues(&verdict), "{headers:?}: {verdict:?}");
  }
}

// The server may answer a request for the whole better.
#[test]
fn a_part_that_is_of_no_use_leads_to_a_request_for_the_whole() {
  let stored = stored(&[TAG, LENGTH]);
  for (headers, unusable) in [
    (vec![TAG], Unusable::NoRange),
    (
      vec![TAG, ("Content-Type", "multipart/byteranges; boundary=x")],
      Unusable::NoRange,
    ),
    (
      vec![TAG, range("bytes 4-9/10")],
      Unusable::OtherStart {
        expected: 5,
        found: 4,
      },
    ),
    (vec![OTHER, range("bytes 5-9/10")], Unusable::OtherVersion),
    (vec![WEAK, range("bytes 5-9/10")], Unusable::OtherVersion),
    (vec![range("bytes 5-9/10")], Unusable::Unproven),
    (vec![TAG, range("bytes 5-11/12")], Unusable::OtherVersion),
    (
      vec![TAG, range("bytes 5-6/10"), ("Content-Length", "3")],
      Unusable::TooLong { announced: 2 },
    ),
  ] {
    let verdict = judge(&stored, &response(206, &headers));
    assert_eq!(verdict, Decision::AskForTheWhole(unusable), "{headers:?}");
  }
  for status in [412, 416] {
    let unusable = Unusable::Status(status);
    let verdict = judge(&stored, &response(status, &[TAG]));
    assert_eq!(verdict, Decision::AskForTheWhole(unusable));
  }
  let mut coded = response(206, &[TAG, range("bytes 5-9/10")]);
  coded.decoded = true;
  let verdict = judge(&stored, &coded);
  assert_eq!(verdict, Decision::AskForTheWhole(Unusable::CodedPart));
}

#[test]
fn a_length_that_another_part_has_told_counts() {
  let stored = stored(&[TAG]);
  let question = Question {
    stored: &stored,
    complete_length: Some(10),
    range_start: 5,
    policy: ResumePolicy::Validator,
  };
  let longer = response(206, &[TAG, range("bytes 5-11/12")]);
  let verdict = question.judge(&longer);
  assert_eq!(verdict, Decision::AskForTheWhole(Unusable::OtherVersion));
  assert!(continues(&judge(&stored, &longer)));
}

#[test]
fn a_whole_answer_that_shows_another_version_replaces_what_is_stored() {
  let stored = stored(&[TAG, LENGTH]);
  for headers in [&[OTHER][..], &[OTHER, LENGTH], &[TAG, LENGTH]] {
    let verdict = judge(&stored, &response(200, headers));
    assert_eq!(verdict, Decision::Begin(Begin::Whole), "{headers:?}");
  }
  for value in ["bytes 0-9/10", "bytes 0-9/*", "bytes */10", "none"] {
    let answer = response(200, &[TAG, LENGTH, range(value)]);
    let verdict = judge(&stored, &answer);
    assert_eq!(verdict, Decision::Begin(Begin::Whole), "{value}");
  }
}

#[test]
fn the_same_version_with_another_length_may_be_its_rest() {
  let other_length = Decision::AskForTheWhole(Unusable::OtherLength);
  for before in [&[TAG][..], &[TAG, LENGTH]] {
    let stored = stored(before);
    for now in [&[TAG][..], &[TAG, ("Content-Length", "5")]] {
      let answer = response(200, now);
      assert_eq!(judge(&stored, &answer), other_length, "{before:?} {now:?}");
      // Asked for the whole, the server has to know.
      let verdict = judge_from(0, &stored, &answer);
      assert_eq!(verdict, Decision::Begin(Begin::Whole));
    }
  }
}

#[test]
fn no_content_takes_the_place_of_no_bytes() {
  for status in [204, 205] {
    for headers in [&[][..], &[TAG], &[OTHER]] {
      for range_start in [0, 5] {
        let answer = response(status, headers);
        let verdict = judge_from(range_start, &stored(&[TAG]), &answer);
        let none = Unusable::NoContent(status);
        assert_eq!(verdict, Decision::Interrupted(none), "{headers:?}");
      }
    }
    let nothing = BackgroundFetchResponse::default();
    let verdict = judge_from(0, &nothing, &response(status, &[]));
    assert_eq!(verdict, Decision::Begin(Begin::Whole));
  }
}

#[test]
fn a_page_without_the_validator_is_no_answer() {
  let stranger = Decision::Interrupted(Unusable::Stranger);
  for validator in [TAG, WEAK, ("Last-Modified", "whenever")] {
    let stored = stored(&[validator]);
    for (range_start, status) in [(5, 200), (0, 200), (5, 203)] {
      let page = response(status, &[("Content-Type", "text/html")]);
      let verdict = judge_from(range_start, &stored, &page);
      assert_eq!(verdict, stranger, "{validator:?}");
    }
  }
  // There is nothing to lose, or nothing to be told apart by.
  let page = response(200, &[]);
  let mut nothing = stored(&[TAG]);
  nothing.extents = Extents::default();
  let begin = Decision::Begin(Begin::Whole);
  assert_eq!(judge_from(0, &nothing, &page), begin);
  assert_eq!(judge_from(0, &stored(&[]), &page), begin);
}

#[test]
fn a_part_with_status_200_is_never_the_whole() {
  let part = response(200, &[TAG, range("bytes 5-9/10")]);
  let unusable = Unusable::PartAsWhole(200);
  let verdict = judge(&stored(&[TAG]), &part);
  assert_eq!(verdict, Decision::AskForTheWhole(unusable.clone()));
  let nothing = BackgroundFetchResponse::default();
  let failed =
    Decision::Fail(BackgroundFetchFailureReason::FetchError, unusable);
  assert_eq!(judge_from(0, &nothing, &part), failed);
}

#[test]
fn a_416_confirms_a_length_and_no_other() {
  let answer = |headers: &[_]| response(416, headers);
  let here = [range("bytes */5")];
  assert_eq!(judge(&stored(&[TAG]), &answer(&here)), Decision::Complete);
  let named = [range("bytes */5"), TAG];
  assert_eq!(judge(&stored(&[TAG]), &answer(&named)), Decision::Complete);
  let whole = Decision::AskForTheWhole(Unusable::Status(416));
  let other = [range("bytes */5"), OTHER];
  assert_eq!(judge(&stored(&[TAG]), &answer(&other)), whole);
  let longer = [range("bytes */9")];
  assert_eq!(judge(&stored(&[TAG]), &answer(&longer)), whole);
  // Ten bytes were promised.
  assert_eq!(judge(&stored(&[TAG, LENGTH]), &answer(&here)), whole);
  let mut elsewhere = answer(&here);
  elsewhere.url_list = vec![url("https://elsewhere.test/")];
  assert_eq!(judge(&stored(&[TAG]), &elsewhere), Decision::Complete);
  let dated = stored(&[
    ("Last-Modified", "Sun, 06 Sep 2026 10:00:00 GMT"),
    ("Date", "Sun, 06 Sep 2026 10:00:01 GMT"),
  ]);
  assert_eq!(judge(&dated, &elsewhere), whole);
}

#[test]
fn an_error_leaves_what_is_stored() {
  let bad_status = BackgroundFetchFailureReason::BadStatus;
  for status in [0, 304, 403, 404, 503] {
    let verdict = judge(&stored(&[TAG]), &response(status, &[]));
    let unusable = Unusable::Status(status);
    assert_eq!(verdict, Decision::Fail(bad_status, unusable));
  }
  // Without anything stored the error is the answer.
  let nothing = BackgroundFetchResponse::default();
  for status in [404, 412, 416] {
    let verdict = judge_from(0, &nothing, &response(status, &[]));
    assert_eq!(verdict, Decision::Begin(Begin::Whole));
  }
}

#[test]
fn a_first_part_may_be_begun_with() {
  let nothing = BackgroundFetchResponse::default();
  let judge = |headers: &[_], decoded| {
    let mut answer = response(206, headers);
    answer.decoded = decoded;
    judge_from(0, &nothing, &answer)
  };
  let begun = judge(&[range("bytes 0-4/10")], false);
  assert!(matches!(begun, Decision::Begin(Begin::Part(_))));
  let coded = judge(&[range("bytes 0-9/10")], true);
  assert_eq!(coded, Decision::Begin(Begin::Whole));
  for (headers, decoded) in [
    (vec![range("bytes 1-4/10")], false),
    (vec![], false),
    (vec![range("bytes 0-4/10")], true),
  ] {
    let verdict = judge(&headers, decoded);
    let error = BackgroundFetchFailureReason::FetchError;
    assert!(matches!(verdict, Decision::Fail(reason, _) if reason == error));
  }
}

fn any_answer() -> impl Strategy<Value = (Response, Option<&'static str>)> {
  let tags = vec![None, Some("\"a\""), Some("\"b\""), Some("W/\"a\"")];
  let dates = vec![
    None,
    Some("Sun, 06 Sep 2026 10:00:00 GMT"),
    Some("Sun, 06 Sep 2026 10:00:01 GMT"),
  ];
  let ranges = vec![
    None,
    Some("bytes 5-9/10"),
    Some("bytes 0-9/10"),
    Some("bytes 0-4/10"),
    Some("bytes 5-10/11"),
    Some("bytes 5-9/*"),
    Some("bytes */5"),
  ];
  let select =
    |values: Vec<Option<&'static str>>| proptest::sample::select(values);
  let status =
    proptest::sample::select(vec![200, 204, 206, 206, 206, 404, 412, 416]);
  let lengths = select(vec![None, Some("5"), Some("10")]);
  (
    status,
    select(tags),
    select(dates),
    select(ranges),
    lengths,
    any::<[bool; 2]>(),
  )
    .prop_map(
      |(status, tag, modified, range, length, [elsewhere, decoded])| {
        let mut answer =
          response(status, &[("Date", "Sun, 06 Sep 2026 10:00:01 GMT")]);
        for (name, value) in [
          ("etag", tag),
          ("last-modified", modified),
          ("content-range", range),
          ("content-length", length),
        ] {
          if let Some(value) = value {
            answer.headers.append(name, value);
          }
        }
        if elsewhere {
          answer.url_list = vec![url("https://elsewhere.test/")];
        }
        answer.decoded = decoded;
        (answer, tag)
      },
    )
}

proptest! {
  #![proptest_config(proptest_config())]

  /// Said again in other words than the decision is made in.
  #[test]
  fn bytes_are_joined_only_where_it_is_proven(
    (before, tag) in any_answer(), (answer, other) in any_answer()
  ) {
    let stored = BackgroundFetchResponse {
      response: Some(before.clone()),
      extents: Extents::prefix_of(5),
      result: None,
    };
    let verdict = judge(&stored, &answer);
    if let Decision::Continue(range) = verdict {
      prop_assert_eq!(range.first_byte_pos, 5);
      prop_assert!(!before.decoded && !answer.decoded);
      let modified = |of: &Response| of.headers.get("last-modified");
      let same_tag = tag.is_some_and(|tag| tag.starts_with('"')) && tag == other;
      let same_date = tag.is_none()
        && modified(&before).is_some_and(|date| date.contains(":00 "))
        && modified(&before) == modified(&answer)
        && before.url_list == answer.url_list;
      prop_assert!(same_tag || same_date);
      if let (Some(a), Some(b)) = (before.complete_length(), range.complete_length)
      {
        prop_assert_eq!(a, b);
      }
    }
    if verdict == Decision::Complete {
      prop_assert_eq!(answer.status, 416);
    }
  }

  /// No answer that is not good for anything costs a stored byte.
  #[test]
  fn only_a_good_answer_takes_the_place_of_bytes(
    (before, _) in any_answer(),
    (answer, _) in any_answer(),
    range_start in proptest::sample::select(vec![0, 5]),
  ) {
    let stored = BackgroundFetchResponse {
      response: Some(before.clone()),
      extents: Extents::prefix_of(5),
      result: None,
    };
    let begins =
      matches!(judge_from(range_start, &stored, &answer), Decision::Begin(_));
    if begins && before.is_ok() {
      prop_assert!(answer.is_ok());
      let has = |of: &Response, name| of.headers.contains(name);
      let validators = |of: &Response| has(of, "etag") || has(of, "last-modified");
      prop_assert!(!validators(&before) || validators(&answer));
    }
  }
}
