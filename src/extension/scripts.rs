//! The JavaScript of the extensions, as part of the program.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::OnceLock;

use deno_core::Extension;
use deno_core::ExtensionFileSource;
use parking_lot::Mutex;

fn embedded(specifier: &str) -> Option<&'static str> {
  let source = include!(concat!(env!("OUT_DIR"), "/scripts.rs"));
  Some(source)
}

/// The extension with its scripts from memory, where `deno_core` would read
/// them from the directory that they were built from.
pub(super) fn with_scripts(mut extension: Extension) -> Extension {
  for files in [
    &mut extension.js_files,
    &mut extension.esm_files,
    &mut extension.lazy_loaded_esm_files,
    &mut extension.lazy_loaded_js_files,
  ] {
    let sources = files.iter().cloned();
    let loadable = sources.map(|file| match shared(file.specifier) {
      Some(source) => ExtensionFileSource::new_computed(file.specifier, source),
      None => file,
    });
    *files = loadable.collect::<Vec<_>>().into();
  }
  extension
}

/// One copy for all realms.
fn shared(specifier: &'static str) -> Option<Arc<str>> {
  static SHARED: OnceLock<Mutex<HashMap<&'static str, Arc<str>>>> =
    OnceLock::new();
  let mut shared = SHARED.get_or_init(Mutex::default).lock();
  if let Some(source) = shared.get(specifier) {
    return Some(source.clone());
  }
  let source: Arc<str> = embedded(specifier)?.into();
  shared.insert(specifier, source.clone());
  Some(source)
}
