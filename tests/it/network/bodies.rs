//! Codings and integrity.

use std::io::Cursor;
use std::sync::Arc;

use async_compression::tokio::bufread::BrotliEncoder;
use async_compression::tokio::bufread::ZlibEncoder;
use async_compression::tokio::bufread::ZstdEncoder;
use background_fetch::network::NetworkErrorKind;
use futures::StreamExt;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;

use crate::network::harness::*;
use crate::network::server::*;

fn gzip(data: &[u8]) -> Vec<u8> {
  use std::io::Write;
  let level = flate2::Compression::default();
  let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
  encoder.write_all(data).unwrap();
  encoder.finish().unwrap()
}

fn gzipped(encoded: Vec<u8>) -> Handler {
  Arc::new(move |_: &str| {
    let head = format!(
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
      encoded.len()
    );
    [head.as_bytes(), &encoded].concat()
  })
}

#[tokio::test]
async fn a_coding_is_taken_off() {
  let data = "hello world ".repeat(20_000);
  let server = Server::start(gzipped(gzip(data.as_bytes()))).await;
  let url = server.url("/");
  let response = network().fetch(params(program(), &url)).await.unwrap();
  assert!(response.response.decoded);
  assert_eq!(text(response).await.unwrap(), data);

  let mut broken = gzip(data.as_bytes());
  broken.truncate(broken.len() / 2);
  let server = Server::start(gzipped(broken)).await;
  let params = params(program(), &server.url("/"));
  let response = network().fetch(params).await.unwrap();
  let error = text(response).await.unwrap_err();
  assert_eq!(error.kind, NetworkErrorKind::BadAnswer, "{error}");
}

#[tokio::test]
async fn integrity_is_verified_at_the_end() {
  let server = Server::start(answer(OK)).await;
  let with = |integrity: &str| {
    let mut params = params(program(), &server.url("/"));
    params.request.integrity = integrity.into();
    params
  };
  // `printf hello | openssl dgst -sha256 -binary | base64`
  let good = "sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
  let response = network().fetch(with(good)).await.unwrap();
  assert_eq!(text(response).await.unwrap(), "hello");
  let response = network().fetch(with("sha256-AAAA")).await.unwrap();
  let error = text(response).await.unwrap_err();
  assert_eq!(error.kind, NetworkErrorKind::Refused);
}

async fn read_all(mut reader: impl AsyncRead + Unpin) -> Vec<u8> {
  let mut bytes = Vec::new();
  reader.read_to_end(&mut bytes).await.unwrap();
  bytes
}

fn coded(name: &str, encoded: Vec<u8>) -> Handler {
  let head = format!(
    "HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\nContent-Length: {}\r\n\r\n",
    encoded.len()
  );
  Arc::new(move |_: &str| [head.as_bytes(), &encoded].concat())
}

#[tokio::test]
async fn every_coding_that_is_asked_for_is_understood() {
  let data = "hello world ".repeat(20_000);
  let input = || Cursor::new(data.as_bytes().to_vec());
  let brotli = read_all(BrotliEncoder::new(input())).await;
  let twice = read_all(BrotliEncoder::new(Cursor::new(gzip(data.as_bytes()))));
  for (name, encoded) in [
    ("deflate", read_all(ZlibEncoder::new(input())).await),
    ("zstd", read_all(ZstdEncoder::new(input())).await),
    ("br", brotli),
    ("gzip, br", twice.await),
  ] {
    let server = Server::start(coded(name, encoded)).await;
    let params = params(program(), &server.url("/"));
    let response = network().fetch(params).await.unwrap();
    assert!(response.response.decoded, "{name}");
    assert_eq!(text(response).await.unwrap(), data, "{name}");
  }
}

#[tokio::test]
async fn an_unknown_coding_is_left_on() {
  let server = Server::start(coded("secret", b"as it is".into())).await;
  let params = params(program(), &server.url("/"));
  let response = network().fetch(params).await.unwrap();
  assert!(!response.response.decoded);
  assert_eq!(text(response).await.unwrap(), "as it is");
}

#[tokio::test]
async fn a_body_that_is_not_of_its_coding_is_a_bad_answer() {
  for name in ["gzip", "deflate", "br", "zstd"] {
    let server = Server::start(coded(name, b"\xff is not a code".into())).await;
    let params = params(program(), &server.url("/"));
    let response = network().fetch(params).await.unwrap();
    let error = text(response).await.unwrap_err();
    assert_eq!(error.kind, NetworkErrorKind::BadAnswer, "{name}: {error}");
  }
}

fn raw_deflate(data: &[u8]) -> Vec<u8> {
  use std::io::Write;
  let level = flate2::Compression::default();
  let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
  encoder.write_all(data).unwrap();
  encoder.finish().unwrap()
}

