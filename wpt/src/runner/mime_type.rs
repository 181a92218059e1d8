//! What a response says of its own type: enough of
//! [MIME Sniffing](https://mimesniff.spec.whatwg.org/) and Fetch to tell
//! whether a `<script>` may run, and how its bytes are decoded.

use data_url::mime::Mime;
use encoding_rs::Encoding;
use encoding_rs::UTF_8;
use reqwest::header::HeaderMap;

/// A [MIME type](https://mimesniff.spec.whatwg.org/#mime-type).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MimeType {
  pub essence: String,
  pub charset: Option<String>,
}

impl MimeType {
  /// [Extracts a MIME type](https://fetch.spec.whatwg.org/#concept-header-extract-mime-type)
  /// from the headers of a response.
  pub fn extract(headers: &HeaderMap) -> Option<Self> {
    let values = headers.get_all("content-type").iter();
    let values: Vec<String> = values
      .map(|value| value.as_bytes().iter().copied().map(char::from).collect())
      .collect();
    // Step 4: Let values be the result of getting, decoding, and splitting.
    let mut found: Option<Self> = None;
    for value in split(&values.join(", ")) {
      // Steps 6.1 and 6.2: "If temporaryMimeType is failure or its essence is
      // "*/*", then continue."
      let Some(next) = parse(value).filter(|next| next.essence != "*/*") else {
        continue;
      };
      // Steps 6.4 and 6.5: Of types with the same essence the charset stays.
      let charset = match &found {
        Some(before) if before.essence == next.essence => {
          next.charset.or_else(|| before.charset.clone())
        }
        _ => next.charset,
      };
      found = Some(Self { charset, ..next });
    }
    found
  }

  /// How the bytes of a script are
  /// [decoded](https://html.spec.whatwg.org/multipage/webappapis.html#fetch-a-classic-script)
  /// when its page is in UTF-8.
  pub fn encoding(&self) -> &'static Encoding {
    let label = self.charset.as_deref().unwrap_or_default();
    Encoding::for_label(label.as_bytes()).unwrap_or(UTF_8)
  }

  /// <https://mimesniff.spec.whatwg.org/#javascript-mime-type>
  pub fn is_javascript(&self) -> bool {
    let subtype = self.essence.split_once('/').map_or("", |(_, sub)| sub);
    match subtype {
      "javascript" | "ecmascript" | "x-javascript" | "x-ecmascript" => {
        self.essence.starts_with("text/")
          || self.essence.starts_with("application/")
      }
      "jscript" | "livescript" => self.essence.starts_with("text/"),
      _ => {
        let version = self.essence.strip_prefix("text/javascript1.");
        version.is_some_and(|v| matches!(v, "0" | "1" | "2" | "3" | "4" | "5"))
      }
    }
  }

  /// <https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-mime-type?>
  pub fn is_never_a_script(&self) -> bool {
    let kind = self.essence.split('/').next().unwrap_or_default();
    matches!(kind, "audio" | "image" | "video") || self.essence == "text/csv"
  }
}

/// [Splits](https://fetch.spec.whatwg.org/#header-value-get-decode-and-split)
/// at commas that are in no quoted string.
fn split(value: &str) -> Vec<&str> {
  let mut values = Vec::new();
  let (mut start, mut quoted, mut escaped) = (0, false, false);
  for (at, char) in value.char_indices() {
    match char {
      _ if escaped => escaped = false,
      '\\' if quoted => escaped = true,
      '"' => quoted = !quoted,
      ',' if !quoted => {
        values.push(&value[start..at]);
        start = at + 1;
      }
      _ => {}
    }
  }
  values.push(&value[start..]);
  values
}

/// [Parses a MIME type](https://mimesniff.spec.whatwg.org/#parse-a-mime-type).
fn parse(value: &str) -> Option<MimeType> {
  let mime: Mime = value.parse().ok()?;
  Some(MimeType {
    essence: format!("{}/{}", mime.type_, mime.subtype),
    charset: mime.get_parameter("charset").map(str::to_owned),
  })
}

#[cfg(test)]
mod tests {
  use super::*;

  fn extract(values: &[&str]) -> Option<(String, Option<String>)> {
    let mut headers = HeaderMap::new();
    for value in values {
      headers.append("content-type", value.parse().unwrap());
    }
    let found = MimeType::extract(&headers)?;
    Some((found.essence, found.charset))
  }

  fn some(
    essence: &str,
    charset: Option<&str>,
  ) -> Option<(String, Option<String>)> {
    Some((essence.into(), charset.map(str::to_owned)))
  }

  #[test]
  fn the_last_type_counts_with_the_charset_of_those_like_it() {
    assert_eq!(extract(&[]), None);
    assert_eq!(
      extract(&["text/html", "TEXT/Plain"]),
      some("text/plain", None)
    );
    let plain = some("text/plain", Some("gbk"));
    assert_eq!(extract(&["text/plain;charset=gbk, text/plain"]), plain);
    assert_eq!(extract(&["text/plain;charset=gbk", "*/*", "x"]), plain);
    assert_eq!(
      extract(&["text/plain;charset=gbk", "text/html", "text/plain"]),
      some("text/plain", None)
    );
  }

  #[test]
  fn what_is_quoted_or_malformed() {
    assert_eq!(extract(&["\"text/javascript\""]), None);
    assert_eq!(extract(&["text/ javascript"]), None);
    assert_eq!(
      extract(&["text/html;x=\"a,b\\\"\" ;;charset=\"g\\bk\""]),
      some("text/html", Some("gbk"))
    );
    assert_eq!(
      extract(&["text/html;\" \\\" text/plain \";charset=GBK"]),
      some("text/html", Some("GBK"))
    );
  }

  #[test]
  fn javascript_has_several_names() {
    for name in ["text/javascript", "application/ecmascript", "text/jscript"] {
      assert!(parse(name).unwrap().is_javascript(), "{name}");
    }
    for name in ["text/plain", "application/jscript", "text/javascript1.9"] {
      assert!(!parse(name).unwrap().is_javascript(), "{name}");
    }
  }
}
