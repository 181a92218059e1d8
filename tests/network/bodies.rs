//! Codings and integrity.

use std::io::Cursor;
use std::sync::Arc;

use async_compression::tokio::bufread::BrotliEncoder;
use async_compression::tokio::bufread::ZlibEncoder;
use async_compression::tokio::bufread::ZstdEncoder;
use background_fetch::network::NetworkErrorKind;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;

use crate::harness::*;
use crate::server::*;

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
    let server = Server::start(coded(name, b"\xff is no code".into())).await;
    let params = params(program(), &server.url("/"));
    let response = network().fetch(params).await.unwrap();
    let error = text(response).await.unwrap_err();
    assert_eq!(error.kind, NetworkErrorKind::BadAnswer, "{name}: {error}");
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
