//! The JavaScript of the extensions, as part of the program.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::OnceLock;

use deno_core::Extension;
use deno_core::ExtensionFileSource;
use parking_lot::Mutex;

fn embedded(specifier: &str) -> Option<&'static str> {
  include!(concat!(env!("OUT_DIR"), "/scripts.rs"))
}

/// One of the extensions of this crate, and of those that it depends on.
pub(super) fn with_own_scripts(extension: Extension) -> Extension {
  with_scripts(extension, embedded)
}

/// The extension with its scripts from memory, where `deno_core` would read
/// them from the directory that they were built from: on another machine that
/// is not there.
///
/// `source` has the text of a script by its specifier, such as
/// `ext:deno_cache/01_cache.js`. The build script of the program makes it, with
/// the crate `background_fetch_build`. A file that `source` does not know is
/// left as it is.
///
/// ```no_run
/// # fn my_extension() -> deno_core::Extension { unimplemented!() }
/// use background_fetch::extension::with_scripts;
///
/// fn scripts(specifier: &str) -> Option<&'static str> {
///   // include!(concat!(env!("OUT_DIR"), "/scripts.rs"))
///   # None
/// }
/// let extension = with_scripts(my_extension(), scripts);
/// ```
pub fn with_scripts(
  mut extension: Extension,
  source: fn(&str) -> Option<&'static str>,
) -> Extension {
  for files in [
    &mut extension.js_files,
    &mut extension.esm_files,
    &mut extension.lazy_loaded_esm_files,
    &mut extension.lazy_loaded_js_files,
  ] {
    let sources = files.iter().cloned();
    let loadable = sources.map(|file| match shared(file.specifier, source) {
      Some(source) => ExtensionFileSource::new_computed(file.specifier, source),
      None => file,
    });
    *files = loadable.collect::<Vec<_>>().into();
  }
  extension
}

/// One copy for all realms.
fn shared(
  specifier: &'static str,
  source: fn(&str) -> Option<&'static str>,
) -> Option<Arc<str>> {
  static SHARED: OnceLock<Mutex<HashMap<&'static str, Arc<str>>>> =
    OnceLock::new();
  let mut shared = SHARED.get_or_init(Mutex::default).lock();
  if let Some(source) = shared.get(specifier) {
    return Some(source.clone());
  }
  let source: Arc<str> = source(specifier)?.into();
  shared.insert(specifier, source.clone());
  Some(source)
}