/// What browsers decode although the standards do not have it.
#[tokio::test]
async fn codings_are_read_as_browsers_read_them() {
  let data = "hello world ".repeat(20_000);
  let (first, second) = data.as_bytes().split_at(100_001);
  let whole = gzip(data.as_bytes());
  let many: Vec<u8> = [&gzip(b"")[..]; 3000].concat();
  for (name, encoded) in [
    ("deflate", raw_deflate(data.as_bytes())),
    ("x-gzip", whole.clone()),
    ("gzip", [&whole[..], b"\n \n\n\n"].concat()),
    ("gzip", [&whole[..], &[0; 100_000]].concat()),
    ("gzip", [&whole[..], b"\x1f"].concat()),
    ("gzip", [gzip(first), gzip(second)].concat()),
    ("gzip", [gzip(first), gzip(second), b"x".into()].concat()),
    ("gzip", [&many[..], &whole].concat()),
    ("gzip,gzip, gzip,identity,gzip,,gzip", {
      (0..5).fold(data.clone().into_bytes(), |bytes, _| gzip(&bytes))
    }),
  ] {
    let server = Server::start(coded(name, encoded)).await;
    let params = params(program(), &server.url("/"));
    let response = network().fetch(params).await.unwrap();
    assert_eq!(text(response).await.unwrap(), data, "{name}");
  }
}

/// As from a server that flushes after each byte.
#[tokio::test]
async fn a_body_of_the_smallest_pieces_takes_little_room() {
  use std::io::Write;
  let level = flate2::Compression::fast();
  let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
  for _ in 0..20_000 {
    encoder.write_all(b"x").unwrap();
    encoder.flush().unwrap();
  }
  let encoded = encoder.finish().unwrap();
  let server = Server::start(coded("gzip", encoded)).await;
  let params = params(program(), &server.url("/"));
  let mut response = network().fetch(params).await.unwrap();
  // All of them are kept, so each room that was made is still there.
  let mut pieces = Vec::new();
  while let Some(piece) = response.body.next().await {
    pieces.push(piece.unwrap());
  }
  let length: usize = pieces.iter().map(|piece| piece.len()).sum();
  assert_eq!(length, 20_000);
  let mut rooms: Vec<_> = pieces
    .iter()
    .map(|piece| piece.as_ptr() as usize / 65_536)
    .collect();
  rooms.dedup();
  assert!(rooms.len() <= 8, "{} rooms", rooms.len());
}

#[tokio::test]
async fn more_than_five_codings_are_not_decoded() {
  for (name, times) in [("gzip", 6), ("br", 8000), ("secret", 6)] {
    let names = vec![name; times].join(",");
    let server = Server::start(coded(&names, b"abcd".into())).await;
    let kind = kind_of(params(program(), &server.url("/"))).await;
    assert_eq!(kind, NetworkErrorKind::BadAnswer, "{name}");
  }
}

/// RFC 9659 for zstd, RFC 7932 for Brotli.
#[tokio::test]
async fn a_window_beyond_the_standards_is_refused() {
  use async_compression::zstd::CParameter;
  let data = "hello world ".repeat(20_000);
  let zstd = |log| {
    let level = async_compression::Level::Default;
    let input = Cursor::new(data.as_bytes().to_vec());
    let window = [CParameter::window_log(log)];
    ZstdEncoder::with_quality_and_params(input, level, &window)
  };
  // 0x11 announces a large window, of 30 bits here.
  let large_brotli = vec![0x11, 0x1e, 0, 0, 0, 0];
  for (name, encoded, good) in [
    ("zstd", read_all(zstd(23)).await, true),
    ("zstd", read_all(zstd(24)).await, false),
    ("br", large_brotli, false),
  ] {
    let server = Server::start(coded(name, encoded)).await;
    let params = params(program(), &server.url("/"));
    let response = network().fetch(params).await.unwrap();
    match text(response).await {
      Ok(text) => assert!(good && text == data, "{name}"),
      Err(error) => {
        assert!(!good, "{error}");
        assert_eq!(error.kind, NetworkErrorKind::BadAnswer, "{error}");
      }
    }
  }
}

#[tokio::test]
async fn no_end_of_bytes_is_passed_over() {
  let encoded = [&gzip(b"hello")[..], &vec![b' '; 2_000_000]].concat();
  let server = Server::start(coded("gzip", encoded)).await;
  let params = params(program(), &server.url("/"));
  let response = network().fetch(params).await.unwrap();
  let error = body_error(response).await;
  assert_eq!(error, Some(NetworkErrorKind::BadAnswer));
}

