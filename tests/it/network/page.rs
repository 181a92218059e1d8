//! What a page may reach, and what its requests say of it.

use background_fetch::network::ClientEnvironment;
use background_fetch::network::Network;
use background_fetch::network::NetworkConfig;
use background_fetch::network::NetworkErrorKind;
use background_fetch::spec::Destination;
use background_fetch::spec::RequestMode;
use background_fetch::spec::ResponseType;
use url::Url;

use crate::network::harness::*;
use crate::network::server::*;
use support::FaultServer;
use support::Resource;

#[tokio::test]
async fn a_page_may_read_its_own_origin() {
  let server = Server::start(answer(OK)).await;
  let mut params = params(page_at(&server.url("/dir/?q#f")), &server.url("/"));
  params.request.headers.append("Cookie", "forged");
  params.request.headers.append("X-Kept", "yes");
  let response = network().fetch(params).await.unwrap();
  assert_eq!(response.response.response_type, ResponseType::Basic);
  assert!(response.response.headers.contains("etag"));
  let request = server.request(0);
  let referer = format!("referer: {}\r\n", server.url("/dir/?q"));
  assert!(request.contains(&referer), "{request}");
  assert!(request.contains("x-kept: yes"), "{request}");
  assert!(!request.contains("origin:"), "{request}");
  assert!(!request.contains("forged"), "{request}");
}

#[tokio::test]
async fn what_a_page_may_not_reach_is_refused() {
  let secure = || page_at("https://page.test/");
  let blocked_by_csp = ClientEnvironment {
    csp: vec!["connect-src 'self'".into()],
    ..secure()
  };
  let mut same_origin = params(secure(), "https://other.test/");
  same_origin.request.mode = RequestMode::SameOrigin;
  for params in [
    params(secure(), "http://other.test/"),
    params(blocked_by_csp, "https://other.test/"),
    params(secure(), "https://other.test:25/"),
    params(secure(), "ftp://other.test/"),
    same_origin,
  ] {
    assert_eq!(kind_of(params).await, NetworkErrorKind::Refused);
  }
}

fn with_csp(url: &str, csp: &str) -> ClientEnvironment {
  ClientEnvironment {
    csp: vec![csp.into()],
    ..page_at(url)
  }
}

#[tokio::test]
async fn a_secure_page_may_reach_this_machine_and_no_other_over_http() {
  let server = Server::start(answer(CORS_OK)).await;
  let secure = || page_at("https://page.test/");
  let loopback = params(secure(), &server.url("/"));
  network().fetch(loopback).await.unwrap();
  let message = refused(params(secure(), "http://other.test/")).await;
  assert!(message.contains("not secure"), "{message}");
}

#[tokio::test]
async fn a_redirect_may_not_leave_what_the_policy_allows() {
  let elsewhere = Server::start(answer(CORS_OK)).await;
  let location = elsewhere.url("/");
  let server = Server::start(redirect_to(302, &location)).await;
  let url = server.url("/");
  let environment = |allowed: String| {
    with_csp("http://page.localhost/", &format!("connect-src {allowed}"))
  };
  let both = environment(format!("{url} {location}"));
  network().fetch(params(both, &url)).await.unwrap();
  let message = refused(params(environment(url.clone()), &url)).await;
  assert!(message.contains("connect-src"), "{message}");
  assert_eq!(elsewhere.request_lines().len(), 1);
}

#[tokio::test]
async fn a_redirect_may_not_leave_for_an_insecure_server() {
  let server = Server::start(redirect_to(302, "http://other.test/")).await;
  let params = params(page_at("https://page.test/"), &server.url("/"));
  let message = refused(params).await;
  assert!(message.contains("not secure"), "{message}");
}

#[tokio::test]
async fn insecure_requests_are_upgraded_when_the_policy_says_so() {
  let server = FaultServer::start_tls().await;
  server.serve("/r", Resource::text("hello"));
  let config = NetworkConfig {
    root_certificates: vec![server.root_certificate_pem().into()],
    system_roots: false,
    ..config_with_names()
  };
  let port = server.address().port();
  let url = format!("http://secure.test:{port}/r");
  let page = with_csp(
    &format!("https://secure.test:{port}/"),
    "upgrade-insecure-requests",
  );
  let response = Network::new(config)
    .unwrap()
    .fetch(params(page, &url))
    .await
    .unwrap();
  let upgraded = format!("https://secure.test:{port}/r");
  assert_eq!(response.response.url_list[0].as_str(), upgraded);
  assert_eq!(response.response.response_type, ResponseType::Basic);
}

async fn referer_of(
  page: ClientEnvironment,
  policy: &str,
  server: &Server,
) -> Option<String> {
  let mut params = params(page, &server.url("/"));
  params.request.referrer_policy = policy.into();
  network().fetch(params).await.unwrap();
  header(&server.last_request(), "referer")
}

