//! `--trace`: the heads of requests and answers, without what is secret.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use background_fetch::network::Trace;
use background_fetch::network::TraceEvent;
use background_fetch::spec::HeaderList;
use parking_lot::Mutex;

use crate::download::is_secret;
use crate::download::without_secrets;
use crate::failure::Failure;

/// Writes to `file`, which is made new; `-` is standard error.
///
/// # Errors
///
/// It cannot be made.
pub fn to_file(file: &Path) -> Result<Trace, Failure> {
  let output: Box<dyn Write + Send> = match file == Path::new("-") {
    true => Box::new(std::io::stderr()),
    false => Box::new(std::fs::File::create(file).map_err(|error| {
      let file = file.display();
      Failure::usage(format!("the trace {file} cannot be written: {error}"))
    })?),
  };
  let output = Mutex::new(output);
  Ok(Arc::new(move |event| {
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
      lines('>', headers)
    ),
    TraceEvent::Response {
      url,
      status,
      status_message,
      headers,
    } => write!(
      text,
      "< {status} {status_message} from {}\n{}\n",
      without_secrets(url),
      lines('<', headers)
    ),
    TraceEvent::Failure { url, error } => {
      write!(text, "! {}: {error}\n\n", without_secrets(url))
    }
    _ => Ok(()),
  };
  text
}

fn lines(mark: char, headers: &HeaderList) -> String {
  let line = |(name, value): (&str, &str)| {
    let value = match name {
      "location" => url::Url::parse(value)
        .map_or_else(|_| value.to_string(), |url| without_secrets(&url)),
      name if is_secret(name) => "(hidden)".to_string(),
      _ => value.to_string(),
    };
    format!("{mark} {name}: {value}\n")
  };
  headers.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn secrets_are_hidden() {
    let url = url::Url::parse("https://a.test/x?token=abc&b=c").unwrap();
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
}
