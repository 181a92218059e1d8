//! [Handle content codings](https://fetch.spec.whatwg.org/#handle-content-codings).
//!
//! Memory is bounded whatever comes: by the number of codings, and by the
//! window of each.

use std::io;
use std::io::Cursor;
use std::io::ErrorKind;

use async_compression::tokio::bufread::BrotliDecoder;
use async_compression::tokio::bufread::DeflateDecoder;
use async_compression::tokio::bufread::GzipDecoder;
use async_compression::tokio::bufread::ZlibDecoder;
use async_compression::tokio::bufread::ZstdDecoder;
use async_compression::zstd::DParameter;
use bytes::Bytes;
use bytes::BytesMut;
use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream;
use futures::stream::BoxStream;
use tokio::io::AsyncBufRead;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::Chain;
use tokio_util::io::StreamReader;

use super::NetworkError;
use crate::spec::HeaderList;

/// What is asked for when any coding will do.
pub(super) const ACCEPT_ENCODING: &str = "gzip, deflate, br, zstd";

type Body = BoxStream<'static, Result<Bytes, NetworkError>>;
type Reader = Box<dyn AsyncBufRead + Send + Unpin>;
/// The encoded bytes, of which the first have been looked at.
type Peeked = Chain<Cursor<Vec<u8>>, Reader>;

/// A coding that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
  Gzip,
  Deflate,
  Brotli,
  Zstd,
}

impl Coding {
  fn named(name: &str) -> Option<Self> {
    Some(match name {
      "gzip" | "x-gzip" => Self::Gzip,
      "deflate" => Self::Deflate,
      "br" => Self::Brotli,
      "zstd" => Self::Zstd,
      _ => return None,
    })
  }

  /// The ends of the names of files that are in this coding.
  fn suffixes(self) -> &'static [&'static str] {
    match self {
      Self::Gzip => &[".gz", ".tgz", ".svgz"],
      Self::Deflate => &[],
      Self::Brotli => &[".br"],
      Self::Zstd => &[".zst", ".tzst"],
    }
  }

  /// The types of such files.
  fn types(self) -> &'static [&'static str] {
    match self {
      Self::Gzip => &["application/gzip", "application/x-gzip"],
      Self::Deflate | Self::Brotli => &[],
      Self::Zstd => &["application/zstd"],
    }
  }
}

/// The codings of a response, in the order in which they were applied; empty
/// when there is nothing to decode, or when one of them is unknown: the body
/// is then left as it is. The error is a human-readable message.
pub(super) fn content_codings(
  headers: &HeaderList,
) -> Result<Vec<Coding>, String> {
  let value = headers.get("content-encoding").unwrap_or_default();
  let names = || {
    value
      .split(',')
      .map(|name| name.trim().to_ascii_lowercase())
      .filter(|name| !name.is_empty() && name != "identity")
  };
  if names().take(MAX_CODINGS + 1).count() > MAX_CODINGS {
    return Err(format!("it has more than {MAX_CODINGS} content codings"));
  }
  let codings: Option<Vec<Coding>> =
    names().map(|name| Coding::named(&name)).collect();
  Ok(codings.unwrap_or_default())
}

/// Whether the coding of a response is that of the file at `path`, and not one
/// that was made for the way.
pub(super) fn is_of_the_file(path: &str, headers: &HeaderList) -> bool {
  let codings = content_codings(headers).unwrap_or_default();
  let [coding] = codings[..] else {
    return false;
  };
  let path = path.to_ascii_lowercase();
  let content_type = headers.get("content-type").unwrap_or_default();
  let essence = content_type.split(';').next().unwrap_or_default();
  let essence = essence.trim().to_ascii_lowercase();
  coding.suffixes().iter().any(|end| path.ends_with(end))
    || coding.types().contains(&essence.as_str())
}

