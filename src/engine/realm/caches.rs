//! The caches of the [Cache API](https://w3c.github.io/ServiceWorker/#cache-objects),
//! behind the script's interface: an origin's quota, bodies that are still read,
//! caches that are still used.

use std::sync::Arc;
use std::sync::Weak;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::Realm;
use crate::dom_exception::DomException;
use crate::engine::context::Context;
use crate::engine::quota::Quota;
use crate::engine::quota::Reservation;
use crate::ids::BodyId;
use crate::ids::CacheKey;
use crate::spec::CacheQueryOptions;
use crate::spec::Request;
use crate::spec::Response;
use crate::spec::has_duplicates;
use crate::spec::may_cache_request;
use crate::spec::may_cache_response;
use crate::store::BodyWriter;
use crate::store::CachedBody;
use crate::store::CachedItem;
use crate::store::Removed;
use crate::store::StoreError;

/// Bodies up to this many bytes are kept in their row: one transaction, and no
/// file.
const INLINE: usize = 64 * 1024;

/// How many bytes are gathered before they are written, and read at once.
const CHUNK: usize = 256 * 1024;

/// The caches of an origin.
#[derive(Clone)]
pub struct CacheStorage {
  context: Arc<Context>,
  origin: String,
  quota: Arc<Quota>,
}

/// A cache that a script has. When its last user is gone, a cache that was
/// deleted meanwhile is forgotten.
pub struct OpenCache {
  storage: CacheStorage,
  key: CacheKey,
}

/// A response of a cache, or of none of them.
pub struct CachedResponse {
  /// Its status and headers.
  pub response: Response,
  /// `None` for a null body. The error is a human-readable message.
  pub body: Option<BoxStream<'static, Result<Bytes, String>>>,
}

opaque_debug!(CacheStorage, OpenCache, CachedResponse, NewBody);

impl Realm {
  /// [`caches`](https://w3c.github.io/ServiceWorker/#self-caches)
  ///
  /// # Errors
  ///
  /// The realm's origin is opaque.
  pub fn caches(&self) -> Result<CacheStorage, DomException> {
    let origin = self.options().url.origin();
    if !origin.is_tuple() {
      return Err(DomException::Security(format!(
        "{} has no origin that caches could belong to",
        self.options().url
      )));
    }
    let context = self.engine().context();
    Ok(CacheStorage {
      context: context.clone(),
      origin: origin.ascii_serialization(),
      quota: context.quota(&self.options().url),
    })
  }
}

impl CacheStorage {
  /// [`open()`](https://w3c.github.io/ServiceWorker/#cache-storage-open)
  ///
  /// # Errors
  ///
  /// As for all methods: the store has failed.
  pub async fn open(&self, name: &str) -> Result<OpenCache, DomException> {
    let users = &self.context.cache_users;
    let _changing = users.changing.lock().await;
    let opened = self.context.caches.open(self.origin.clone(), name.into());
    let key = opened.await?;
    Ok(self.use_cache(key))
  }

  fn use_cache(&self, key: CacheKey) -> OpenCache {
    let mut open = self.context.cache_users.open.lock();
    open.entry(key).or_default().count += 1;
    OpenCache {
      storage: self.clone(),
      key,
    }
  }

  /// [`keys()`](https://w3c.github.io/ServiceWorker/#cache-storage-keys)
  pub async fn keys(&self) -> Result<Vec<String>, DomException> {
    let names = self.context.caches.names(self.origin.clone()).await?;
    Ok(names.into_iter().map(|(_, name)| name).collect())
  }

  /// [`has()`](https://w3c.github.io/ServiceWorker/#cache-storage-has)
  pub async fn has(&self, name: &str) -> Result<bool, DomException> {
    Ok(self.keys().await?.iter().any(|key| key == name))
  }

  /// [`delete()`](https://w3c.github.io/ServiceWorker/#cache-storage-delete)
  pub async fn delete(&self, name: &str) -> Result<bool, DomException> {
    let users = &self.context.cache_users;
    let _changing = users.changing.lock().await;
    let caches = &self.context.caches;
    let deleted = caches.delete_cache(self.origin.clone(), name.into());
    let Some(key) = deleted.await? else {
      return Ok(false);
    };
    let is_used = match users.open.lock().get_mut(&key) {
      Some(users) => {
        users.deleted = true;
        true
      }
      None => false,
    };
    if !is_used {
      forget(&self.context, &self.quota, key).await?;
    }
    Ok(true)
  }

