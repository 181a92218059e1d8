//! Modules of workers.

use deno_core::ModuleLoadOptions;
use deno_core::ModuleLoadReferrer;
use deno_core::ModuleLoadResponse;
use deno_core::ModuleLoader;
use deno_core::ModuleSource;
use deno_core::ModuleSourceCode;
use deno_core::ModuleSpecifier;
use deno_core::ModuleType;
use deno_core::ResolutionKind;
use deno_core::resolve_import;
use deno_error::JsErrorBox;
use parking_lot::Mutex;

use crate::engine::Realm;
use crate::engine::RealmKind;
use crate::service_worker::ScriptRole;

/// Takes modules from where the worker's script is; those of a service worker
/// from its script resource map, once it is installed.
pub(crate) struct WorkerModules {
  kind: RealmKind,
  /// Known when the runtime is there, and as long as the worker runs.
  realm: Mutex<Option<Realm>>,
}

impl WorkerModules {
  pub(crate) fn new(kind: RealmKind) -> Self {
    let realm = Mutex::default();
    Self { kind, realm }
  }

  pub(crate) fn set_realm(&self, realm: Option<Realm>) {
    *self.realm.lock() = realm;
  }
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
    let is_dynamic = kind == ResolutionKind::DynamicImport;
    if is_dynamic && self.kind == RealmKind::ServiceWorker {
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
    let kind = self.kind;
    ModuleLoadResponse::Async(Box::pin(async move {
      let ended = || JsErrorBox::generic("the worker has ended");
      let realm = realm.ok_or_else(ended)?;
      let source = match kind {
        RealmKind::ServiceWorker => {
          let imported = realm.import(specifier.clone()).await;
          imported.map_err(|error| error.to_string())
        }
        _ => {
          let role = ScriptRole::ModuleImport;
          realm.fetch_script(specifier.clone(), role).await
        }
      };
      let source = source.map_err(JsErrorBox::type_error)?;
      Ok(ModuleSource::new(
        ModuleType::JavaScript,
        ModuleSourceCode::String(source.into()),
        &specifier,
        None,
      ))
    }))
  }
}
