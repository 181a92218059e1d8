//! `?pipe=`: what a test asks to be done to an answer:
//! <https://web-platform-tests.org/writing-tests/server-pipes.html>.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::exchange::Part;
use super::exchange::Reply;
use super::exchange::Request;
use super::hosts::Ports;
use super::substitute::Escape;
use super::substitute::substitute;

#[derive(Debug, PartialEq, Eq)]
struct Pipe {
  name: String,
  arguments: Vec<String>,
}

/// Applies the pipes in `text`, from left to right.
///
/// # Errors
///
/// A message about the pipe that cannot be applied.
pub fn apply(
  text: &str,
  request: &Request,
  ports: &Ports,
  reply: &mut Reply,
) -> Result<(), String> {
  for pipe in parse(text) {
    let argument = |index: usize| {
      let argument = pipe.arguments.get(index).map(String::as_str);
      argument.ok_or(format!("the pipe {} lacks an argument", pipe.name))
    };
    let wrong = || format!("the pipe {} has a wrong argument", pipe.name);
    match pipe.name.as_str() {
      "header" => {
        let (name, value) = (argument(0)?, argument(1)?);
        let append = argument(2).is_ok_and(|text| {
          ["true", "1"].contains(&text.trim().to_lowercase().as_str())
        });
        if append {
          reply.append(name, value);
        } else {
          reply.set(name, value);
        }
      }
      "status" => {
        reply.status = argument(0)?.trim().parse().map_err(|_| wrong())?;
      }
      "slice" => {
        let bytes = reply.bytes();
        let bound = |index, default: usize| match argument(index) {
          Ok("null") | Err(_) => Ok(default),
          Ok(text) => text.trim().parse::<usize>().map_err(|_| wrong()),
        };
        let end = bound(1, bytes.len())?.min(bytes.len());
        let start = bound(0, 0)?.min(end);
        reply.set_bytes(bytes.slice(start..end));
      }
      "trickle" => {
        let body = reply.bytes();
        reply.body = trickle(argument(0)?, &body).ok_or_else(wrong)?;
        reply.set("Cache-Control", "no-cache, no-store, must-revalidate");
      }
      "sub" => {
        let bytes = reply.bytes();
        let text = String::from_utf8_lossy(&bytes);
        reply.set_bytes(substitute(&text, request, ports, Escape::Html));
      }
      "gzip" => {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let bytes = encoder
          .write_all(&reply.bytes())
          .and_then(|()| encoder.finish())
          .map_err(|error| error.to_string())?;
        reply.set_bytes(bytes);
        reply.set("Content-Encoding", "gzip");
      }
      other => return Err(format!("there is no pipe {other:?}")),
    }
  }
  Ok(())
}

/// `name(argument,argument)|name`, with `\` in front of what is meant
/// literally.
fn parse(text: &str) -> Vec<Pipe> {
  let mut pipes = Vec::new();
  let mut words = vec![String::new()];
  let mut nested = 0;
  let mut chars = text.chars();
  while let Some(char) = chars.next() {
    match char {
      '\\' => push(&mut words, chars.next().unwrap_or('\\')),
      '(' if nested == 0 => {
        nested = 1;
        words.push(String::new());
      }
      '(' => {
        nested += 1;
        push(&mut words, char);
      }
      ')' if nested <= 1 => nested = 0,
      ')' => {
        nested -= 1;
        push(&mut words, char);
      }
      ',' if nested == 1 => words.push(String::new()),
      '|' if nested == 0 => {
        pipes.extend(pipe(std::mem::replace(&mut words, vec![String::new()])))
      }
      _ => push(&mut words, char),
    }
  }
  pipes.extend(pipe(words));
  pipes
}

fn push(words: &mut [String], char: char) {
  if let Some(word) = words.last_mut() {
    word.push(char);
  }
}

fn pipe(words: Vec<String>) -> Option<Pipe> {
  let mut words = words.into_iter();
  let name = words.next()?.trim().to_string();
  let arguments = words.collect();
  (!name.is_empty()).then_some(Pipe { name, arguments })
}

/// `100:d0.5:r2`: 100 bytes, half a second, both of them twice more. What is
/// left of the body follows at the end.
fn trickle(plan: &str, body: &Bytes) -> Option<Vec<Part>> {
  enum Step {
    Bytes(usize),
    Pause(Duration),
  }
  let mut steps: Vec<Step> = Vec::new();
  let mut repeated: Option<usize> = None;
  for item in plan.split(':') {
    let item = item.trim();
    if let Some(seconds) = item.strip_prefix('d') {
      let seconds = seconds.parse().ok()?;
      steps.push(Step::Pause(Duration::try_from_secs_f64(seconds).ok()?));
    } else if let Some(count) = item.strip_prefix('r') {
      repeated = Some(count.parse().ok().filter(|count| *count > 0)?);
    } else {
      steps.push(Step::Bytes(item.parse().ok()?));
    }
  }
  // A plan without bytes repeats nothing that would ever end.
  let moves = steps.iter().any(|s| matches!(s, Step::Bytes(n) if *n > 0));
  let rounds = match repeated {
    Some(_) if moves => body.len() + 1,
    _ => 1,
  };
  let from = steps.len().saturating_sub(repeated.unwrap_or(0));
  let mut parts = Vec::new();
  let mut rest = body.clone();
  for round in 0..rounds {
    let start = if round == 0 { 0 } else { from };
    for step in &steps[start..] {
      match step {
        Step::Pause(time) => parts.push(Part::Pause(*time)),
        Step::Bytes(count) => {
          let chunk = rest.split_to((*count).min(rest.len()));
          parts.push(Part::Bytes(chunk));
        }
      }
    }
    if rest.is_empty() {
      break;
    }
  }
  parts.push(Part::Bytes(rest));
  Some(parts)
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn arguments_and_escapes() {
    let pipes = parse(r"header(A, b\,c)|status(404)|sub");
    let names: Vec<_> = pipes.iter().map(|pipe| &*pipe.name).collect();
    assert_eq!(names, ["header", "status", "sub"]);
    assert_eq!(pipes[0].arguments, ["A", " b,c"]);
    assert_eq!(pipes[1].arguments, ["404"]);
  }

  #[test]
  fn a_trickle_repeats_its_last_steps_until_all_is_sent() {
    let body = Bytes::from_static(b"abcdef");
    let parts = trickle("1:d1:2:d2:r2", &body).unwrap();
    let sizes: Vec<_> = parts
      .iter()
      .map(|part| match part {
        Part::Bytes(bytes) => bytes.len() as i64,
        Part::Pause(time) => -(time.as_secs() as i64),
        Part::Cut | Part::Gone => 0,
      })
      .collect();
    assert_eq!(sizes, [1, -1, 2, -2, 2, -2, 1, -2, 0]);
  }
}