/// The decoded body. `whole` says whether the transport tells a whole body
/// from a truncated one: a coding that ends early is then the server's fault,
/// and otherwise the connection's.
pub(super) fn decode(
  body: Body,
  codings: Vec<Coding>,
  authority: String,
  whole: bool,
) -> Body {
  let encoded = StreamReader::new(body.map_err(io::Error::other));
  let decoded = async move {
    let mut encoded: Reader = Box::new(encoded);
    // No byte at all is an empty body in every coding.
    if encoded.fill_buf().await?.is_empty() {
      return io::Result::Ok(stream::empty().boxed());
    }
    let mut codings = codings.into_iter();
    let Some(first) = codings.next() else {
      return Err(ErrorKind::InvalidInput.into());
    };
    for coding in codings.rev() {
      encoded = Box::new(StreamReader::new(decoded(coding, encoded)));
    }
    Ok(decoded(first, encoded))
  };
  stream::once(decoded)
    .try_flatten()
    .map_err(move |error: io::Error| to_network_error(error, &authority, whole))
    .boxed()
}

/// What comes out of one coding.
fn decoded(
  coding: Coding,
  encoded: Reader,
) -> BoxStream<'static, io::Result<Bytes>> {
  let state = (State::Begin(encoded), BytesMut::new());
  stream::try_unfold(state, move |(mut state, mut buffer)| async move {
    loop {
      state = match state {
        State::Begin(encoded) => {
          let decoder = Decoder::new(coding, encoded).await?;
          State::Decoding(Box::new(decoder))
        }
        State::Decoding(mut decoder) => {
          let bytes = decoder.read(&mut buffer).await?;
          if !bytes.is_empty() {
            return Ok(Some((bytes, (State::Decoding(decoder), buffer))));
          }
          State::End(decoder.into_rest())
        }
        State::End(rest) => match next_member(coding, rest).await? {
          Some(encoded) => State::Decoding(Box::new(encoded)),
          None => return Ok(None),
        },
      }
    }
  })
  .boxed()
}

enum State {
  Begin(Reader),
  Decoding(Box<Decoder>),
  /// The coding has ended; these bytes come after it.
  End(Reader),
}

enum Decoder {
  Gzip(GzipDecoder<Peeked>),
  Zlib(ZlibDecoder<Peeked>),
  Deflate(DeflateDecoder<Peeked>),
  Brotli(BrotliDecoder<Peeked>),
  Zstd(ZstdDecoder<Peeked>),
}

impl Decoder {
  async fn new(coding: Coding, mut encoded: Reader) -> io::Result<Self> {
    let start = peek(&mut encoded).await?;
    let begins_with_zlib = is_zlib_header(&start);
    if coding == Coding::Brotli && has_large_window(&start) {
      return Err(io::Error::new(
        ErrorKind::InvalidData,
        "its window is larger than Brotli allows (RFC 7932)",
      ));
    }
    let peeked = Cursor::new(start).chain(encoded);
    Ok(match coding {
      Coding::Gzip => Self::Gzip(GzipDecoder::new(peeked)),
      Coding::Deflate if begins_with_zlib => {
        Self::Zlib(ZlibDecoder::new(peeked))
      }
      // Not what the standard says, but what servers send and browsers read.
      Coding::Deflate => Self::Deflate(DeflateDecoder::new(peeked)),
      Coding::Brotli => Self::Brotli(BrotliDecoder::new(peeked)),
      Coding::Zstd => {
        let window = DParameter::window_log_max(MAX_ZSTD_WINDOW_LOG);
        let mut decoder = ZstdDecoder::with_params(peeked, &[window]);
        decoder.multiple_members(true);
        Self::Zstd(decoder)
      }
    })
  }

  /// The next bytes; none at the end. Many small pieces share the room of
  /// `buffer`, for they may all wait somewhere at once.
  async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<Bytes> {
    if buffer.capacity() == 0 {
      buffer.reserve(DECODED_CHUNK);
    }
    match self {
      Self::Gzip(decoder) => decoder.read_buf(buffer).await,
      Self::Zlib(decoder) => decoder.read_buf(buffer).await,
      Self::Deflate(decoder) => decoder.read_buf(buffer).await,
      Self::Brotli(decoder) => decoder.read_buf(buffer).await,
      Self::Zstd(decoder) => decoder.read_buf(buffer).await,
    }?;
    Ok(buffer.split().freeze())
  }

