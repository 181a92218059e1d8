//! One line of `strace`: a system call with its arguments and its result.

/// A call that has returned.
#[derive(Debug)]
pub struct Call {
  pub name: String,
  /// As they were printed.
  pub arguments: Vec<String>,
  pub result: String,
}

impl Call {
  /// `name(arguments) = result`; `None` for everything else that is printed.
  pub fn parse(line: &str) -> Option<Self> {
    let (name, rest) = line.split_once('(')?;
    let (arguments, rest) = split(rest)?;
    let result = rest.trim_start().strip_prefix("= ")?;
    Some(Self {
      name: name.to_string(),
      arguments,
      result: result.to_string(),
    })
  }

  /// The number that it returned; negative when it failed.
  pub fn returned(&self) -> i64 {
    let end = |c: char| c != '-' && !c.is_ascii_digit();
    let number = self.result.split(end).next().unwrap_or_default();
    number.parse().unwrap_or(-1)
  }

  pub fn number(&self, index: usize) -> u64 {
    self.arguments[index].parse().unwrap()
  }

  /// A descriptor that is printed with its path: `5</a/b>`.
  pub fn descriptor(&self, index: usize) -> (i64, &str) {
    descriptor(&self.arguments[index])
  }

  /// The same for the descriptor that it returned.
  pub fn opened(&self) -> (i64, &str) {
    descriptor(&self.result)
  }

  /// The bytes of every string in the argument.
  pub fn bytes(&self, index: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = self.arguments[index].as_str();
    while let Some(begin) = rest.find('"') {
      rest = unescape(&rest[begin + 1..], &mut bytes);
      assert!(!rest.starts_with("..."), "strace has cut a string");
    }
    bytes
  }

  pub fn text(&self, index: usize) -> String {
    String::from_utf8_lossy(&self.bytes(index)).into_owned()
  }
}

fn descriptor(printed: &str) -> (i64, &str) {
  let (number, path) = printed.split_once('<').unwrap_or((printed, ""));
  let number = number.trim().parse().unwrap_or(-1);
  let end = path.rfind('>').unwrap_or(path.len());
  (number, &path[..end])
}

/// The arguments up to the parenthesis that closes them, and what is behind.
fn split(text: &str) -> Option<(Vec<String>, &str)> {
  let mut arguments = Vec::new();
  let (mut depth, mut begin, mut quoted, mut escaped) = (0, 0, false, false);
  for (at, byte) in text.bytes().enumerate() {
    if quoted {
      match byte {
        _ if escaped => escaped = false,
        b'\\' => escaped = true,
        b'"' => quoted = false,
        _ => {}
      }
      continue;
    }
    match byte {
      b'"' => quoted = true,
      b'{' | b'[' | b'(' | b'<' => depth += 1,
      b')' if depth == 0 => {
        arguments.push(text[begin..at].trim().to_string());
        return Some((arguments, &text[at + 1..]));
      }
      b'}' | b']' | b')' | b'>' => depth -= 1,
      b',' if depth == 0 => {
        arguments.push(text[begin..at].trim().to_string());
        begin = at + 1;
      }
      _ => {}
    }
  }
  None
}

/// Reads up to the closing quote. Returns what is behind it.
fn unescape<'a>(text: &'a str, into: &mut Vec<u8>) -> &'a str {
  let bytes = text.as_bytes();
  let mut at = 0;
  while bytes[at] != b'"' {
    if bytes[at] != b'\\' {
      into.push(bytes[at]);
      at += 1;
      continue;
    }
    at += 1;
    let digits = bytes[at..].iter().take(3);
    let octal = digits.take_while(|b| (b'0'..=b'7').contains(b)).count();
    if octal > 0 {
      let number = u16::from_str_radix(&text[at..at + octal], 8).unwrap();
      into.push(number as u8);
      at += octal;
      continue;
    }
    into.push(match bytes[at] {
      b'n' => b'\n',
      b't' => b'\t',
      b'r' => b'\r',
      b'v' => 11,
      b'f' => 12,
      other => other,
    });
    at += 1;
  }
  &text[at + 1..]
}
