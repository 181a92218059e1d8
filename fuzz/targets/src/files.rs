//! Files that a user names, which come from others as often as not.

use crate::cookies::Jar;
use crate::list_file;
use crate::metalink;

/// Users and passwords.
pub fn netrc(data: &[u8]) {
  let text = String::from_utf8_lossy(data);
  let _ = text.parse::<::netrc::Netrc>();
}

/// Cookies in Netscape's format.
pub fn cookie_file(data: &[u8]) {
  let text = String::from_utf8_lossy(data);
  if let Err(why) = Jar::default().add_file(&text) {
    assert!(why.starts_with("line "), "{why}");
  }
}

/// Files with their mirrors and digests, in XML.
pub fn metalink(data: &[u8]) {
  let text = String::from_utf8_lossy(data);
  match metalink::parse(&text) {
    Ok(entries) => {
      assert!(!entries.is_empty());
      for entry in entries {
        assert!(entry.url.starts_with("http"), "{entry:?}");
        let out = entry.out.unwrap_or_default();
        assert!(!out.contains('/'), "{out:?}");
        for checksum in entry.checksums {
          assert!(checksum.parse::<crate::Checksum>().is_ok(), "{checksum}");
        }
      }
    }
    Err(why) => assert!(!why.is_empty()),
  }
}

/// URLs, one a line, with their options.
pub fn url_list(data: &[u8]) {
  let text = String::from_utf8_lossy(data);
  match list_file::parse(&text) {
    Ok(entries) => assert!(entries.iter().all(|entry| !entry.url.is_empty())),
    Err(why) => assert!(why.starts_with("line "), "{why}"),
  }
}