  /// What comes after the end of the coding. The few bytes that were looked at
  /// lie before it.
  fn into_rest(self) -> Reader {
    let peeked = match self {
      Self::Gzip(decoder) => decoder.into_inner(),
      Self::Zlib(decoder) => decoder.into_inner(),
      Self::Deflate(decoder) => decoder.into_inner(),
      Self::Brotli(decoder) => decoder.into_inner(),
      Self::Zstd(decoder) => decoder.into_inner(),
    };
    peeked.into_inner().1
  }
}

/// A further member of a gzip file, if that is what comes. Anything else after
/// the end is passed over, as browsers do; it is read all the same, since what
/// is missing from it is missing from the body.
async fn next_member(
  coding: Coding,
  mut rest: Reader,
) -> io::Result<Option<Decoder>> {
  let start = peek(&mut rest).await?;
  if coding == Coding::Gzip && start == GZIP_MAGIC {
    let peeked = Cursor::new(start).chain(rest);
    return Ok(Some(Decoder::Gzip(GzipDecoder::new(peeked))));
  }
  let mut passed_over = start.len();
  loop {
    let length = rest.fill_buf().await?.len();
    if length == 0 {
      return Ok(None);
    }
    rest.consume(length);
    passed_over = passed_over.saturating_add(length);
    if passed_over > MAX_AFTER_THE_END {
      return Err(io::Error::new(
        ErrorKind::InvalidData,
        format!("more than {MAX_AFTER_THE_END} bytes come after its end"),
      ));
    }
  }
}

/// The first two bytes, or as many as there are.
async fn peek(encoded: &mut Reader) -> io::Result<Vec<u8>> {
  let mut start = Vec::with_capacity(2);
  while start.len() < 2 {
    let Some(byte) = encoded.fill_buf().await?.first().copied() else {
      break;
    };
    start.push(byte);
    encoded.consume(1);
  }
  Ok(start)
}

/// [RFC 1950, section 2.2](https://www.rfc-editor.org/rfc/rfc1950#section-2.2).
/// No raw deflate stream that is sound begins so: it would be a stored block
/// with bits set where there is only padding.
fn is_zlib_header(start: &[u8]) -> bool {
  match start {
    [cmf, flg] => {
      cmf & 0x0f == 8 && u16::from_be_bytes([*cmf, *flg]).is_multiple_of(31)
    }
    _ => false,
  }
}

/// Whether the first bits say that a window follows that is larger than the
/// 16 MiB of [RFC 7932](https://www.rfc-editor.org/rfc/rfc7932#section-9.1),
/// which the decoder would make.
fn has_large_window(start: &[u8]) -> bool {
  start.first().is_some_and(|byte| byte & 0x7f == 0x11)
}

fn to_network_error(
  error: io::Error,
  authority: &str,
  whole: bool,
) -> NetworkError {
  let network = error
    .get_ref()
    .and_then(|e| e.downcast_ref::<NetworkError>());
  match network {
    Some(error) => error.clone(),
    None if error.kind() == ErrorKind::UnexpectedEof && !whole => {
      NetworkError::interrupted(format!(
        "the connection to {authority} broke in the middle of the body"
      ))
    }
    None => NetworkError::bad_answer(format!(
      "the body that {authority} sent cannot be decoded: {error}"
    )),
  }
}

/// As many as curl takes. No server sends more than one or two in earnest.
const MAX_CODINGS: usize = 5;
/// The binary logarithm of the largest window in bytes, 8 MiB:
/// [RFC 9659](https://www.rfc-editor.org/rfc/rfc9659#section-3).
const MAX_ZSTD_WINDOW_LOG: u32 = 23;
/// How much is passed over after the end of a coding, in bytes.
const MAX_AFTER_THE_END: usize = 1024 * 1024;
/// In bytes.
const DECODED_CHUNK: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

#[cfg(test)]
mod tests {
  use super::*;

  fn codings(value: &str) -> Vec<Coding> {
    let mut headers = HeaderList::new();
    headers.append("Content-Encoding", value);
    content_codings(&headers).unwrap()
  }

  #[test]
  fn codings_are_read_in_order() {
    assert_eq!(codings("GZIP, br"), [Coding::Gzip, Coding::Brotli]);
    assert_eq!(codings("identity"), []);
    assert_eq!(codings(""), []);
  }

  #[test]
  fn an_unknown_coding_leaves_the_body_alone() {
    assert_eq!(codings("gzip, aes128gcm"), []);
  }
}
