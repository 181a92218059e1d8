//! The parts of a page that matter to a test: its scripts and metadata.

use serde::Serialize;

use super::loader::Source;

/// An element of the page's source.
#[derive(Debug, PartialEq, Eq)]
pub struct Element {
  /// `script`, `meta` or `title`.
  pub name: String,
  pub attributes: Vec<(String, String)>,
  /// What is inside, for a script or a title.
  pub text: String,
}

impl Element {
  pub fn attribute(&self, name: &str) -> Option<&str> {
    let mut attributes = self.attributes.iter();
    attributes
      .find(|(key, _)| key == name)
      .map(|(_, value)| value.as_str())
  }
}

/// Finds the elements in a page that is as simple as tests' pages are: this is
/// no parser of HTML.
pub fn elements(source: &str) -> Vec<Element> {
  let mut elements = Vec::new();
  let mut rest = source;
  while let Some(start) = rest.find('<') {
    rest = &rest[start + 1..];
    if let Some(comment) = rest.strip_prefix("!--") {
      rest = comment.split_once("-->").map_or("", |(_, after)| after);
      continue;
    }
    let end = rest
      .find(|char: char| !char.is_ascii_alphanumeric())
      .unwrap_or(rest.len());
    let name = rest[..end].to_ascii_lowercase();
    if !["script", "meta", "title"].contains(&name.as_str()) {
      continue;
    }
    let (attributes, after) = attributes(&rest[end..]);
    rest = after;
    let mut text = String::new();
    if name != "meta" {
      let close = format!("</{name}");
      let lower = rest.to_ascii_lowercase();
      let length = lower.find(&close).unwrap_or(rest.len());
      text = rest[..length].to_string();
      rest = &rest[length..];
    }
    elements.push(Element {
      name,
      attributes,
      text,
    });
  }
  elements
}

/// The referrer policy of a page: its header's, or that of the last
/// [`<meta name=referrer>`](https://html.spec.whatwg.org/multipage/semantics.html#meta-referrer).
pub fn referrer_policy(source: &Source) -> String {
  let elements = elements(&source.text);
  let metadata = elements.iter().filter(|element| {
    element.name == "meta" && element.attribute("name") == Some("referrer")
  });
  let mut contents =
    metadata.filter_map(|element| element.attribute("content"));
  match contents.next_back().map(str::to_ascii_lowercase).as_deref() {
    None | Some("") => source.referrer_policy.clone(),
    Some("never") => "no-referrer".into(),
    Some("default") => "strict-origin-when-cross-origin".into(),
    Some("always") => "unsafe-url".into(),
    Some("origin-when-crossorigin") => "origin-when-cross-origin".into(),
    Some(content) => content.into(),
  }
}

/// What is in the body of a page.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Body {
  pub html: String,
  pub text: String,
}

impl Body {
  /// What is written between the tags of the page's body, if it has them.
  pub fn written(source: &str) -> Option<Self> {
    let lower = source.to_ascii_lowercase();
    let tag = lower.find("<body")?;
    let start = lower[tag..].find('>').map(|end| tag + end + 1);
    let start = start.unwrap_or(source.len());
    let end = lower[start..].find("</body").map(|end| start + end);
    Some(Self::of(&source[start..end.unwrap_or(source.len())]))
  }

  /// The same; a page without these tags is all body.
  pub fn shown(source: &str) -> Self {
    Self::written(source).unwrap_or_else(|| Self::of(source))
  }

  fn of(html: &str) -> Self {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
      text += before;
      rest = tag.split_once('>').map_or("", |(_, after)| after);
    }
    text += rest;
    Self {
      html: html.into(),
      text: unescape(&text),
    }
  }
}

/// The attributes up to `>`, and what follows it.
fn attributes(mut rest: &str) -> (Vec<(String, String)>, &str) {
  let mut attributes = Vec::new();
  loop {
    rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
    if let Some(after) = rest.strip_prefix('>') {
      return (attributes, after);
    }
    if rest.is_empty() {
      return (attributes, rest);
    }
    let end = rest
      .find(|c: char| c.is_whitespace() || "=>/".contains(c))
      .unwrap_or(rest.len());
    let name = rest[..end].to_ascii_lowercase();
    rest = rest[end..].trim_start();
    let mut value = "";
    if let Some(after) = rest.strip_prefix('=') {
      let after = after.trim_start();
      (value, rest) = match after.chars().next() {
        Some(quote @ ('"' | '\'')) => {
          after[1..].split_once(quote).unwrap_or((&after[1..], ""))
        }
        _ => after.split_at(
          after
            .find(|c: char| c.is_whitespace() || c == '>')
            .unwrap_or(after.len()),
        ),
      };
    }
    attributes.push((name, unescape(value)));
  }
}

fn unescape(text: &str) -> String {
  text
    .replace("&quot;", "\"")
    .replace("&lt;", "<")
    .replace("&gt;", ">")
    .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn scripts_and_metadata() {
    let found = elements(
      "<!doctype html><meta charset=utf-8><title>T</title><!-- <script> -->\
       <script src='/a.js?x=1&amp;y'></script><div id=log></div>\
       <script>if (1 < 2) go();</script>",
    );
    let names: Vec<_> = found.iter().map(|e| &*e.name).collect();
    assert_eq!(names, ["meta", "title", "script", "script"]);
    assert_eq!(found[0].attribute("charset"), Some("utf-8"));
    assert_eq!(found[1].text, "T");
    assert_eq!(found[2].attribute("src"), Some("/a.js?x=1&y"));
    assert_eq!(found[3].text, "if (1 < 2) go();");
  }

  #[test]
  fn a_body_is_what_is_written_in_it() {
    let found = Body::shown("<title>T</title><BODY class=x>a<br>&lt;b</BODY>");
    assert_eq!(found.html, "a<br>&lt;b");
    assert_eq!(found.text, "a<b");
    assert_eq!(Body::shown("plain").text, "plain");
    assert_eq!(Body::written("plain"), None);
    assert_eq!(Body::shown("<body>PASS").text, "PASS");
    assert_eq!(Body::shown("<body").text, "");
  }
}
