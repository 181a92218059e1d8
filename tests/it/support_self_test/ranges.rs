//! Ranges, served well and badly.

use crate::support_self_test::client::*;
use support::Behaviour::*;

#[test]
fn ranges_are_served_as_if_range_allows() {
  let piece = |headers: &str| {
    let Reply {
      status, head, body, ..
    } = reply(Normal, headers);
    assert_eq!(body, expected(SIZE - body.len() as u64, SIZE));
    (
      status,
      head.contains("content-range: bytes 2999000-2999999/3000000"),
    )
  };
  assert_eq!(piece("Range: bytes=2999000-\r\n"), (206, true));
  assert_eq!(piece("Range: bytes=-1000\r\n"), (206, true));
  assert_eq!(piece("Range: bytes=2999000-9999999\r\n"), (206, true));
  let if_range = |tag| format!("Range: bytes=2999000-\r\nIf-Range: {tag}\r\n");
  assert_eq!(piece(&if_range("\"v1\"")), (206, true));
  assert_eq!(
    piece(&if_range("Tue, 15 Nov 1994 12:45:26 GMT")),
    (206, true)
  );
  assert_eq!(piece(&if_range("\"v0\"")), (200, false));
  assert_eq!(piece("Range: bytes=0-1,5-6\r\n"), (200, false));

  let reply = reply(Normal, "Range: bytes=3000000-\r\n");
  assert_eq!(reply.status, 416);
  assert!(reply.head.contains("content-range: bytes */3000000"));
}

#[test]
fn ranges_are_answered_wrongly_on_demand() {
  let check = |behaviour, status, content_range: &str, start, end| {
    let label = format!("{behaviour:?}");
    let reply = reply(behaviour, "Range: bytes=1000-\r\nIf-Range: \"v1\"\r\n");
    let (_, value) =
      reply.head.split_once("content-range: ").unwrap_or_default();
    let value = value.lines().next().unwrap_or_default();
    assert_eq!((reply.status, value), (status, content_range), "{label}");
    assert!(reply.body == expected(start, end), "{label}");
  };
  let honest = "bytes 1000-2999999/3000000";
  check(IgnoreRange, 200, "", 0, SIZE);
  check(WrongFirstByte, 206, "bytes 999-2999999/3000000", 999, SIZE);
  check(NoContentRange, 206, "", 1000, SIZE);
  check(ContentRange("bytes=7".into()), 206, "bytes=7", 1000, SIZE);
  check(ShortPiece(10), 206, "bytes 1000-1009/3000000", 1000, 1010);
  check(NotSatisfiable, 416, "bytes */3000000", 0, 0);
  check(ChangeEtag("\"v2\"".into()), 200, "", 0, SIZE);
  let stale = All(vec![ChangeEtag("\"v2\"".into()), IgnoreIfRange]);
  check(stale, 206, honest, 1000, SIZE);
}
