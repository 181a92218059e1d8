//! What a server may do to one request.

use std::time::Duration;

use h2::Reason;

/// How one request is answered. Byte counts are of the answer's body. All of
/// it can be said in HTTP/1.1 and in HTTP/2, unless a line says otherwise.
#[derive(Clone, Debug)]
pub enum Behaviour {
  /// As a good server does: ranges, `If-Range` and `HEAD` included.
  Normal,
  /// Several at once, for example a new `ETag` and a reset.
  All(Vec<Behaviour>),

  // The connection.
  /// Closes without an answer.
  Refuse,
  /// Resets the connection (RST) once the client's kernel has this many bytes.
  ResetAfter(u64),
  /// Closes in an orderly way after this many bytes, too early or not.
  TruncateAfter(u64),
  /// Ends its own direction after half of the body, and keeps listening.
  HalfClose,
  /// Says nothing more on this connection after this many bytes, hears
  /// nothing, and does not close it: as if its cable were cut.
  FreezeAfter(u64),
  /// Ends the stream with this code after this many bytes, and nothing else
  /// of the connection. In HTTP/1.1, which has none, as `ResetAfter`.
  ResetStreamAfter(u64, Reason),
  /// Ends the connection with this code after this many bytes. In HTTP/1.1,
  /// which cannot say so, as `TruncateAfter`.
  GoAwayAfter(u64, Reason),
  /// Says with this code, in place of an answer, that the request was not
  /// looked at. In HTTP/1.1, which cannot say so, as `Refuse`.
  RefuseStream(Reason),
  /// Tells the client that this connection takes no further requests, and
  /// answers this one and those that have come already.
  LastOfConnection,
  /// Resets the connection (in HTTP/2 the stream) after this many bytes of
  /// the request's body.
  ResetUploadAfter(u64),

  // Time.
  /// Answers only once released.
  Hold,
  /// Pauses after this many bytes until released.
  StallAfter(u64),
  /// Stops reading the request's body after this many bytes until released.
  StallUploadAfter(u64),
  Throttle {
    bytes_per_second: u64,
  },
  /// One byte, then this long nothing, and so on.
  OneBytePer(Duration),

  // Status and headers.
  /// A short text with this status.
  Status(u16),
  Redirect(String, u16),
  /// This header in place of the resource's own.
  Header(String, String),
  /// From this request on the resource has this `ETag`.
  ChangeEtag(String),
  /// From this request on the resource has this `Last-Modified`.
  ChangeLastModified(String),
  /// From this request on the resource is another version: generated again
  /// from this seed at the same size, with this `ETag`.
  NewVersion {
    seed: u64,
    etag: String,
  },
  /// Header lines without end; in HTTP/2 more than any client takes.
  EndlessHeaders,
  /// These bytes in place of an answer, and an orderly close. Only HTTP/1.1.
  RawResponse(Vec<u8>),

  // Ranges.
  /// The whole with 200, whatever range was asked for.
  IgnoreRange,
  /// A piece of the current version, though `If-Range` names another.
  IgnoreIfRange,
  /// A piece that honestly begins one byte beside the one asked for.
  WrongFirstByte,
  /// 206 without `Content-Range`.
  NoContentRange,
  /// 206 with exactly this `Content-Range`, and the bytes that were asked for.
  ContentRange(String),
  /// 206 with at most this many bytes, to a request without a range as well.
  ShortPiece(u64),
  /// 416.
  NotSatisfiable,

  // How the body is framed and coded.
  /// This `Content-Length`, whatever the body's length is; then a close.
  LyingContentLength(u64),
  /// `Transfer-Encoding: chunked`, so no length is known before the end.
  Chunked,
  /// The same with a header behind the body.
  Trailer(String, String),
  /// No length and no chunks: the body ends where the connection does.
  UntilClose,
  /// The whole, gzip-coded, whether the client accepts that or not.
  Gzip,
}
