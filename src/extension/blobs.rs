//! The blobs of a realm, whose URLs are the engine's.

use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;

use ::deno_web::Blob;
use ::deno_web::BlobPart;
use ::deno_web::BlobStore;
use ::deno_web::BlobStoreTrait;
use url::Origin;
use url::Url;
use uuid::Uuid;

use crate::engine::ObjectUrls;
use crate::engine::Realm;

/// Parts are a realm's own: they go with it. What `URL.createObjectURL()` has
/// named is known in every realm of the origin until then.
pub(super) struct Blobs {
  own: BlobStore,
  origin: Origin,
  urls: Arc<OnceLock<RealmUrls>>,
}

/// The engine's URLs, for a realm that is attached to it.
pub(super) struct RealmUrls {
  all: Arc<ObjectUrls>,
  realm: u64,
}

impl RealmUrls {
  pub(super) fn new(realm: &Realm) -> Self {
    Self {
      all: realm.object_urls(),
      realm: realm.number(),
    }
  }
}

impl Blobs {
  /// No script makes or looks up a URL before `urls` is set.
  pub(super) fn new(origin: Origin, urls: Arc<OnceLock<RealmUrls>>) -> Self {
    Self {
      own: BlobStore::default(),
      origin,
      urls,
    }
  }

  fn remove_all_urls(&self) {
    if let Some(urls) = self.urls.get() {
      urls.all.remove_all_of(urls.realm);
    }
  }
}

impl fmt::Debug for Blobs {
  fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct("Blobs").finish_non_exhaustive()
  }
}

impl BlobStoreTrait for Blobs {
  fn insert_part(&self, part: Arc<dyn BlobPart + Send + Sync>) -> Uuid {
    self.own.insert_part(part)
  }

  fn get_part(&self, id: &Uuid) -> Option<Arc<dyn BlobPart + Send + Sync>> {
    self.own.get_part(id)
  }

  fn remove_part(&self, id: &Uuid) -> Option<Arc<dyn BlobPart + Send + Sync>> {
    self.own.remove_part(id)
  }

  fn get_object_url(&self, mut url: Url) -> Option<Arc<Blob>> {
    url.set_fragment(None);
    let urls = self.urls.get()?;
    urls.all.get(self.origin.clone(), url)?.downcast().ok()
  }

  fn insert_object_url(&self, blob: Blob, location: Option<Url>) -> Url {
    // deno_web's store makes the URL.
    let url = self.own.insert_object_url(blob, location);
    if let Some(urls) = self.urls.get()
      && let Some(blob) = self.own.get_object_url(url.clone())
    {
      self.own.remove_object_url(&url);
      let origin = self.origin.clone();
      urls.all.insert(origin, url.clone(), urls.realm, blob);
    }
    url
  }

  fn remove_object_url(&self, url: &Url) {
    if let Some(urls) = self.urls.get() {
      urls.all.remove(self.origin.clone(), url.clone());
    }
  }

  fn clear(&self) {
    self.own.clear();
    self.remove_all_urls();
  }
}

impl Drop for Blobs {
  fn drop(&mut self) {
    self.remove_all_urls();
  }
}
