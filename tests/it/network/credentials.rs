//! Cookies.

use std::sync::Arc;

use background_fetch::network::MemoryCookieStore;
use background_fetch::network::Network;
use background_fetch::network::NetworkConfig;
use background_fetch::spec::CredentialsMode;

use crate::network::harness::*;
use crate::network::server::*;
use support::FaultServer;
use support::Resource;

#[tokio::test]
async fn cookies_go_back_with_credentials_only() {
  let server = Server::start(answer(
    "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n",
  ))
  .await;
  let config = NetworkConfig {
    cookies: Some(Arc::new(MemoryCookieStore::new())),
    ..config()
  };
  let network = Network::new(config).unwrap();
  for credentials in [
    CredentialsMode::SameOrigin,
    CredentialsMode::SameOrigin,
    CredentialsMode::Omit,
  ] {
    let mut params = params(page_at(&server.url("/")), &server.url("/"));
    params.request.credentials = credentials;
    let response = network.fetch(params).await.unwrap();
    assert!(!response.response.headers.contains("set-cookie"));
  }
  let sent = |n| server.request(n).contains("cookie: a=1");
  assert_eq!([sent(0), sent(1), sent(2)], [false, true, false]);
}

#[tokio::test]
async fn across_sites_only_the_cookie_that_says_so_is_kept_and_sent() {
  let server = FaultServer::start_tls().await;
  let cross = "https://other.test";
  let resource = Resource::text("")
    .header("Set-Cookie", "lax=1; Secure")
    .header("Set-Cookie", "none=1; Secure; SameSite=None")
    .header("Access-Control-Allow-Origin", cross)
    .header("Access-Control-Allow-Credentials", "true");
  server.serve("/r", resource);
  let config = NetworkConfig {
    root_certificates: vec![server.root_certificate_pem().into()],
    system_roots: false,
    cookies: Some(Arc::new(MemoryCookieStore::new())),
    ..config_with_names()
  };
  let network = Network::new(config).unwrap();
  let url = format!("https://secure.test:{}/r", server.address().port());
  let fetch = async |credentials| {
    let mut params = params(page_at(cross), &url);
    params.request.credentials = credentials;
    network.fetch(params).await.unwrap();
    let request = server.requests().pop().unwrap();
    request.header("cookie").map(str::to_string)
  };
  assert_eq!(fetch(CredentialsMode::Include).await, None);
  let sent = fetch(CredentialsMode::Include).await;
  assert_eq!(sent.as_deref(), Some("none=1"));
  // To another origin, nothing else sends them.
  assert_eq!(fetch(CredentialsMode::SameOrigin).await, None);
  assert_eq!(fetch(CredentialsMode::Omit).await, None);
}

#[tokio::test]
async fn a_foreign_redirect_takes_the_strict_cookies_away() {
  let home = Server::start(answer(
    "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nAccess-Control-Allow-Origin: null\r\nAccess-Control-Allow-Credentials: true\r\nContent-Length: 0\r\n\r\n",
  ))
  .await;
  let page = home.url("/page");
  let origin = page.strip_suffix("/page").unwrap().to_string();
  let target = home.url("/end");
  let away = Server::start(raw(format!(
    "HTTP/1.1 302 X\r\nLocation: {target}\r\nAccess-Control-Allow-Origin: {origin}\r\nAccess-Control-Allow-Credentials: true\r\nContent-Length: 0\r\n\r\n"
  )))
  .await;
  let foreign = away.url("/").replace("127.0.0.1", "localhost");
  let config = NetworkConfig {
    cookies: Some(Arc::new(MemoryCookieStore::new())),
    ..config()
  };
  let network = Network::new(config).unwrap();
  let fetch = async |url: &str| {
    let mut params = params(page_at(&page), url);
    params.request.credentials = CredentialsMode::Include;
    network.fetch(params).await.unwrap();
    header(&home.last_request(), "cookie")
  };
  assert_eq!(fetch(&home.url("/")).await, None);
  assert_eq!(fetch(&home.url("/")).await.as_deref(), Some("a=1"));
  assert_eq!(fetch(&foreign).await, None);
}