  /// [`match()`](https://w3c.github.io/ServiceWorker/#cache-storage-match): the
  /// first response of the cache `name`, or of all in their order.
  pub async fn find(
    &self,
    request: &Request,
    options: CacheQueryOptions,
    name: Option<&str>,
  ) -> Result<Option<CachedResponse>, DomException> {
    let names = self.context.caches.names(self.origin.clone()).await?;
    for (key, of) in names {
      if name.is_some_and(|name| name != of) {
        continue;
      }
      let cache = self.use_cache(key);
      let found = cache.find(request.clone(), options).await?;
      if found.is_some() {
        return Ok(found);
      }
    }
    Ok(None)
  }

  /// A body to be put into one of the caches.
  pub fn new_body(&self) -> NewBody {
    NewBody {
      context: self.context.clone(),
      taken: Reservation::empty(self.quota.clone()),
      length: 0,
      waiting: Vec::new(),
      waiting_length: 0,
      writer: None,
      id: None,
    }
  }

  fn removed(&self, removed: Removed) {
    self.quota.give_back(removed.bytes);
    self.context.discard_cached(removed.bodies);
  }
}

async fn forget(
  context: &Arc<Context>,
  quota: &Quota,
  key: CacheKey,
) -> Result<(), StoreError> {
  let removed = context.caches.forget(key).await?;
  quota.give_back(removed.bytes);
  context.discard_cached(removed.bodies);
  Ok(())
}

impl Drop for OpenCache {
  fn drop(&mut self) {
    let CacheStorage { context, quota, .. } = &self.storage;
    let mut open = context.cache_users.open.lock();
    let Some(users) = open.get_mut(&self.key) else {
      return;
    };
    users.count -= 1;
    if users.count > 0 {
      return;
    }
    let deleted = users.deleted;
    open.remove(&self.key);
    drop(open);
    if deleted {
      let (context, quota, key) = (context.clone(), quota.clone(), self.key);
      let task = context.clone();
      context.spawn(async move {
        // What stays is forgotten at the next start.
        if let Err(error) = forget(&task, &quota, key).await {
          tracing::warn!(%error, "a deleted cache cannot be forgotten");
        }
      });
    }
  }
}

impl OpenCache {
  /// The caches that this one belongs to.
  pub fn storage(&self) -> &CacheStorage {
    &self.storage
  }

  /// [`match()`](https://w3c.github.io/ServiceWorker/#cache-match)
  pub async fn find(
    &self,
    request: Request,
    options: CacheQueryOptions,
  ) -> Result<Option<CachedResponse>, DomException> {
    let first = |items: &mut Vec<CachedItem>| items.truncate(1);
    let found = self.query(Some(request), options, first);
    Ok(found.await?.pop())
  }

  /// [`matchAll()`](https://w3c.github.io/ServiceWorker/#cache-matchall)
  pub async fn find_all(
    &self,
    request: Option<Request>,
    options: CacheQueryOptions,
  ) -> Result<Vec<CachedResponse>, DomException> {
    self.query(request, options, |_| ()).await
  }

  async fn query(
    &self,
    request: Option<Request>,
    options: CacheQueryOptions,
    choose: impl FnOnce(&mut Vec<CachedItem>) + Send + 'static,
  ) -> Result<Vec<CachedResponse>, DomException> {
    let context = self.storage.context.clone();
    let caches = &self.storage.context.caches;
    let found = caches.query(self.key, request, options, move |mut items| {
      choose(&mut items);
      let respond = |item| CachedResponse::new(&context, item);
      items.into_iter().map(respond).collect()
    });
    Ok(found.await?)
  }

  /// [`keys()`](https://w3c.github.io/ServiceWorker/#cache-keys)
  pub async fn keys(
    &self,
    request: Option<Request>,
    options: CacheQueryOptions,
  ) -> Result<Vec<Request>, DomException> {
    let caches = &self.storage.context.caches;
    let found = caches.query(self.key, request, options, |items| {
      items.into_iter().map(|item| item.request).collect()
    });
    Ok(found.await?)
  }

