//! The table.

use super::broken::broken_connections;
use super::broken::silence;
use super::case::Asked::*;
use super::case::Case;
use super::case::*;
use crate::support::Behaviour;
use crate::support::Behaviour::*;
use crate::support::Protocol;

pub fn cases(protocol: Protocol) -> Vec<Case> {
  let mut all = broken_connections();
  all.extend(silence());
  all.extend(other_answers());
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
    resumed("204 in between", Status(204), EMPTY),
    case("304", [Status(304)], BAD_STATUS, [Whole]),
    resumed("304 in between", Status(304), BAD_STATUS),
    resumed("416", NotSatisfiable, BAD_STATUS),
    // HTTP/2 ends the connection, and asks once more over one for this alone.
    case(
      "headers without end",
      [EndlessHeaders],
      ERROR,
      [Whole, WholeAgain],
    ),
    Case {
      path: "/moved",
      ..case(
        "redirected elsewhere",
        [Redirect("/r".into(), 302), Redirect("/new".into(), 302)],
        NEW_VERSION,
        [Whole, From(CUT)],
      )
    },
  ]
}

fn other_versions() -> Vec<Case> {
  let etag = || ChangeEtag("\"2\"".into());
  let date = || ChangeLastModified("Wed, 16 Nov 1994 12:45:26 GMT".into());
  let new_version = NewVersion {
    seed: NEW,
    etag: "\"2\"".into(),
  };
  vec![
    resumed("another ETag", new_version, NEW_VERSION),
    resumed(
      "another ETag on a part",
      Behaviour::All(vec![etag(), IgnoreIfRange]),
      ERROR,
    ),
    Case {
      path: "/dated",
      ..resumed("another date", date(), WHOLE)
    },
    Case {
      path: "/dated",
      ..resumed(
        "another date on a part",
        Behaviour::All(vec![date(), IgnoreIfRange]),
        ERROR,
      )
    },
  ]
}

fn wrong_parts() -> Vec<Case> {
  let range = |value: &str| ContentRange(value.into());
  vec![
    resumed("ranges ignored", IgnoreRange, WHOLE),
    resumed("wrong first byte", WrongFirstByte, ERROR),
    resumed("no Content-Range", NoContentRange, ERROR),
    resumed("overlap", range("bytes 79999-199999/200000"), ERROR),
    resumed("gap", range("bytes 80001-199999/200000"), ERROR),
    resumed("other unit", range("items 80000-199999/200000"), ERROR),
    resumed("backwards", range("bytes 80000-79999/200000"), ERROR),
    resumed("no such length", range("bytes 80000-199999/199999"), ERROR),
    case(
      "more promised than there is",
      [TruncateAfter(CUT), range("bytes 80000-199999/200001")],
      BAD_STATUS,
      [Whole, From(CUT), From(SIZE)],
    ),
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
    case(
      "trailers",
      [Trailer("x-sum".into(), "7".into())],
      WHOLE,
      [Whole],
    ),
    // The missing byte is taken for one that got lost, and then there is none.
    // HTTP/2 does not hand on what it has in hand when it notices.
    match http2 {
      true => case(
        too_long,
        [LyingContentLength(SIZE + 1), Normal],
        WHOLE,
        [Whole, FromAtMost(SIZE - 1)],
      ),
      false => case(
        too_long,
        [LyingContentLength(SIZE + 1), Normal],
        BAD_STATUS,
        [Whole, From(SIZE)],
      ),
    },
    // HTTP/2 notices, again and again. Over HTTP/1.1 nobody can see it:
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
