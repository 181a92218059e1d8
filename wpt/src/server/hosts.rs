//! The names and ports that tests know the server by:
//! <https://web-platform-tests.org/writing-tests/server-features.html>.

/// The host of a test's own page.
pub const HOST: &str = "web-platform.test";
/// A host that is another site.
pub const ALTERNATE_HOST: &str = "not-web-platform.test";
/// Labels in front of either; the empty one stands for none.
pub const SUBDOMAINS: [&str; 7] = [
  "",
  "www",
  "www1",
  "www2",
  "www.www",
  "xn--n8j6ds53lwwkrqhv28a",
  "xn--lve-6lad",
];
/// Hosts that tests name and that have no server: they lead to this machine,
/// where nothing answers on their port.
pub const UNKNOWN_HOSTS: [&str; 3] =
  ["example.com", "www.example.com", "nonexistent.test"];
/// The host of a URL that old tests expect to grant every preflight. It leads
/// to the HTTPS server, whatever the port.
pub const GENEROUS_HOST: &str = "example";

/// `subdomain` of `host`.
pub fn join(subdomain: &str, host: &str) -> String {
  if subdomain.is_empty() {
    host.to_string()
  } else {
    format!("{subdomain}.{host}")
  }
}

/// Every host that the server answers for.
pub fn all() -> impl Iterator<Item = String> {
  [HOST, ALTERNATE_HOST]
    .into_iter()
    .flat_map(|host| SUBDOMAINS.iter().map(move |name| join(name, host)))
}

/// The ports of the two HTTP and the two HTTPS servers.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
  pub http: [u16; 2],
  pub https: [u16; 2],
}

impl Ports {
  /// Whatever the system gives.
  pub const ANY: Self = Self {
    http: [0; 2],
    https: [0; 2],
  };
  /// The ones that the project's documentation names.
  pub const USUAL: Self = Self {
    http: [8000, 8001],
    https: [8443, 8444],
  };
}
