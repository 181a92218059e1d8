//! Ports that no fetch may reach.

use url::Url;

use super::schemes::is_http_scheme;

/// [Block a bad port](https://fetch.spec.whatwg.org/#block-bad-port): whether
/// a request for `url` has to be blocked.
pub fn should_be_blocked_due_to_a_bad_port(url: &Url) -> bool {
  // Steps 1 to 3: A default port is not a bad port, so `Url::port` suffices.
  is_http_scheme(url) && url.port().is_some_and(is_bad_port)
}

/// Whether `port` is a [bad port](https://fetch.spec.whatwg.org/#bad-port).
pub fn is_bad_port(port: u16) -> bool {
  BAD_PORTS.binary_search(&port).is_ok()
}

/// In ascending order.
const BAD_PORTS: [u16; 83] = [
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77,
  79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135,
  137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
  532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720,
  1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
  6669, 6679, 6697, 10080,
];

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::url;

  #[test]
  fn the_table_is_sorted_for_the_search() {
    assert!(BAD_PORTS.is_sorted());
  }

  #[test]
  fn exactly_the_ports_of_the_standard_are_bad() {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for port in (0..=u16::MAX).filter(|port| is_bad_port(*port)) {
      match ranges.last_mut() {
        Some((_, last)) if *last + 1 == port => *last = port,
        _ => ranges.push((port, port)),
      }
    }
    let written = ranges.iter().map(|(first, last)| match first == last {
      true => first.to_string(),
      false => format!("{first}-{last}"),
    });
    assert_eq!(
      written.collect::<Vec<_>>().join(" "),
      "0-1 7 9 11 13 15 17 19-23 25 37 42-43 53 69 77 79 87 95 101-104 \
       109-111 113 115 117 119 123 135 137 139 143 161 179 389 427 465 \
       512-515 526 530-532 540 548 554 556 563 587 601 636 989-990 993 \
       995 1719-1720 1723 2049 3659 4045 4190 5060-5061 6000 6566 \
       6665-6669 6679 6697 10080"
    );
  }

  #[test]
  fn bad_ports_are_blocked_and_others_are_not() {
    let blocked = |text| should_be_blocked_due_to_a_bad_port(&url(text));
    assert!(blocked("https://example.com:587"));
    assert!(blocked("http://example.com:0"));
    assert!(blocked("http://example.com:10080"));
    assert!(!blocked("https://example.com"));
    assert!(!blocked("https://example.com:80"));
    assert!(!blocked("https://example.com:8080"));
    assert!(!blocked("ftp://example.com:587"));
  }
}
