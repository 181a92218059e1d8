//! The table.

use super::broken::broken_connections;
use super::broken::silence;
use super::case::Asked;
use super::case::Asked::*;
use super::case::Case;
use super::case::*;
use support::Behaviour;
use support::Behaviour::*;
use support::Protocol;

pub fn cases(protocol: Protocol) -> Vec<Case> {
  let mut all = broken_connections();
  all.extend(silence());
  all.extend(other_answers());
  all.extend(redirects());
  all.extend(other_versions());
  all.extend(wrong_parts());
  all.extend(codings_and_lengths(protocol));
  all
}

fn other_answers() -> Vec<Case> {
  vec![
    case("503", [Status(503), Normal], BAD_STATUS, [Whole]),
    resumed("503 in between", Status(503), BAD_STATUS),
    case("204", [Status(204)], EMPTY, [Whole]),
    no_answer("204 in between", Status(204)),
    no_answer(
      "204 with the ETag",
      Behaviour::All(vec![Status(204), Header("ETag".into(), "\"1\"".into())]),
    ),
    case("304", [Status(304)], BAD_STATUS, [Whole]),
    resumed("304 in between", Status(304), BAD_STATUS),
    whole_after("416 in between", NotSatisfiable),
    case(
      "416 to the whole, too",
      [TruncateAfter(CUT), NotSatisfiable],
      BAD_STATUS,
      [Whole, From(CUT), Whole],
    ),
    whole_after("412 in between", Status(412)),
    // HTTP/2 ends the connection, and asks once more over one for this alone.
    case(
      "headers without end",
      [EndlessHeaders],
      ERROR,
      [Whole, WholeAgain],
    ),
  ]
}

fn redirects() -> Vec<Case> {
  let moved = |name, then: [&str; 2], outcome, asked: Vec<Asked>| {
    let to = |path: &str| Redirect(path.into(), 302);
    let script = [to("/r"), to(then[0]), to(then[1])];
    Case {
      path: "/moved",
      asked,
      ..case(name, script, outcome, [])
    }
  };
  vec![
    moved(
      "redirected elsewhere",
      ["/new", "/new"],
      NEW_VERSION,
      vec![Whole, From(CUT)],
    ),
    // Equal strong entity tags prove it from anywhere.
    moved(
      "redirected to another place of the same version",
      ["/copy", "/copy"],
      WHOLE,
      vec![Whole, From(CUT)],
    ),
    moved(
      "redirected to a login page",
      ["/login", "/login"],
      ERROR,
      vec![Whole, From(CUT), AnythingAgain],
    ),
    moved(
      "redirected to a login page once",
      ["/login", "/copy"],
      WHOLE,
      vec![Whole, From(CUT), From(CUT)],
    ),
    moved(
      "redirected to what has no validator",
      ["/bare-new", "/bare-new"],
      ERROR,
      vec![Whole, From(CUT), Whole, AnythingAgain],
    ),
  ]
}

fn other_versions() -> Vec<Case> {
  let etag = || ChangeEtag("\"2\"".into());
  let date = || ChangeLastModified("Wed, 16 Nov 1994 12:45:26 GMT".into());
  let new_version = || NewVersion {
    seed: NEW,
    etag: "\"2\"".into(),
  };
  let at = |path, case| Case { path, ..case };
  let begins_again = |name, path| {
    let script = [TruncateAfter(CUT), Normal];
    at(path, case(name, script, WHOLE, [Whole, Whole]))
  };
  vec![
    resumed("another ETag", new_version(), NEW_VERSION),
    whole_after(
      "another ETag on a part",
      Behaviour::All(vec![etag(), IgnoreIfRange]),
    ),
    Case {
      outcome: NEW_VERSION,
      ..whole_after(
        "a part of another version",
        Behaviour::All(vec![new_version(), IgnoreIfRange]),
      )
    },
    at("/dated", resumed("the same date", Normal, WHOLE)),
    at("/dated", resumed("another date", date(), WHOLE)),
    at(
      "/dated",
      whole_after(
        "another date on a part",
        Behaviour::All(vec![date(), IgnoreIfRange]),
      ),
    ),
    begins_again("a date of this second", "/just-now"),
    begins_again("a weak ETag", "/weak"),
    begins_again("no validator", "/bare"),
  ]
}

