//! A page that is an HTML file: its scripts run in the order that HTML has for
//! them.

use std::collections::HashMap;
use std::path::Path;

use background_fetch::extension::PageDocument;
use deno_core::FsModuleLoader;
use deno_core::ModuleLoadOptions;
use deno_core::ModuleLoadReferrer;
use deno_core::ModuleLoadResponse;
use deno_core::ModuleLoader;
use deno_core::ModuleSource;
use deno_core::ModuleSourceCode;
use deno_core::ModuleSpecifier;
use deno_core::ModuleType;
use deno_core::ResolutionKind;
use url::Url;

use super::html;
use super::html::PageScript;
use super::html::Source;

/// A page that can be loaded.
pub struct Page {
  pub document: PageDocument,
  /// Its own Content Security Policies.
  pub csp: Vec<String>,
  pub loader: PageModules,
  /// A module that loads it.
  pub specifier: ModuleSpecifier,
  /// Scripts that are not there, with the reason.
  pub missing: Vec<String>,
}

/// Whether the file is a page and no script.
pub fn is_page(path: &Path) -> bool {
  let extension = path.extension().and_then(|e| e.to_str());
  extension.is_some_and(|e| ["html", "htm"].contains(&e))
}

/// Reads the page in the file `path`, whose URL is `base`.
///
/// # Errors
///
/// It, or its path, cannot be read.
pub fn read(path: &Path, base: &Url) -> std::io::Result<Page> {
  let parsed = html::parse(&std::fs::read_to_string(path)?);
  let file = ModuleSpecifier::from_file_path(path).map_err(|()| {
    std::io::Error::other(format!("{} is not absolute", path.display()))
  })?;
  let mut page = Page {
    document: PageDocument {
      nodes: serde_json::to_value(&parsed.nodes)?,
      scripts: Vec::new(),
    },
    csp: parsed.csp,
    loader: PageModules::default(),
    specifier: inline(&file, "load"),
    missing: Vec::new(),
  };
  let mut load = Load {
    page: &mut page,
    file: &file,
    base,
    source: String::new(),
  };
  load.source += "const page = \
    globalThis[Symbol.for('background_fetch.page')];\n";
  let (deferred, first): (Vec<_>, Vec<_>) = parsed
    .scripts
    .into_iter()
    .partition(|script| script.is_deferred);
  load.scripts(first);
  load.source += "page.interactive();\n";
  load.scripts(deferred);
  load.source += "page.end();\n";
  let source = load.source;
  let specifier = page.specifier.clone();
  page.loader.inline.insert(specifier, source);
  Ok(page)
}

struct Load<'a> {
  page: &'a mut Page,
  file: &'a ModuleSpecifier,
  base: &'a Url,
  /// Of the module that loads the page.
  source: String,
}

impl Load<'_> {
  fn scripts(&mut self, scripts: Vec<PageScript>) {
    for script in scripts {
      if let Err(reason) = self.script(script) {
        self.page.missing.push(reason);
      }
    }
  }

  fn script(&mut self, script: PageScript) -> Result<(), String> {
    if !script.is_module {
      let (name, source) = match script.source {
        Source::Inline(source) => (self.base.to_string(), source),
        Source::External(src) => {
          let (url, file) = self.file_of(&src)?;
          let source = file.to_file_path().ok();
          let source = source.map(std::fs::read_to_string);
          match source {
            Some(Ok(source)) => (url.to_string(), source),
            Some(Err(error)) => return Err(format!("{src}: {error}")),
            None => return Err(format!("{src}: it is not a file")),
          }
        }
      };
      let index = self.page.document.scripts.len();
      self.page.document.scripts.push((name, source));
      self.source += &format!("page.classic({index});\n");
      return Ok(());
    }
    let specifier = match script.source {
      Source::Inline(source) => {
        let index = self.page.loader.inline.len();
        let specifier = inline(self.file, &format!("module-{index}"));
        self.page.loader.inline.insert(specifier.clone(), source);
        specifier
      }
      Source::External(src) => self.file_of(&src)?.1,
    };
    let specifier = serde_json::Value::from(specifier.as_str());
    self.source += &format!("await page.module(() => import({specifier}));\n");
    Ok(())
  }

  /// The URL of a script, and the file beside the page that it is.
  fn file_of(&self, src: &str) -> Result<(Url, ModuleSpecifier), String> {
    let elsewhere =
      || format!("{src}: only scripts beside the page, or below, are loaded");
    let url = self
      .base
      .join(src)
      .map_err(|error| format!("{src}: {error}"))?;
    let directory = self.base.join("./").map_err(|_| elsewhere())?;
    let below = url.as_str().strip_prefix(directory.as_str());
    let below = below.ok_or_else(elsewhere)?;
    let mut file = self.file.join("./").map_err(|_| elsewhere())?;
    let name = below.split(['?', '#']).next().unwrap_or_default();
    let path = format!("{}{name}", file.path());
    file.set_path(&path);
    Ok((url, file))
  }
}

/// A module that is in the page's file.
fn inline(file: &ModuleSpecifier, name: &str) -> ModuleSpecifier {
  let mut specifier = file.clone();
  specifier.set_fragment(Some(name));
  specifier
}

/// The modules of a page: those in its file, and those on the disk.
#[derive(Default)]
pub struct PageModules {
  inline: HashMap<ModuleSpecifier, String>,
}

impl ModuleLoader for PageModules {
  fn resolve(
    &self,
    specifier: &str,
    referrer: &str,
    kind: ResolutionKind,
  ) -> deno_core::ModuleResolveResponse {
    FsModuleLoader.resolve(specifier, referrer, kind)
  }

  fn load(
    &self,
    specifier: &ModuleSpecifier,
    referrer: Option<&ModuleLoadReferrer>,
    options: ModuleLoadOptions,
  ) -> ModuleLoadResponse {
    match self.inline.get(specifier) {
      Some(source) => ModuleLoadResponse::Sync(Ok(ModuleSource::new(
        ModuleType::JavaScript,
        ModuleSourceCode::String(source.clone().into()),
        specifier,
        None,
      ))),
      None => FsModuleLoader.load(specifier, referrer, options),
    }
  }
}
