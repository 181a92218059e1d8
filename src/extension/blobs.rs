//! The blobs of a realm, whose URLs are the engine's.

use std::fmt;
use std::sync::Arc;

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
  urls: Arc<ObjectUrls>,
  origin: Origin,
  realm: u64,
}

impl Blobs {
  pub(super) fn new(realm: &Realm) -> Self {
    Self {
      own: BlobStore::default(),
      urls: realm.object_urls(),
      origin: realm.options().url.origin(),
      realm: realm.number(),
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
    self.urls.get(self.origin.clone(), url)?.downcast().ok()
  }

  fn insert_object_url(&self, blob: Blob, location: Option<Url>) -> Url {
    // deno_web's store makes the URL.
    let url = self.own.insert_object_url(blob, location);
    if let Some(blob) = self.own.get_object_url(url.clone()) {
      self.own.remove_object_url(&url);
      let origin = self.origin.clone();
      self.urls.insert(origin, url.clone(), self.realm, blob);
    }
    url
  }

  fn remove_object_url(&self, url: &Url) {
    self.urls.remove(self.origin.clone(), url.clone());
  }

  fn clear(&self) {
    self.own.clear();
    self.urls.remove_all_of(self.realm);
  }
}

impl Drop for Blobs {
  fn drop(&mut self) {
    self.urls.remove_all_of(self.realm);
  }
}