  /// [`delete()`](https://w3c.github.io/ServiceWorker/#cache-delete)
  pub async fn delete(
    &self,
    request: Request,
    options: CacheQueryOptions,
  ) -> Result<bool, DomException> {
    let storage = self.storage.clone();
    let removed = move |removed| storage.removed(removed);
    let caches = &self.storage.context.caches;
    let deleted = caches.delete(self.key, request, options, removed);
    Ok(deleted.await?.0 > 0)
  }

  /// Whether [`OpenCache::put`] would take these.
  ///
  /// # Errors
  ///
  /// Why not.
  pub fn may_put(items: &[(Request, Response)]) -> Result<(), DomException> {
    for (request, response) in items {
      may_cache_request(request).map_err(DomException::Type)?;
      may_cache_response(response).map_err(DomException::Type)?;
    }
    let all: Vec<_> = items.iter().map(|(q, s)| (q, s)).collect();
    if has_duplicates(&all) {
      return Err(DomException::InvalidState(
        "a request is to be added to the cache twice".to_string(),
      ));
    }
    Ok(())
  }

  /// [Batch Cache Operations](https://w3c.github.io/ServiceWorker/#batch-cache-operations)
  /// of the kind "put": all of `items` or none. Durable when it returns.
  ///
  /// # Errors
  ///
  /// There is no room, or the store has failed; then nothing has changed.
  pub async fn put(
    &self,
    items: Vec<(Request, Response, Option<NewBody>)>,
  ) -> Result<(), DomException> {
    let CacheStorage { context, quota, .. } = &self.storage;
    let bodies = items.iter().filter_map(|(_, _, body)| body.as_ref());
    let requested = bodies.map(|body| body.length).sum();
    match self.try_put(items).await {
      Ok(()) => Ok(()),
      Err(error) => {
        Err(context.not_stored(quota, requested, error).await.into())
      }
    }
  }

  async fn try_put(
    &self,
    items: Vec<(Request, Response, Option<NewBody>)>,
  ) -> Result<(), StoreError> {
    let CacheStorage { context, .. } = &self.storage;
    let mut cached = Vec::new();
    let mut new = Vec::new();
    for (request, response, body) in items {
      let body = match body {
        Some(mut body) => {
          let stored = body.finish().await?;
          new.push(body);
          Some(stored)
        }
        None => None,
      };
      cached.push(CachedItem {
        request,
        response,
        body,
      });
    }
    let bodies: Vec<BodyId> = new.iter().filter_map(|body| body.id).collect();
    context.store.get()?.bodies.sync(&bodies).await?;
    // From the moment on at which rows speak of them, the bodies are the
    // cache's, anyone who still waits.
    let storage = self.storage.clone();
    let removed = move |removed| {
      new.into_iter().for_each(NewBody::release);
      storage.removed(removed);
    };
    context.caches.put(self.key, cached, removed).await
  }
}

/// A body that is being stored. It is deleted when it is dropped before a cache
/// has taken it.
pub struct NewBody {
  context: Arc<Context>,
  taken: Reservation,
  length: u64,
  waiting: Vec<Bytes>,
  waiting_length: usize,
  writer: Option<Box<dyn BodyWriter>>,
  id: Option<BodyId>,
}

impl NewBody {
  /// Appends `chunk`.
  ///
  /// # Errors
  ///
  /// No space is left, or the store failed; then the body is deleted.
  pub async fn write(&mut self, chunk: Bytes) -> Result<(), DomException> {
    let length = self.length + chunk.len() as u64;
    self.taken.grow_to(length)?;
    self.length = length;
    self.waiting_length += chunk.len();
    self.waiting.push(chunk);
    if self.waiting_length < CHUNK {
      return Ok(());
    }
    if let Err(error) = self.flush().await {
      let quota = self.taken.quota();
      let refusal = self.context.not_stored(quota, length, error).await;
      return Err(refusal.into());
    }
    Ok(())
  }

