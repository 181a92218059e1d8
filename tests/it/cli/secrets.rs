//! Credentials: where they go, and that they are nowhere else.

use std::fs;
use std::path::Path;

use crate::cli::place::Place;
use support::FaultServer;
use support::Resource;

/// What stands for a password in these tests.
const SECRET: &str = "cGFzc3dvcmQ";

/// Nothing of the secret is in any file below `directory`.
fn assert_not_in(directory: &Path, secret: &str) {
  for entry in fs::read_dir(directory).unwrap() {
    let path = entry.unwrap().path();
    if path.is_dir() {
      assert_not_in(&path, secret);
      continue;
    }
    let bytes = fs::read(&path).unwrap_or_default();
    let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
    assert!(!found, "{}", path.display());
  }
}

fn header(server: &FaultServer, path: &str, name: &str) -> Option<String> {
  let requests = server.requests_for(path);
  requests[0].header(name).map(str::to_string)
}

/// `Basic` for `user` and [`SECRET`].
const BASIC: &str = "Basic dXNlcjpjR0Z6YzNkdmNtUQ==";

#[test]
fn credentials_in_a_url_are_used_and_never_stored() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/x", Resource::text("x"));
  let with = url.replace("://", &format!("://user:{SECRET}@"));
  let trace = place.path("trace");
  let trace = trace.to_str().unwrap();
  let ended = place.bgfetch("get", &["--trace", trace, &with]).code(0);
  assert_eq!(header(&server, "/x", "authorization").unwrap(), BASIC);
  assert!(!ended.stderr.contains(SECRET), "{ended:#?}");
  for secret in [SECRET, &BASIC[6..]] {
    assert_not_in(&place.path("."), secret);
  }
  let trace = fs::read_to_string(trace).unwrap();
  assert!(trace.contains(&format!("> GET {url}\n")), "{trace}");
  assert!(trace.contains("> authorization: (hidden)\n"), "{trace}");
  assert!(trace.contains("< 200 OK from "), "{trace}");
  // Nor are they shown when it fails.
  let missing = with.replace("/x", "/missing");
  let ended = place.bgfetch("get", &["--json", &missing]).code(1);
  let said = ended.stderr + &ended.stdout;
  assert!(
    said.contains("/missing") && !said.contains(SECRET),
    "{said}"
  );
  assert_not_in(&place.path("store"), SECRET);
}

#[test]
fn a_password_does_not_follow_a_redirect_elsewhere() {
  let place = Place::new();
  let (a, b) = (FaultServer::start_blocking(), FaultServer::start_blocking());
  let there = b.serve("/there", Resource::text("x"));
  let away = a.serve("/away", Resource::redirect(&there, 302));
  let near = a.serve("/near", Resource::text("x"));
  let user = format!("user:{SECRET}");
  place.bgfetch("get", &["-u", &user, &away, &near]).code(0);
  assert_eq!(header(&a, "/away", "authorization").unwrap(), BASIC);
  assert_eq!(header(&a, "/near", "authorization").unwrap(), BASIC);
  assert_eq!(header(&b, "/there", "authorization"), None);
}

#[test]
fn a_header_that_is_a_secret_is_sent_and_not_stored() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/x", Resource::text("x"));
  let token = format!("X-Auth-Token: {SECRET}");
  place
    .bgfetch("get", &["-H", &token, "-H", "X-Plain: y", &url])
    .code(0);
  assert_eq!(header(&server, "/x", "x-auth-token").unwrap(), SECRET);
  assert_eq!(header(&server, "/x", "x-plain").unwrap(), "y");
  assert_not_in(&place.path("store"), SECRET);
}

#[test]
fn netrc_has_passwords_for_hosts() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/x", Resource::text("x"));
  let machine = format!("machine 127.0.0.1 login user password {SECRET}\n");
  let netrc = place.write("netrc", &machine);
  place
    .bgfetch("get", &["--netrc-file", &netrc, &url])
    .code(0);
  assert_eq!(header(&server, "/x", "authorization").unwrap(), BASIC);
}

#[test]
fn cookies_come_from_a_file_and_from_servers() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let x = server.serve("/x", Resource::text("x"));
  let file =
    place.write("cookies.txt", "127.0.0.1\tFALSE\t/\tFALSE\t0\tfrom\tfile\n");
  place
    .bgfetch("get", &["-b", &file, "-b", "own=1", &x])
    .code(0);
  let sent = header(&server, "/x", "cookie").unwrap();
  assert!(
    sent.contains("from=file") && sent.contains("own=1"),
    "{sent}"
  );
  server.serve("/end", Resource::text("end"));
  let begin =
    Resource::redirect("/end", 302).header("Set-Cookie", "sid=1; Path=/");
  let begin = server.serve("/begin", begin);
  place.bgfetch("get", &[&begin]).code(0);
  assert_eq!(header(&server, "/end", "cookie").unwrap(), "sid=1");
}