/// [Extract a length](https://fetch.spec.whatwg.org/#header-list-extract-a-length):
/// "if value is not candidateValue, return failure".
#[tokio::test]
async fn several_lengths_have_to_be_the_same_to_the_letter() {
  for (lines, is_one) in [
    ("Content-Length: 5\r\nContent-Length: 5", true),
    ("Content-Length: 05, 05", true),
    ("Content-Length: 5\r\nContent-Length: 05", false),
    ("Content-Length: 5, 05", false),
    ("Content-Length: 5\r\nContent-Length: 6", false),
  ] {
    let head = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\nhello");
    let server = Server::start(answer(head.leak())).await;
    let params = params(program(), &server.url("/"));
    match network().fetch(params).await {
      Ok(response) => {
        assert!(is_one, "{lines}");
        assert_eq!(text(response).await.unwrap(), "hello", "{lines}");
      }
      Err(error) => {
        assert!(!is_one, "{lines}: {error}");
        assert_eq!(error.kind, NetworkErrorKind::BadAnswer, "{lines}");
      }
    }
  }
}

/// What is missing behind the end of the coding is missing, too.
#[tokio::test]
async fn a_coded_body_that_is_short_is_interrupted() {
  let encoded = gzip(b"hello");
  let promised = encoded.len() + 10;
  let head = format!(
    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {promised}\r\n\r\n",
  );
  let answer = [head.as_bytes(), &encoded].concat();
  let server = Server::start(Arc::new(move |_: &str| answer.clone())).await;
  let params = params(program(), &server.url("/"));
  let response = network().fetch(params).await.unwrap();
  let error = body_error(response).await;
  assert_eq!(error, Some(NetworkErrorKind::Interrupted));
}

/// The coding of a file is a part of it for a program that saves it; a page
/// sees what Fetch says.
#[tokio::test]
async fn a_coded_file_stays_as_it_is_for_a_program() {
  let encoded = gzip(b"hello");
  let with_type = |content_type: &str| {
    let head = format!(
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: {content_type}\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: {}\r\n\r\n",
      encoded.len()
    );
    let answer = [head.as_bytes(), &encoded].concat();
    let handler: Handler = Arc::new(move |_: &str| answer.clone());
    handler
  };
  for (path, content_type, saved) in [
    ("/x.tar.gz", "application/x-tar", true),
    ("/x.TGZ?y", "text/plain", true),
    ("/x", "application/x-gzip", true),
    ("/x.json", "application/json", false),
    ("/x?y.gz", "text/plain", false),
  ] {
    let server = Server::start(with_type(content_type)).await;
    let params = |environment| params(environment, &server.url(path));
    let response = network().fetch(params(program())).await.unwrap();
    assert_eq!(response.response.decoded, !saved, "{path}");
    let response = network().fetch(params(page())).await.unwrap();
    assert!(response.response.decoded, "{path}");
  }
}

#[tokio::test]
async fn integrity_is_of_the_decoded_bytes() {
  let server = Server::start(coded("gzip", gzip(b"hello"))).await;
  let mut params = params(program(), &server.url("/"));
  params.request.integrity =
    "sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=".into();
  let response = network().fetch(params).await.unwrap();
  assert_eq!(text(response).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_post_without_a_body_says_that_it_is_empty() {
  let server = Server::start(answer("HTTP/1.1 204 No Content\r\n\r\n")).await;
  let methods = ["POST", "PUT", "GET", "DELETE"];
  for (index, method) in methods.into_iter().enumerate() {
    let mut params = params(program(), &server.url("/"));
    params.request.method = method.into();
    network().fetch(params).await.unwrap();
    let head = server.request(index).to_ascii_lowercase();
    let says = head.matches("content-length: 0\r\n").count();
    assert_eq!(says, usize::from(index < 2), "{head}");
  }
}

/// <https://fetch.spec.whatwg.org/#http-network-or-cache-fetch>, step 8: a
/// server must not have to wonder whether a body follows.
#[tokio::test]
async fn a_request_without_a_body_says_so_where_one_is_expected() {
  let server = Server::start(answer(OK)).await;
  for (method, length) in [
    ("POST", Some("0")),
    ("PUT", Some("0")),
    ("GET", None),
    ("HEAD", None),
    ("DELETE", None),
    ("PATCH", None),
  ] {
    for environment in [program(), page_at(&server.url("/page"))] {
      let mut params = params(environment, &server.url("/"));
      params.request.method = method.into();
      network().fetch(params).await.unwrap();
      let head = server.last_request();
      assert!(head.starts_with(method), "{head}");
      let said = header(&head, "content-length");
      assert_eq!(said.as_deref(), length, "{head}");
      let lengths = head.to_lowercase().matches("content-length:").count();
      assert_eq!(lengths, usize::from(length.is_some()), "{head}");
      assert_eq!(header(&head, "transfer-encoding"), None, "{head}");
    }
  }
  // An empty body is one.
  let empty = with_body(params(program(), &server.url("/")), &[]);
  network().fetch(empty).await.unwrap();
  let head = server.last_request();
  assert_eq!(header(&head, "content-length").as_deref(), Some("0"));
}
