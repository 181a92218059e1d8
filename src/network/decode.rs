//! [Handle content codings](https://fetch.spec.whatwg.org/#handle-content-codings).

use std::io;
use std::io::ErrorKind;

use async_compression::tokio::bufread::BrotliDecoder;
use async_compression::tokio::bufread::GzipDecoder;
use async_compression::tokio::bufread::ZlibDecoder;
use async_compression::tokio::bufread::ZstdDecoder;
use bytes::Bytes;
use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream;
use futures::stream::BoxStream;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncRead;
use tokio::io::BufReader;
use tokio_util::io::ReaderStream;
use tokio_util::io::StreamReader;

use super::NetworkError;
use crate::spec::HeaderList;

/// What is asked for when any coding will do.
pub(super) const ACCEPT_ENCODING: &str = "gzip, deflate, br, zstd";

type Body = BoxStream<'static, Result<Bytes, NetworkError>>;
type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// A coding that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
  Gzip,
  Deflate,
  Brotli,
  Zstd,
}

/// The codings of a response, in the order in which they were applied; empty
/// when there is nothing to decode, or when one of them is unknown: the body
/// is then left as it is.
pub(super) fn content_codings(headers: &HeaderList) -> Vec<Coding> {
  let value = headers.get("content-encoding").unwrap_or_default();
  let codings: Option<Vec<Coding>> = value
    .split(',')
    .map(|name| name.trim().to_ascii_lowercase())
    .filter(|name| !name.is_empty() && name != "identity")
    .map(|name| match name.as_str() {
      "gzip" | "x-gzip" => Some(Coding::Gzip),
      "deflate" => Some(Coding::Deflate),
      "br" => Some(Coding::Brotli),
      "zstd" => Some(Coding::Zstd),
      _ => None,
    })
    .collect();
  codings.unwrap_or_default()
}

/// The decoded body. `whole` says whether the transport tells a whole body
/// from a truncated one: a coding that ends early is then the server's fault,
/// and otherwise the connection's.
pub(super) fn decode(
  body: Body,
  codings: Vec<Coding>,
  place: String,
  whole: bool,
) -> Body {
  let decoded = async move {
    let mut encoded = StreamReader::new(body.map_err(io::Error::other));
    // No byte at all is an empty body in every coding.
    if encoded.fill_buf().await?.is_empty() {
      return io::Result::Ok(stream::empty().boxed());
    }
    let mut reader: Reader = Box::new(encoded);
    for coding in codings.into_iter().rev() {
      reader = decoder(coding, reader);
    }
    Ok(ReaderStream::with_capacity(reader, DECODED_CHUNK).boxed())
  };
  stream::once(decoded)
    .try_flatten()
    .map_err(move |error: io::Error| to_network_error(error, &place, whole))
    .boxed()
}

fn decoder(coding: Coding, reader: Reader) -> Reader {
  let reader = BufReader::with_capacity(ENCODED_CHUNK, reader);
  match coding {
    Coding::Gzip => {
      let mut decoder = GzipDecoder::new(reader);
      decoder.multiple_members(true);
      Box::new(decoder)
    }
    Coding::Deflate => Box::new(ZlibDecoder::new(reader)),
    Coding::Brotli => Box::new(BrotliDecoder::new(reader)),
    Coding::Zstd => {
      let mut decoder = ZstdDecoder::new(reader);
      decoder.multiple_members(true);
      Box::new(decoder)
    }
  }
}

fn to_network_error(
  error: io::Error,
  place: &str,
  whole: bool,
) -> NetworkError {
  let network = error
    .get_ref()
    .and_then(|e| e.downcast_ref::<NetworkError>());
  match network {
    Some(error) => error.clone(),
    None if error.kind() == ErrorKind::UnexpectedEof && !whole => {
      NetworkError::interrupted(format!(
        "the connection to {place} broke in the middle of the body"
      ))
    }
    None => NetworkError::bad_answer(format!(
      "the body that {place} sent cannot be decoded: {error}"
    )),
  }
}

/// In bytes.
const ENCODED_CHUNK: usize = 32 * 1024;
/// In bytes.
const DECODED_CHUNK: usize = 64 * 1024;

#[cfg(test)]
mod tests {
  use super::*;

  fn codings(value: &str) -> Vec<Coding> {
    let mut headers = HeaderList::new();
    headers.append("Content-Encoding", value);
    content_codings(&headers)
  }

  #[test]
  fn codings_are_read_in_order() {
    assert_eq!(codings("GZIP, br"), [Coding::Gzip, Coding::Brotli]);
    assert_eq!(codings("identity"), []);
    assert_eq!(content_codings(&HeaderList::new()), []);
  }

  #[test]
  fn an_unknown_coding_leaves_the_body_alone() {
    assert_eq!(codings("gzip, aes128gcm"), []);
  }
}
