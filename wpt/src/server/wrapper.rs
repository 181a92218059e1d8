//! The pages and worker scripts that are generated for `.window.js`, `.any.js`
//! and `.worker.js`.

use std::fs;
use std::path::Path;

use super::exchange::Reply;
use super::files::locate;
use crate::meta::Meta;

/// The generated file at `path`, if its test exists.
pub fn reply(root: &Path, path: &str) -> Option<Reply> {
  let wraps = |generated: &str, source: &str| {
    let test = format!("{}{source}", path.strip_suffix(generated)?);
    let text = fs::read_to_string(locate(root, &test)?).ok()?;
    Some((test, Meta::parse(&text)))
  };
  let html = |text| {
    Reply::new(200, text).with("Content-Type", "text/html; charset=utf-8")
  };
  if let Some((test, meta)) = wraps(".window.html", ".window.js") {
    return Some(html(window_page(&test, &meta, None)));
  }
  if let Some((test, meta)) = wraps(".any.html", ".any.js") {
    return Some(html(window_page(&test, &meta, Some(global("Window")))));
  }
  if let Some((test, meta)) = wraps(".any.worker.js", ".any.js") {
    return Some(
      Reply::new(200, worker_script(&test, &meta))
        .with("Content-Type", "text/javascript"),
    );
  }
  if let Some((test, meta)) = wraps(".any.worker-module.js", ".any.js") {
    return Some(
      Reply::new(200, module_script(&test, &meta))
        .with("Content-Type", "text/javascript"),
    );
  }
  if let Some((test, meta)) = wraps(".any.worker.html", ".any.js") {
    let script = test.replace(".any.js", ".any.worker.js");
    return Some(html(worker_page(&meta, &script)));
  }
  if let Some((test, meta)) = wraps(".any.serviceworker.html", ".any.js") {
    let script = test.replace(".any.js", ".any.worker.js");
    return Some(html(service_worker_page(&meta, &script)));
  }
  if let Some((test, meta)) = wraps(".worker.html", ".worker.js") {
    return Some(html(worker_page(&meta, &test)));
  }
  None
}

/// What tests ask to learn where they run.
fn global(scope: &str) -> String {
  let window = scope == "Window";
  format!(
    "self.GLOBAL = {{\n  isWindow() {{ return {window}; }},\n  isWorker() {{ \
     return {}; }},\n  isShadowRealm() {{ return false; }},\n}};\n",
    !window
  )
}

fn page_head(meta: &Meta) -> String {
  let mut page = "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n".to_string();
  if let Some(title) = &meta.title {
    page += &format!("<title>{}</title>\n", escape(title));
  }
  if meta.long_timeout {
    page += "<meta name=\"timeout\" content=\"long\">\n";
  }
  page += "<script src=\"/resources/testharness.js\"></script>\n";
  page += "<script src=\"/resources/testharnessreport.js\"></script>\n";
  page
}

fn window_page(test: &str, meta: &Meta, inline: Option<String>) -> String {
  let mut page = page_head(meta);
  if let Some(inline) = inline {
    page += &format!("<script>\n{inline}</script>\n");
  }
  for script in meta.scripts.iter().map(String::as_str).chain([test]) {
    page += &format!("<script src=\"{}\"></script>\n", escape(script));
  }
  page
}

fn worker_script(test: &str, meta: &Meta) -> String {
  let mut script = global("Worker");
  let first = ["/resources/testharness.js"];
  let scripts = first
    .into_iter()
    .chain(meta.scripts.iter().map(String::as_str))
    .chain([test]);
  for url in scripts {
    script += &format!("importScripts({});\n", quote(url));
  }
  script + "done();\n"
}

fn module_script(test: &str, meta: &Meta) -> String {
  let first = ["/resources/testharness.js"];
  let scripts = first
    .into_iter()
    .chain(meta.scripts.iter().map(String::as_str))
    .chain([test]);
  let imports = scripts.map(|url| format!("import {};\n", quote(url)));
  format!(
    "{}{}done();\n",
    global("Worker"),
    imports.collect::<String>()
  )
}

fn worker_page(meta: &Meta, script: &str) -> String {
  let script = quote(script);
  format!(
    "{}<script>\nfetch_tests_from_worker(\n  new Worker({script} + \
     location.search));\n</script>\n",
    page_head(meta)
  )
}

fn service_worker_page(meta: &Meta, script: &str) -> String {
  let script = quote(script);
  format!(
    r#"{}<script>
(async () => {{
  const scope = "does/not/exist";
  const old = await navigator.serviceWorker.getRegistration(scope);
  if (old !== undefined) await old.unregister();
  const registration = await navigator.serviceWorker.register(
    {script} + location.search, {{ scope }});
  add_completion_callback(() => registration.unregister());
  await fetch_tests_from_worker(registration.installing);
}})();
</script>
"#,
    page_head(meta)
  )
}

/// A JavaScript string.
fn quote(text: &str) -> String {
  serde_json::Value::from(text).to_string()
}

fn escape(text: &str) -> String {
  text
    .replace('&', "&amp;")
    .replace('"', "&quot;")
    .replace('<', "&lt;")
}
