//! What a page's file has: its scripts, and its elements as far as scripts
//! look for them.

use std::collections::BTreeMap;

use html5gum::DefaultEmitter;
use html5gum::HtmlString;
use html5gum::Token;
use html5gum::Tokenizer;
use serde::Serialize;

/// An element or a text. Elements nest as their tags do: tags that HTML lets an
/// author leave out are not found again.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Node {
  Text(String),
  Element(Element),
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Element {
  pub tag: String,
  pub attributes: BTreeMap<String, String>,
  pub children: Vec<Node>,
}

/// A script of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct PageScript {
  pub is_module: bool,
  /// Whether it runs when the page is parsed.
  pub is_deferred: bool,
  pub source: Source,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Source {
  Inline(String),
  /// The value of `src`.
  External(String),
}

#[derive(Debug, Default)]
pub struct Page {
  pub nodes: Vec<Node>,
  /// In the order in which they stand.
  pub scripts: Vec<PageScript>,
  /// Of `<meta http-equiv="Content-Security-Policy">`.
  pub csp: Vec<String>,
}

/// Elements without an end tag.
const VOID: [&str; 13] = [
  "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta",
  "source", "track", "wbr",
];

/// Reads a page. Whatever the text is, it is one.
pub fn parse(html: &str) -> Page {
  let mut emitter = DefaultEmitter::default();
  // The text of a script is not a markup.
  emitter.naively_switch_states(true);
  let mut open = vec![Element::default()];
  for token in Tokenizer::new_with_emitter(html, emitter) {
    let Ok(token) = token;
    match token {
      Token::StartTag(tag) => {
        let attributes = tag.attributes.into_iter();
        let element = Element {
          tag: text(&tag.name),
          attributes: attributes
            .map(|(name, value)| (text(&name), text(&value)))
            .collect(),
          children: Vec::new(),
        };
        let is_void = VOID.contains(&element.tag.as_str());
        open.push(element);
        if is_void {
          close(&mut open);
        }
      }
      Token::EndTag(tag) => {
        let name = text(&tag.name);
        // One that was never opened closes nothing.
        if open[1..].iter().any(|element| element.tag == name) {
          while open.last().is_some_and(|element| element.tag != name) {
            close(&mut open);
          }
          close(&mut open);
        }
      }
      Token::String(string) => {
        if let Some(element) = open.last_mut() {
          element.children.push(Node::Text(text(&string)));
        }
      }
      _ => {}
    }
  }
  while open.len() > 1 {
    close(&mut open);
  }
  let nodes = open.pop().unwrap_or_default().children;
  let mut page = Page::default();
  collect(&nodes, &mut page);
  page.nodes = nodes;
  page
}

fn text(string: &HtmlString) -> String {
  String::from_utf8_lossy(string).into_owned()
}

/// Puts the last open element into the one before.
fn close(open: &mut Vec<Element>) {
  if let Some(element) = open.pop()
    && let Some(parent) = open.last_mut()
  {
    parent.children.push(Node::Element(element));
  }
}

fn collect(nodes: &[Node], page: &mut Page) {
  for node in nodes {
    let Node::Element(element) = node else {
      continue;
    };
    match element.tag.as_str() {
      "script" => page.scripts.extend(script(element)),
      "meta" => page.csp.extend(csp(element)),
      // Its content is not part of the page.
      "template" => {}
      _ => collect(&element.children, page),
    }
  }
}

fn script(element: &Element) -> Option<PageScript> {
  let attribute = |name: &str| element.attributes.get(name);
  let kind = attribute("type").map(|t| t.trim().to_ascii_lowercase());
  let is_module = match kind.as_deref() {
    None | Some("" | "text/javascript" | "application/javascript") => false,
    Some("module") => true,
    // Data, or a script of another kind.
    Some(_) => return None,
  };
  // For browsers without modules.
  if !is_module && attribute("nomodule").is_some() {
    return None;
  }
  let source = match attribute("src") {
    Some(src) => Source::External(src.clone()),
    None => Source::Inline(content(element)),
  };
  let is_external = matches!(source, Source::External(_));
  let waits = attribute("defer").is_some() || attribute("async").is_some();
  Some(PageScript {
    is_module,
    is_deferred: is_module || (is_external && waits),
    source,
  })
}

fn content(element: &Element) -> String {
  let texts = element.children.iter().filter_map(|node| match node {
    Node::Text(text) => Some(text.as_str()),
    Node::Element(_) => None,
  });
  texts.collect()
}

fn csp(element: &Element) -> Option<String> {
  let kind = element.attributes.get("http-equiv")?;
  kind
    .eq_ignore_ascii_case("content-security-policy")
    .then(|| element.attributes.get("content").cloned())?
}

#[cfg(test)]
mod tests {
  use super::*;

  fn scripts(html: &str) -> Vec<(bool, bool, String)> {
    let scripts = parse(html).scripts.into_iter();
    scripts
      .map(|script| {
        let source = match script.source {
          Source::Inline(text) => text,
          Source::External(src) => format!("@{src}"),
        };
        (script.is_module, script.is_deferred, source)
      })
      .collect()
  }

  #[test]
  fn every_script_is_found_with_its_kind_and_its_time() {
    let html = r#"<!doctype html><title>T</title>
      <script>if (1 < 2 && "</b>") a();</script>
      <script src=b.js></script>
      <script defer src="c.js"></script>
      <script async src="d.js"></script>
      <script defer>e()</script>
      <script type=module>f()</script>
      <script type="module" src="g.js"></script>
      <script type="application/json">{"no": 1}</script>
      <script nomodule>h()</script>
      <!-- <script>i()</script> -->
      <template><script>j()</script></template>"#;
    let expected = [
      (false, false, "if (1 < 2 && \"</b>\") a();"),
      (false, false, "@b.js"),
      (false, true, "@c.js"),
      (false, true, "@d.js"),
      (false, false, "e()"),
      (true, true, "f()"),
      (true, true, "@g.js"),
    ];
    let expected =
      expected.map(|(is_module, late, s)| (is_module, late, s.to_string()));
    assert_eq!(scripts(html), expected);
  }

  #[test]
  fn elements_nest_and_what_is_left_open_is_closed() {
    let page = parse("<div id=a>x<br>y<p class='b c'>z</div></p><i>");
    let json = serde_json::to_string(&page.nodes).unwrap();
    let expected = concat!(
      r#"[{"tag":"div","attributes":{"id":"a"},"children":["x","#,
      r#"{"tag":"br","attributes":{},"children":[]},"y","#,
      r#"{"tag":"p","attributes":{"class":"b c"},"children":["z"]}]},"#,
      r#"{"tag":"i","attributes":{},"children":[]}]"#,
    );
    assert_eq!(json, expected);
  }

  #[test]
  fn a_policy_in_the_page_is_found() {
    let html = "<meta http-equiv=content-security-policy \
      content=\"connect-src 'none'\"><meta name=x content=y>";
    assert_eq!(parse(html).csp, ["connect-src 'none'"]);
  }
}
