//! `--trace`: the heads of requests and answers, without what is secret.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use background_fetch::display::text::printable;
use background_fetch::network::Trace;
use background_fetch::network::TraceEvent;
use background_fetch::spec::HeaderList;
use parking_lot::Mutex;
use url::Url;

use crate::download::is_secret;
use crate::download::without_secrets;
use crate::failure::Failure;

/// Writes to `file`, which is made new; `-` is standard error.
///
/// # Errors
///
/// It cannot be made.
pub fn to_file(file: &Path) -> Result<Arc<dyn Trace>, Failure> {
  let output: Box<dyn Write + Send> = match file == Path::new("-") {
    true => Box::new(std::io::stderr()),
    false => Box::new(std::fs::File::create(file).map_err(|error| {
      let file = file.display();
      Failure::usage(format!("the trace {file} cannot be written: {error}"))
    })?),
  };
  let output = Mutex::new(output);
  Ok(Arc::new(move |event: TraceEvent<'_>| {
    // A trace that cannot be written is no reason to stop a transfer.
    let _ = output.lock().write_all(text(event).as_bytes());
  }))
}

fn text(event: TraceEvent<'_>) -> String {
  let mut text = String::new();
  // Writing to a string does not fail.
  let _ = match event {
    TraceEvent::Request {
      method,
      url,
      headers,
    } => write!(
      text,
      "> {method} {}\n{}\n",
      without_secrets(url),
      lines('>', url, headers)
    ),
    TraceEvent::Response {
      url,
      status,
      status_message,
      headers,
    } => write!(
      text,
      "< {status} {} from {}\n{}\n",
      printable(status_message),
      without_secrets(url),
      lines('<', url, headers)
    ),
    TraceEvent::Failure { url, error } => {
      let error = printable(&error.to_string());
      write!(text, "! {}: {error}\n\n", without_secrets(url))
    }
    _ => Ok(()),
  };
  text
}

/// The headers of a request to `url` or of its answer. A server must not move
/// the cursor with them.
fn lines(mark: char, url: &Url, headers: &HeaderList) -> String {
  let line = |(name, value): (&str, &str)| {
    let value = match name.to_ascii_lowercase().as_str() {
      // Most are relative to the URL that was asked for.
      "location" | "content-location" | "referer" => {
        url.join(value).ok().map(|url| without_secrets(&url))
      }
      name if is_secret(name) => None,
      _ => Some(value.to_string()),
    };
    let value = value.as_deref().unwrap_or("(hidden)");
    format!("{mark} {}: {}\n", printable(name), printable(value))
  };
  headers.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn secrets_are_hidden() {
    let url = Url::parse("https://a.test/x?token=abc&b=c").unwrap();
    let pairs = [("Authorization", "Basic dTpw"), ("accept", "*/*")];
    let own = |(a, b): (&str, &str)| (a.to_string(), b.to_string());
    let headers: HeaderList = pairs.into_iter().map(own).collect();
    let shown = text(TraceEvent::Request {
      method: "GET",
      url: &url,
      headers: &headers,
    });
    assert_eq!(
      shown,
      "> GET https://a.test/x?token=hidden&b=c\n\
       > Authorization: (hidden)\n> accept: */*\n\n"
    );
  }

  #[test]
  fn an_answer_shows_no_signature_and_moves_no_cursor() {
    let url = Url::parse("https://a.test/dir/x").unwrap();
    let own = |(a, b): (&str, &str)| (a.to_string(), b.to_string());
    for location in ["y?sig=abc", "/dir/y?sig=abc#t", "//a.test/dir/y?sig=abc"]
    {
      let pairs = [
        ("location", location),
        ("content-location", "https://[sig"),
        ("x", "a\u{9b}2Jb"),
      ];
      let headers: HeaderList = pairs.into_iter().map(own).collect();
      let shown = text(TraceEvent::Response {
        url: &url,
        status: 302,
        status_message: "Found\u{9b}2J",
        headers: &headers,
      });
      assert_eq!(
        shown,
        "< 302 Found\u{fffd}2J from https://a.test/dir/x\n\
         < location: https://a.test/dir/y?sig=hidden\n\
         < content-location: (hidden)\n< x: a\u{fffd}2Jb\n\n"
      );
    }
  }
}
