//! Modules of a service worker.

use deno_core::ModuleLoadOptions;
use deno_core::ModuleLoadReferrer;
use deno_core::ModuleLoadResponse;
use deno_core::ModuleLoader;
use deno_core::ModuleSource;
use deno_core::ModuleSourceCode;
use deno_core::ModuleSpecifier;
use deno_core::ModuleType;
use deno_core::ResolutionKind;
use deno_core::error::ModuleLoaderError;
use deno_core::resolve_import;
use deno_error::JsErrorBox;
use parking_lot::Mutex;

use crate::engine::Realm;

/// Takes modules from the worker's script resource map and, before it is
/// installed, from where they lie.
#[derive(Default)]
pub(crate) struct WorkerModules {
  /// Known when the runtime is there.
  pub(crate) realm: Mutex<Option<Realm>>,
}

impl ModuleLoader for WorkerModules {
  fn resolve(
    &self,
    specifier: &str,
    referrer: &str,
    kind: ResolutionKind,
  ) -> deno_core::ModuleResolveResponse {
    // https://w3c.github.io/ServiceWorker/#service-worker-global-scope: a
    // service worker has no `import()`.
    if kind == ResolutionKind::DynamicImport {
      return Err(JsErrorBox::type_error(
        "import() is not allowed in a service worker",
      ));
    }
    resolve_import(specifier, referrer).map_err(JsErrorBox::from_err)
  }

  fn load(
    &self,
    specifier: &ModuleSpecifier,
    _referrer: Option<&ModuleLoadReferrer>,
    _options: ModuleLoadOptions,
  ) -> ModuleLoadResponse {
    let specifier = specifier.clone();
    let realm = self.realm.lock().clone();
    ModuleLoadResponse::Async(Box::pin(async move {
      let ended = || JsErrorBox::generic("the worker has ended");
      let realm = realm.ok_or_else(ended)?;
      let source = realm.import(specifier.clone()).await;
      let source = source
        .map_err(|error| ModuleLoaderError::type_error(error.to_string()))?;
      Ok(ModuleSource::new(
        ModuleType::JavaScript,
        ModuleSourceCode::String(source.into()),
        &specifier,
        None,
      ))
    }))
  }
}
