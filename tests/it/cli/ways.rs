//! TLS and proxies, as the options say.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::thread;

use crate::cli::place::Place;
use support::FaultServer;
use support::Resource;

#[test]
fn a_certificate_is_trusted_when_the_user_says_so() {
  let place = Place::new();
  let server = FaultServer::start_tls_blocking();
  let url = server.serve("/x", Resource::text("x"));
  let ended = place.bgfetch("get", &["--retries", "0", &url]).code(1);
  ended.says("--cacert");
  let pem = place.write("ca.pem", server.root_certificate_pem());
  place.bgfetch("get", &["--cacert", &pem, &url]).code(0);
  place
    .bgfetch("get", &["--insecure", "--force", &url])
    .code(0);
  let none = place.write("none.pem", "nothing");
  let ended = place.bgfetch("get", &["--cacert", &none, &url]).code(2);
  ended.says("there is nothing in PEM in it");
}

#[test]
fn a_client_certificate_needs_its_key() {
  let place = Place::new();
  let server = FaultServer::start_tls_blocking();
  let url = server.serve("/x", Resource::text("x"));
  let pem = place.write("cert.pem", server.root_certificate_pem());
  let ended = place.bgfetch("get", &["--cert", &pem, &url]).code(2);
  ended.says("private key");
}

/// A proxy for one connection at a time; returns its address.
fn proxy(serve: fn(TcpStream)) -> String {
  let listener = TcpListener::bind("127.0.0.1:0").unwrap();
  let address = listener.local_addr().unwrap();
  thread::spawn(move || {
    for client in listener.incoming() {
      serve(client.unwrap());
    }
  });
  address.to_string()
}

#[test]
fn a_proxy_of_http_is_used() {
  let place = Place::new();
  let proxy = proxy(|mut client| {
    let mut head = [0; 4096];
    let length = client.read(&mut head).unwrap();
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    let body = head.lines().next().unwrap_or_default().to_string();
    let length = body.len();
    let _ = write!(
      client,
      "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\
       \r\n{body}"
    );
  });
  let url = "http://nowhere.test/x";
  place.bgfetch("get", &["--proxy", &proxy, url]).code(0);
  let saved = std::fs::read_to_string(place.path("x")).unwrap();
  assert_eq!(saved, format!("GET {url} HTTP/1.1"));
}

#[test]
fn a_proxy_of_socks_resolves_the_name() {
  let place = Place::new();
  let proxy = proxy(|mut client| {
    // RFC 1928: no authentication, then CONNECT with a name.
    let mut greeting = [0; 3];
    client.read_exact(&mut greeting).unwrap();
    client.write_all(&[5, 0]).unwrap();
    let mut head = [0; 5];
    client.read_exact(&mut head).unwrap();
    assert_eq!(head[3], 3);
    let mut rest = vec![0; usize::from(head[4]) + 2];
    client.read_exact(&mut rest).unwrap();
    assert!(rest.starts_with(b"nowhere.test"));
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
    let mut request = [0; 4096];
    let _ = client.read(&mut request).unwrap();
    let _ = client.write_all(
      b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    );
  });
  let proxy = format!("socks5h://{proxy}");
  let url = "http://nowhere.test/x";
  place.bgfetch("get", &["-x", &proxy, url]).code(0);
  assert_eq!(std::fs::read_to_string(place.path("x")).unwrap(), "x");
}
