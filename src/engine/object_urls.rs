//! What scripts have named with `URL.createObjectURL()`.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use url::Origin;
use url::Url;

/// What a blob URL stands for: the engine does not know what blobs are.
pub(crate) type Object = Arc<dyn Any + Send + Sync>;

/// The [blob URL store](https://w3c.github.io/FileAPI/#BlobURLStore), which is
/// the user agent's: a URL of one realm works in every realm of its origin.
#[derive(Default)]
pub struct ObjectUrls(Mutex<HashMap<(Origin, Url), Entry>>);

struct Entry {
  realm: u64,
  object: Object,
}

opaque_debug!(ObjectUrls);

impl ObjectUrls {
  /// `realm` is the number of the realm that has made it.
  pub fn insert(&self, origin: Origin, url: Url, realm: u64, object: Object) {
    let entry = Entry { realm, object };
    self.0.lock().insert((origin, url), entry);
  }

  /// What the URL, which has no fragment, stands for in the origin.
  pub fn get(&self, origin: Origin, url: Url) -> Option<Object> {
    let entries = self.0.lock();
    let entry = entries.get(&(origin, url))?;
    Some(entry.object.clone())
  }

  /// Revokes the URL.
  pub fn remove(&self, origin: Origin, url: Url) {
    self.0.lock().remove(&(origin, url));
  }

  /// Revokes what the realm has made, which goes away.
  /// <https://w3c.github.io/FileAPI/#lifeTime>
  pub fn remove_all_of(&self, realm: u64) {
    self.0.lock().retain(|_, entry| entry.realm != realm);
  }
}