#[tokio::test]
async fn the_referrer_is_what_its_policy_says() {
  let server = Server::start(answer(CORS_OK)).await;
  let full = "http://page.localhost/dir/?q";
  let origin = "http://page.localhost/";
  for (policy, expected) in [
    ("", Some(origin)),
    ("no-referrer", None),
    ("same-origin", None),
    ("origin", Some(origin)),
    ("unsafe-url", Some(full)),
  ] {
    let sent = referer_of(page(), policy, &server).await;
    assert_eq!(sent.as_deref(), expected, "{policy:?}");
  }
  // The page's own policy stands in for one that the request lacks.
  let shy = || ClientEnvironment {
    referrer_policy: "no-referrer".into(),
    ..page()
  };
  assert_eq!(referer_of(shy(), "", &server).await, None);
  let sent = referer_of(shy(), "unsafe-url", &server).await;
  assert_eq!(sent.as_deref(), Some(full));
}

/// What a script says of where it is from is believed for its own origin.
#[tokio::test]
async fn no_script_sends_another_origin_as_its_referrer() {
  let server = Server::start(answer(CORS_OK)).await;
  let own = "http://page.localhost/dir/?q";
  for (said, sent) in [
    ("https://bank.example/secret?account=1", Some(own)),
    ("http://page.localhost:8000/", Some(own)),
    ("data:text/plain,x", Some(own)),
    ("no URL", Some(own)),
    ("about:client", Some(own)),
    (
      "http://page.localhost/other?x#f",
      Some("http://page.localhost/other?x"),
    ),
    ("", None),
  ] {
    let mut params = params(page(), &server.url("/"));
    params.request.referrer = said.into();
    params.request.referrer_policy = "unsafe-url".into();
    network().fetch(params).await.unwrap();
    let referer = header(&server.last_request(), "referer");
    assert_eq!(referer.as_deref(), sent, "{said}");
  }
}

#[tokio::test]
async fn a_redirect_may_change_the_referrer_policy() {
  let last = Server::start(answer(CORS_OK)).await;
  let location = last.url("/");
  let first = Server::start(raw(format!(
    "HTTP/1.1 302 Found\r\nLocation: {location}\r\nReferrer-Policy: no-referrer\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n"
  )))
  .await;
  let sent = referer_of(page(), "unsafe-url", &first).await;
  assert!(sent.is_some());
  assert_eq!(header(&last.request(0), "referer"), None);
}

#[tokio::test]
async fn a_script_sets_no_header_that_is_the_browsers() {
  let server = Server::start(answer(OK)).await;
  let mut params = params(page_at(&server.url("/")), &server.url("/"));
  for name in [
    "Accept-Charset",
    "Connection",
    "Date",
    "DNT",
    "Proxy-Authorization",
    "Sec-Anything",
    "Transfer-Encoding",
    "Via",
  ] {
    params.request.headers.append(name, "forged");
  }
  params.request.headers.append("Host", "forged.test");
  params
    .request
    .headers
    .append("Origin", "http://forged.test");
  params
    .request
    .headers
    .append("Referer", "http://forged.test");
  network().fetch(params).await.unwrap();
  let request = server.request(0);
  assert!(!request.contains("forged"), "{request}");
}

#[tokio::test]
async fn a_program_may_set_all_headers_but_those_that_frame() {
  let server = Server::start(answer(OK)).await;
  let mut params = params(program(), &server.url("/"));
  let headers = &mut params.request.headers;
  headers.append("Cookie", "a=1");
  headers.append("Referer", "http://kept.test/");
  headers.append("Transfer-Encoding", "chunked");
  headers.append("Content-Length", "5");
  network().fetch(params).await.unwrap();
  let request = server.request(0);
  assert_eq!(header(&request, "cookie").as_deref(), Some("a=1"));
  let referer = header(&request, "referer");
  assert_eq!(referer.as_deref(), Some("http://kept.test/"));
  assert_eq!(header(&request, "transfer-encoding"), None);
  assert_eq!(header(&request, "content-length"), None);
}

#[tokio::test]
async fn the_headers_say_from_where_the_request_comes() {
  let server = Server::start(answer(CORS_OK)).await;
  let own = page_at(&server.url("/page"));
  for (page, site) in [(own, "same-origin"), (page(), "cross-site")] {
    let params = params(page, &server.url("/"));
    network().fetch(params).await.unwrap();
    let request = server.last_request();
    let sent = |name| header(&request, name).unwrap();
    assert_eq!(sent("sec-fetch-site"), site);
    assert_eq!(sent("sec-fetch-mode"), "cors");
    assert_eq!(sent("sec-fetch-dest"), "empty");
  }
}

#[tokio::test]
async fn a_scripts_destination_is_said() {
  let server = Server::start(answer(CORS_OK)).await;
  for (destination, said) in [
    (Destination::Empty, "empty"),
    (Destination::Script, "script"),
    (Destination::ServiceWorker, "serviceworker"),
  ] {
    let mut params = params(page(), &server.url("/"));
    params.destination = destination;
    network().fetch(params).await.unwrap();
    let sent = header(&server.last_request(), "sec-fetch-dest");
    assert_eq!(sent.as_deref(), Some(said));
  }
}

#[tokio::test]
async fn the_policy_is_asked_at_the_door() {
  let environment = with_csp("https://page.test/", "connect-src 'self'");
  let may = |url| environment.may_register(&Url::parse(url).unwrap());
  assert!(may("https://page.test/x").is_ok());
  let message = may("https://other.test/").unwrap_err();
  assert!(message.contains("connect-src"), "{message}");
}
