//! The name of the file that a response is saved as.

use background_fetch::display::text::reorders;
use url::Url;

/// The longest name that common file systems take, in bytes, less some for a
/// number.
const MAX_LENGTH: usize = 240;
const WITHOUT_NAME: &str = "download";

/// A file name from the last segment of `url`'s path: never empty, never a
/// way to another directory, never hidden, and the same in every terminal.
pub fn file_name(url: &Url) -> String {
  let segment = url.path_segments().and_then(|mut all| all.next_back());
  sanitized(&percent_decoded(segment.unwrap_or_default()))
}

/// `name` for the `number`th file of this name; 0 is the first.
pub fn numbered(name: &str, number: usize) -> String {
  match (number, name.rfind('.')) {
    (0, _) => name.to_string(),
    (n, Some(dot)) if dot > 0 => {
      format!("{}-{n}{}", &name[..dot], &name[dot..])
    }
    (n, _) => format!("{name}-{n}"),
  }
}

/// Bytes that are not UTF-8 become U+FFFD.
pub fn percent_decoded(segment: &str) -> String {
  let mut bytes = Vec::with_capacity(segment.len());
  let mut rest = segment.as_bytes();
  while let Some((&first, after)) = rest.split_first() {
    let decoded = match (first, after) {
      (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
      _ => None,
    };
    match decoded {
      Some((high, low)) => {
        bytes.push(high * 16 + low);
        rest = &after[2..];
      }
      None => {
        bytes.push(first);
        rest = after;
      }
    }
  }
  String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
  char::from(digit).to_digit(16).map(|digit| digit as u8)
}

pub fn sanitized(name: &str) -> String {
  // Separators here and elsewhere, and what a shell or a terminal would act
  // on when the name is listed.
  let harmless = |c: char| match c {
    '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
    c if c.is_control() || reorders(c) => '_',
    c => c,
  };
  let name: String = name.chars().map(harmless).collect();
  // A leading dot hides a file, a leading hyphen makes an option of it.
  let name = name.trim_start_matches(['.', '-', '~', ' ']);
  match shortened(without_end(name)) {
    name if name.is_empty() => WITHOUT_NAME.to_string(),
    name if is_device(&name) => shortened(&format!("_{name}")),
    name => name,
  }
}

/// Without the end that Windows leaves out.
fn without_end(name: &str) -> &str {
  name.trim_end_matches(['.', ' '])
}

/// At most [`MAX_LENGTH`] bytes, with the extension kept where it is a short
/// one.
fn shortened(name: &str) -> String {
  if name.len() <= MAX_LENGTH {
    return name.to_string();
  }
  let extension = match name.rfind('.') {
    Some(dot) if name.len() - dot <= 16 => &name[dot..],
    _ => "",
  };
  let mut end = MAX_LENGTH - extension.len();
  while !name.is_char_boundary(end) {
    end -= 1;
  }
  // Where it was cut there may be what no name ends with.
  format!("{}{extension}", without_end(&name[..end]))
}

/// Names that are not files on Windows, where the directory may end up.
fn is_device(name: &str) -> bool {
  let stem = name.split('.').next().unwrap_or_default();
  let stem = stem.trim_end().to_ascii_uppercase();
  match stem.as_str() {
    "CON" | "PRN" | "AUX" | "NUL" => true,
    stem => stem
      .strip_prefix("COM")
      .or_else(|| stem.strip_prefix("LPT"))
      .is_some_and(|n| matches!(n.as_bytes(), [b'0'..=b'9'])),
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  fn of(url: &str) -> String {
    file_name(&Url::parse(url).unwrap())
  }

  #[test]
  fn the_last_segment_of_the_path_is_the_name() {
    assert_eq!(of("https://host/a/film.bin?token=1#t"), "film.bin");
    assert_eq!(
      of("https://host/caf%C3%A9%20au%20lait.mp3"),
      "café au lait.mp3"
    );
    assert_eq!(of("https://host/100%"), "100%");
  }

  #[test]
  fn a_url_without_a_name_gives_one_all_the_same() {
    assert_eq!(of("https://host"), "download");
    assert_eq!(of("https://host/a/"), "download");
    assert_eq!(of("https://host/%2e%2e%2e"), "download");
  }

  #[test]
  fn no_name_leads_elsewhere_or_hides() {
    assert_eq!(of("https://host/..%2F..%2Fetc%2Fpasswd"), "_.._etc_passwd");
    assert_eq!(of("https://host/..%5Cx"), "_x");
    assert_eq!(of("https://host/.bashrc"), "bashrc");
    assert_eq!(of("https://host/-rf"), "rf");
    assert_eq!(of("https://host/a%00b%0Ac"), "a_b_c");
    assert_eq!(of("https://host/NUL.txt"), "_NUL.txt");
    assert_eq!(of("https://host/a%E2%80%AEgpj.exe"), "a_gpj.exe");
  }

  #[test]
  fn a_long_name_keeps_its_extension() {
    let name = of(&format!("https://host/{}.tar", "é".repeat(200)));
    assert!(
      name.len() <= MAX_LENGTH && name.ends_with("é.tar"),
      "{name}"
    );
  }

  #[test]
  fn a_name_that_was_cut_is_one_that_needs_no_further_change() {
    let spaces = " ".repeat(300);
    let long = "a".repeat(235);
    for name in [
      format!("{long}..   b{long}"),
      format!("{long} . . .{long}.txt"),
      format!("con{spaces}b"),
      format!("nul.{long}{long}"),
      format!("{}.{}", "nul", "b".repeat(236)),
    ] {
      let safe = sanitized(&name);
      assert_eq!(sanitized(&safe), safe, "{name}");
      assert!(safe.len() <= MAX_LENGTH, "{name}");
      assert!(!safe.ends_with(['.', ' ']), "{name}");
      assert!(!is_device(&safe), "{name}");
    }
  }

  #[test]
  fn numbers_go_before_the_extension() {
    assert_eq!(numbered("film.bin", 0), "film.bin");
    assert_eq!(numbered("film.bin", 1), "film-1.bin");
    assert_eq!(numbered("film", 2), "film-2");
  }
}
