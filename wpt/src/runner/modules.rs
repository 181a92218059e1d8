//! Modules of pages and workers.

use deno_core::ModuleLoadOptions;
use deno_core::ModuleLoadReferrer;
use deno_core::ModuleLoadResponse;
use deno_core::ModuleLoader;
use deno_core::ModuleResolveResponse;
use deno_core::ModuleSource;
use deno_core::ModuleSourceCode;
use deno_core::ModuleSpecifier;
use deno_core::ModuleType;
use deno_core::ResolutionKind;
use deno_core::error::ModuleLoaderError;
use deno_core::resolve_import;
use deno_error::JsErrorBox;

use super::loader::Loader;
use crate::discover::Scope;
use crate::server::built_in;

/// Takes modules from where they lie.
pub struct Modules {
  pub loader: Loader,
  pub scope: Scope,
}

impl ModuleLoader for Modules {
  fn resolve(
    &self,
    specifier: &str,
    referrer: &str,
    kind: ResolutionKind,
  ) -> ModuleResolveResponse {
    // https://w3c.github.io/ServiceWorker/#service-worker-global-scope
    let is_dynamic = kind == ResolutionKind::DynamicImport;
    if is_dynamic && self.scope == Scope::ServiceWorker {
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
    let (loader, url) = (self.loader.clone(), specifier.clone());
    let in_worker = self.scope != Scope::Window;
    ModuleLoadResponse::Async(Box::pin(async move {
      let mut source = loader
        .load_script(url.clone())
        .await
        .map_err(ModuleLoaderError::type_error)?;
      // A page names this script itself, a worker does not.
      if in_worker && url.path() == "/resources/testharness.js" {
        source.push('\n');
        source += built_in("/resources/testharnessreport.js").unwrap_or("");
      }
      Ok(ModuleSource::new(
        ModuleType::JavaScript,
        ModuleSourceCode::String(source.into()),
        &url,
        None,
      ))
    }))
  }
}
