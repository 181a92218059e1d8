//! Metalink 4 ([RFC 5854](https://www.rfc-editor.org/rfc/rfc5854)): files,
//! their mirrors and their digests, in XML.

use serde::Deserialize;

use super::list_file::Entry;

#[derive(Deserialize)]
struct Metalink {
  #[serde(rename = "file", default)]
  files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
  #[serde(rename = "@name")]
  name: String,
  #[serde(rename = "hash", default)]
  hashes: Vec<Hash>,
  #[serde(rename = "url", default)]
  urls: Vec<Url>,
}

#[derive(Deserialize)]
struct Hash {
  #[serde(rename = "@type")]
  algorithm: String,
  #[serde(rename = "$text", default)]
  hex: String,
}

#[derive(Deserialize)]
struct Url {
  /// The lower, the better.
  #[serde(rename = "@priority", default = "least")]
  priority: u32,
  #[serde(rename = "$text", default)]
  url: String,
}

/// RFC 5854, 4.1.2.6: the one without a priority comes last.
fn least() -> u32 {
  999_999
}

/// The files that a metalink file describes.
///
/// # Errors
///
/// A message: it is not one, or a file of it has no URL.
pub fn parse(text: &str) -> Result<Vec<Entry>, String> {
  let metalink: Metalink = quick_xml::de::from_str(text)
    .map_err(|error| format!("it is not a metalink file: {error}"))?;
  if metalink.files.is_empty() {
    return Err("it describes no file".to_string());
  }
  metalink.files.into_iter().map(entry).collect()
}

fn entry(mut file: File) -> Result<Entry, String> {
  file.urls.sort_by_key(|url| url.priority);
  let is_web =
    |url: &String| url.starts_with("http://") || url.starts_with("https://");
  let urls = file.urls.into_iter().map(|url| url.url.trim().to_string());
  let mut urls = urls.filter(is_web);
  let Some(url) = urls.next() else {
    let name = file.name;
    return Err(format!("the file {name:?} has no URL of http or https"));
  };
  Ok(Entry {
    url,
    mirrors: urls.collect(),
    // RFC 5854, 4.1.2.1: a directory in it may be left out.
    out: file.name.rsplit('/').next().map(str::to_string),
    checksums: file
      .hashes
      .into_iter()
      .map(|hash| format!("{}={}", hash.algorithm, hash.hex.trim()))
      .filter(|checksum| checksum.parse::<super::Checksum>().is_ok())
      .collect(),
    headers: Vec::new(),
  })
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn mirrors_come_in_the_order_of_their_priority() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
      <metalink xmlns="urn:ietf:params:xml:ns:metalink">
        <file name="../a/example.ext">
          <size>14471447</size>
          <hash type="sha-1">f7c3bc1d808e04732adf679965ccc34ca7ae3441</hash>
          <hash type="x-unknown">00</hash>
          <url location="de" priority="2">https://b.test/example.ext</url>
          <url priority="1">https://a.test/example.ext</url>
          <url priority="1">ftp://a.test/example.ext</url>
          <metaurl mediatype="torrent">https://a.test/t</metaurl>
        </file>
      </metalink>"#;
    let entries = parse(text).unwrap();
    let [entry] = &entries[..] else {
      panic!("{entries:?}")
    };
    assert_eq!(entry.url, "https://a.test/example.ext");
    assert_eq!(entry.mirrors, ["https://b.test/example.ext"]);
    assert_eq!(entry.out.as_deref(), Some("example.ext"));
    assert_eq!(entry.checksums.len(), 1);
  }

  #[test]
  fn what_is_no_metalink_is_refused() {
    for text in [
      "",
      "x",
      "<metalink/>",
      "<metalink><file name=\"x\"/></metalink>",
    ] {
      assert!(parse(text).is_err(), "{text}");
    }
  }
}