fn wrong_parts() -> Vec<Case> {
  let range = |value: &str| ContentRange(value.into());
  let header = |name: &str, value: &str| Header(name.into(), value.into());
  vec![
    resumed("ranges ignored", IgnoreRange, WHOLE),
    whole_after("wrong first byte", WrongFirstByte),
    whole_after("no Content-Range", NoContentRange),
    whole_after(
      "several parts in one",
      Behaviour::All(vec![
        NoContentRange,
        header("Content-Type", "multipart/byteranges; boundary=x"),
      ]),
    ),
    whole_after("overlap", range("bytes 79999-199999/200000")),
    whole_after("gap", range("bytes 80001-199999/200000")),
    whole_after("other unit", range("items 80000-199999/200000")),
    whole_after("backwards", range("bytes 80000-79999/200000")),
    whole_after("no such length", range("bytes 80000-199999/199999")),
    whole_after(
      "more promised than there is",
      range("bytes 80000-199999/200001"),
    ),
    whole_after(
      "a part with status 200",
      Behaviour::All(vec![
        IgnoreRange,
        header("Content-Range", "bytes 80000-199999/200000"),
      ]),
    ),
    whole_after(
      "a part with status 200 that only its length tells",
      Behaviour::All(vec![IgnoreRange, LyingContentLength(SIZE - CUT)]),
    ),
    whole_after(
      "what may be a part with status 200",
      Behaviour::All(vec![IgnoreRange, Chunked]),
    ),
    whole_after(
      "a part longer than its Content-Range",
      range("bytes 80000-99999/200000"),
    ),
    resumed(
      "chunks that are more than their Content-Range",
      Behaviour::All(vec![Chunked, range("bytes 80000-99999/200000")]),
      ERROR,
    ),
    resumed(
      "an equals sign for the blank",
      range("bytes=80000-199999/200000"),
      WHOLE,
    ),
    resumed(
      "a colon and a blank",
      range("Bytes: 80000-199999/200000"),
      WHOLE,
    ),
    resumed("no length any more", range("bytes 80000-199999/*"), WHOLE),
    case(
      "shorter pieces than asked for",
      [ShortPiece(60_000)],
      WHOLE,
      [Whole, From(60_000), From(120_000), From(180_000)],
    ),
  ]
}

fn codings_and_lengths(protocol: Protocol) -> Vec<Case> {
  let http2 = protocol == Protocol::Http2;
  let truncated = Outcome::Success {
    seed: OLD,
    length: CUT,
  };
  let too_long = "length too long";
  let too_short = "length too short";
  vec![
    // What is decoded cannot be continued: it starts again.
    case(
      "gzip, then not",
      [Behaviour::All(vec![Gzip, TruncateAfter(CUT)]), Normal],
      WHOLE,
      [Whole, Whole],
    ),
    // All bytes are there, and only the end is missing.
    case(
      "chunks without their end",
      [Behaviour::All(vec![Chunked, TruncateAfter(SIZE)]), Normal],
      WHOLE,
      [Whole, From(SIZE)],
    ),
    case(
      "trailers",
      [Trailer("x-sum".into(), "7".into())],
      WHOLE,
      [Whole],
    ),
    // HTTP/2 compares, and such an answer is none. HTTP/1.1 takes the missing
    // byte for one that got lost, and is told that there is none: so it asks
    // for the whole.
    match http2 {
      true => case(
        too_long,
        [LyingContentLength(SIZE + 1), Normal],
        WHOLE,
        [Whole, FromAtMost(SIZE - 1), Whole],
      ),
      false => case(
        too_long,
        [LyingContentLength(SIZE + 1), Normal],
        WHOLE,
        [Whole, From(SIZE), Whole],
      ),
    },
    // HTTP/2 notices, again and again. Over HTTP/1.1 it cannot be seen:
    // integrity metadata would.
    match http2 {
      true => case(
        too_short,
        [LyingContentLength(CUT)],
        ERROR,
        [Whole, AnythingAgain],
      ),
      false => case(too_short, [LyingContentLength(CUT)], truncated, [Whole]),
    },
  ]
}
