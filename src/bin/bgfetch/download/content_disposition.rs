//! The file name in [`Content-Disposition`](https://www.rfc-editor.org/rfc/rfc6266).

use crate::file_names::percent_decoded;

/// The name that the server proposes, as it stands there: it has to be made
/// safe before anything is called so.
pub fn file_name(header: &str) -> Option<String> {
  let mut plain = None;
  for (name, value) in parameters(header) {
    match name.as_str() {
      // RFC 6266, 4.3: it is preferred where both are there.
      "filename*" => {
        if let Some(name) = extended(&value) {
          return Some(name);
        }
      }
      "filename" if plain.is_none() => plain = Some(utf8(&value)),
      _ => {}
    }
  }
  plain.filter(|name| !name.is_empty())
}

/// The parameters behind the disposition type, in order; quoted values
/// without their quotes.
fn parameters(header: &str) -> Vec<(String, String)> {
  let mut all = Vec::new();
  let mut rest = match header.find(';') {
    // Some servers send the parameter alone.
    None if header.contains('=') => header,
    None => return all,
    Some(end) if header[..end].contains('=') => header,
    Some(end) => &header[end + 1..],
  };
  while let Some((name, after)) = rest.split_once('=') {
    let name = name.trim().to_ascii_lowercase();
    let (value, after) = value(after.trim_start());
    all.push((name, value));
    rest = match after.find(';') {
      Some(end) => &after[end + 1..],
      None => "",
    };
  }
  all
}

/// A token or a quoted string, and what is behind it.
fn value(text: &str) -> (String, &str) {
  let Some(quoted) = text.strip_prefix('"') else {
    let end = text.find(';').unwrap_or(text.len());
    return (text[..end].trim().to_string(), &text[end..]);
  };
  let mut value = String::new();
  let mut chars = quoted.char_indices();
  while let Some((at, c)) = chars.next() {
    match c {
      '"' => return (value, &quoted[at + 1..]),
      '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
      c => value.push(c),
    }
  }
  (value, "")
}

/// Headers are Latin-1 here; most servers mean UTF-8 with what is beyond
/// ASCII.
fn utf8(value: &str) -> String {
  let bytes: Option<Vec<u8>> =
    value.chars().map(|c| u8::try_from(c).ok()).collect();
  match bytes.map(String::from_utf8) {
    Some(Ok(decoded)) => decoded,
    _ => value.to_string(),
  }
}

/// [RFC 8187](https://www.rfc-editor.org/rfc/rfc8187): `UTF-8'en'%c2%a3.txt`
fn extended(value: &str) -> Option<String> {
  let mut parts = value.splitn(3, '\'');
  let (charset, _, text) = (parts.next()?, parts.next()?, parts.next()?);
  let name = match charset.to_ascii_lowercase().as_str() {
    "utf-8" => percent_decoded(text),
    "iso-8859-1" => latin1(text),
    _ => return None,
  };
  (!name.is_empty()).then_some(name)
}

fn latin1(text: &str) -> String {
  let bytes = percent_encoding::percent_decode_str(text);
  bytes.map(char::from).collect()
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn a_name_is_read_as_servers_write_it() {
    for (header, name) in [
      (
        "attachment; filename=\"report 2024.pdf\"",
        "report 2024.pdf",
      ),
      ("attachment; filename=a.txt; size=3", "a.txt"),
      ("attachment;FileName = \"a;b.txt\"", "a;b.txt"),
      ("inline; filename=\"a\\\"b\"", "a\"b"),
      (
        "attachment; filename=x; filename*=UTF-8''%E2%82%AC.txt",
        "€.txt",
      ),
      ("attachment; filename*=iso-8859-1'en'%A3.txt", "£.txt"),
      ("attachment; filename*=x'en'%A3; filename=b", "b"),
      ("filename=a.txt", "a.txt"),
      ("attachment; filename=\"caf\u{c3}\u{a9}\"", "café"),
    ] {
      assert_eq!(file_name(header).as_deref(), Some(name), "{header}");
    }
    for header in ["attachment", "", "attachment; filename=", "inline; x=y"] {
      assert_eq!(file_name(header), None, "{header}");
    }
  }
}