  /// Deletes the body when it fails.
  async fn flush(&mut self) -> Result<(), StoreError> {
    let flushed = self.try_flush().await;
    if flushed.is_err() {
      if let Some(body) = self.id.take() {
        self.context.delete_bodies(vec![body]).await;
      }
      self.taken.set(0);
    }
    flushed
  }

  async fn try_flush(&mut self) -> Result<(), StoreError> {
    let mut writer = match self.writer.take() {
      Some(writer) => writer,
      None => {
        let writer = self.context.store.get()?.bodies.create().await?;
        self.id = Some(writer.id());
        writer
      }
    };
    self.waiting_length = 0;
    writer.append(std::mem::take(&mut self.waiting)).await?;
    self.writer = Some(writer);
    Ok(())
  }

  async fn finish(&mut self) -> Result<CachedBody, StoreError> {
    if self.writer.is_none() && self.waiting_length <= INLINE {
      return Ok(CachedBody::Inline(self.waiting.concat().into()));
    }
    self.flush().await?;
    self.writer = None;
    let (id, length) = (self.id, self.length);
    id.map(|id| CachedBody::Stored { id, length })
      .ok_or(StoreError::Closed)
  }

  fn release(mut self) {
    self.id = None;
    self.taken.keep();
  }
}

impl Drop for NewBody {
  fn drop(&mut self) {
    self.context.discard_cached(self.id.take());
  }
}

impl CachedResponse {
  fn new(context: &Arc<Context>, item: CachedItem) -> Self {
    let CachedItem { response, body, .. } = item;
    let body = body.map(|body| match body {
      CachedBody::Inline(bytes) => futures::stream::iter([Ok(bytes)]).boxed(),
      CachedBody::Stored { id, .. } => stored_body(Lease::new(context, id)),
    });
    Self { response, body }
  }
}

/// Reads a body from its beginning to its end.
fn stored_body(lease: Lease) -> BoxStream<'static, Result<Bytes, String>> {
  let read =
    async move |(lease, mut reader, offset): (Lease, Option<_>, u64)| {
      if reader.is_none() {
        let context = lease.context.upgrade().ok_or(StoreError::Closed)?;
        let bodies = context.store.get()?.bodies;
        reader = Some(bodies.open(lease.body).await?);
      }
      let Some(open) = &reader else { return Ok(None) };
      let bytes = open.read_at(offset, CHUNK).await?;
      if bytes.is_empty() {
        return Ok(None);
      }
      let next = offset + bytes.len() as u64;
      Ok::<_, StoreError>(Some((bytes, (lease, reader, next))))
    };
  let stream = futures::stream::try_unfold((lease, None, 0), read);
  stream.map(|read| read.map_err(|e| e.to_string())).boxed()
}

/// Keeps a body readable.
struct Lease {
  context: Weak<Context>,
  body: BodyId,
}

impl Lease {
  fn new(context: &Arc<Context>, body: BodyId) -> Self {
    let mut leases = context.cache_users.leases.lock();
    leases.entry(body).or_default().count += 1;
    Self {
      context: Arc::downgrade(context),
      body,
    }
  }
}

impl Drop for Lease {
  fn drop(&mut self) {
    let Some(context) = self.context.upgrade() else {
      return;
    };
    let mut leases = context.cache_users.leases.lock();
    let Some(readers) = leases.get_mut(&self.body) else {
      return;
    };
    readers.count -= 1;
    if readers.count > 0 {
      return;
    }
    let discarded = readers.discarded;
    leases.remove(&self.body);
    drop(leases);
    if discarded {
      context.discard_cached([self.body]);
    }
  }
}

impl Context {
  /// Deletes bodies of which no row speaks any more; one that is being read,
  /// when its last reader is done.
  fn discard_cached(
    self: &Arc<Self>,
    bodies: impl IntoIterator<Item = BodyId>,
  ) {
    let mut leases = self.cache_users.leases.lock();
    let unread = |body: &BodyId| match leases.get_mut(body) {
      Some(readers) => {
        readers.discarded = true;
        false
      }
      None => true,
    };
    let unread: Vec<BodyId> = bodies.into_iter().filter(unread).collect();
    drop(leases);
    if !unread.is_empty() {
      let context = self.clone();
      self.spawn(async move { context.delete_bodies(unread).await });
    }
  }
}
