//! Connections that end, and those that fall silent.

use std::time::Duration;

use h2::Reason;

use super::case::Asked::*;
use super::case::Case;
use super::case::*;
use support::Behaviour;
use support::Behaviour::*;

/// Each continues where it was.
pub fn broken_connections() -> Vec<Case> {
  let cut = |name, behaviour, at| {
    case(name, [behaviour, Normal], WHOLE, [Whole, FromAtMost(at)])
  };
  let exactly = |name, behaviour, at| {
    case(name, [behaviour, Normal], WHOLE, [Whole, From(at)])
  };
  let stream = |name, reason| exactly(name, ResetStreamAfter(CUT, reason), CUT);
  vec![
    case("none", [Normal], WHOLE, [Whole]),
    case(
      "closed, no answer",
      [Refuse, Refuse, Normal],
      WHOLE,
      [Whole; 3],
    ),
    case("the connection's last", [LastOfConnection], WHOLE, [Whole]),
    case("closed forever", [Refuse], ERROR, [Whole, WholeAgain]),
    cut("reset in the head", ResetAfter(0), 0),
    cut("reset", ResetAfter(CUT), CUT),
    cut("reset at the last byte", ResetAfter(SIZE - 1), SIZE - 1),
    exactly("truncated", TruncateAfter(CUT), CUT),
    exactly("half-closed", HalfClose, SIZE / 2),
    exactly(
      "truncated chunks",
      Behaviour::All(vec![Chunked, TruncateAfter(CUT)]),
      CUT,
    ),
    case(
      "truncated again and again",
      [TruncateAfter(CUT)],
      WHOLE,
      [Whole, From(CUT), From(2 * CUT)],
    ),
    exactly("going away", GoAwayAfter(CUT, Reason::NO_ERROR), CUT),
    exactly("calm", GoAwayAfter(CUT, Reason::ENHANCE_YOUR_CALM), CUT),
    stream("stream ended without an error", Reason::NO_ERROR),
    stream("stream refused", Reason::REFUSED_STREAM),
    stream("stream cancelled", Reason::CANCEL),
    stream("stream broken", Reason::INTERNAL_ERROR),
    // Fewer bytes than were announced, and no error: this is not their end.
    stream("stream ended too early", Reason::NO_ERROR),
    case(
      "not taken",
      [RefuseStream(Reason::REFUSED_STREAM), Normal],
      WHOLE,
      [Whole, Whole],
    ),
    case(
      "stream refused in the head",
      [ResetStreamAfter(0, Reason::REFUSED_STREAM), Normal],
      WHOLE,
      [Whole, Whole],
    ),
  ]
}

/// Each continues where it was, too.
pub fn silence() -> Vec<Case> {
  let silent = |name, behaviour, at| Case {
    // The answers that are good have to come in time.
    idle_timeout: Some(Duration::from_secs(3)),
    ..case(name, [behaviour, Normal], WHOLE, [Whole, at])
  };
  let slow = Throttle {
    bytes_per_second: 1_000_000,
  };
  vec![
    silent("no answer", Hold, Whole),
    silent("stalled", StallAfter(CUT), From(CUT)),
    silent("frozen", FreezeAfter(CUT), From(CUT)),
    case("slow", [slow], WHOLE, [Whole]),
  ]
}
