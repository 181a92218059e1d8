//! Lists of URLs: one a line, with what belongs to a URL on the indented lines
//! behind it, as aria2 has it.

/// A URL in a list, with its own options.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Entry {
  pub url: String,
  pub mirrors: Vec<String>,
  pub out: Option<String>,
  pub checksums: Vec<String>,
  pub headers: Vec<String>,
}

/// Reads a list. Empty lines and those that begin with `#` are passed over;
/// options may also stand behind a URL, parted by tabs, and so may its
/// mirrors.
///
/// # Errors
///
/// The number of a line and what is wrong with it.
pub fn parse(text: &str) -> Result<Vec<Entry>, String> {
  let mut entries: Vec<Entry> = Vec::new();
  for (index, line) in text.lines().enumerate() {
    let wrong = |why: &str| format!("line {}: {why}", index + 1);
    let trimmed = line.trim();
    if trimmed.is_empty() || trimmed.starts_with('#') {
      continue;
    }
    let is_indented = line.starts_with([' ', '\t']);
    let mut fields = trimmed.split('\t').map(str::trim);
    if !is_indented {
      entries.push(Entry {
        url: fields.next().unwrap_or_default().to_string(),
        ..Entry::default()
      });
    }
    let entry = entries
      .last_mut()
      .ok_or_else(|| wrong("an option stands before the first URL"))?;
    for field in fields.filter(|field| !field.is_empty()) {
      entry.option(field).map_err(|why| wrong(&why))?;
    }
  }
  Ok(entries)
}

impl Entry {
  fn option(&mut self, text: &str) -> Result<(), String> {
    let (name, value) = match text.split_once('=') {
      Some((name, _)) if name.contains("://") => ("mirror", text),
      Some(pair) => pair,
      None if text.contains("://") => ("mirror", text),
      None => ("", text),
    };
    let value = value.trim().to_string();
    match name.trim() {
      "out" => self.out = Some(value),
      "checksum" => self.checksums.push(value),
      "header" => self.headers.push(value),
      "mirror" => self.mirrors.push(value),
      _ => {
        return Err(format!(
          "{text:?} is not an option; they are out=, checksum=, header= and \
           mirror="
        ));
      }
    }
    Ok(())
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn options_belong_to_the_url_before_them() {
    let text = "# two\nhttps://a.test/x\n  out=y.bin\n\theader=X-A: b\n\n\
      https://b.test/z?a=b\tchecksum=md5=00\thttps://c.test/z?a=b\r\n";
    let entries = parse(text).unwrap();
    assert_eq!(
      entries,
      [
        Entry {
          url: "https://a.test/x".into(),
          out: Some("y.bin".into()),
          headers: vec!["X-A: b".into()],
          ..Entry::default()
        },
        Entry {
          url: "https://b.test/z?a=b".into(),
          checksums: vec!["md5=00".into()],
          mirrors: vec!["https://c.test/z?a=b".into()],
          ..Entry::default()
        },
      ]
    );
  }

  #[test]
  fn what_is_wrong_is_named_with_its_line() {
    assert!(parse(" out=x").unwrap_err().starts_with("line 1: "));
    let wrong = parse("https://a.test/\n  dir=x").unwrap_err();
    assert!(wrong.starts_with("line 2: \"dir=x\" is not"), "{wrong}");
  }
}
