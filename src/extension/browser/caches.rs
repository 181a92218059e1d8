//! The ops of the Cache API: they translate, and decide nothing.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use deno_core::OpState;
use deno_core::Resource;
use deno_core::ResourceId;
use deno_core::op2;
use serde::Deserialize;

use super::body;
use super::body::ReadableBody;
use super::fetch::JsResponse;
use crate::dom_exception::DomException;
use crate::engine::CacheStorage;
use crate::engine::CachedResponse;
use crate::engine::NewBody;
use crate::engine::OpenCache;
use crate::engine::Realm;
use crate::extension::error::OpError;
use crate::spec::CacheQueryOptions;
use crate::spec::Request;
use crate::spec::Response;
use crate::spec::may_add_response;
use crate::spec::may_cache_request;

/// A cache that a script has.
struct Cache(OpenCache);

impl Resource for Cache {
  fn name(&self) -> Cow<'_, str> {
    "cache".into()
  }
}

fn storage(state: &Rc<RefCell<OpState>>) -> Result<CacheStorage, OpError> {
  Ok(state.borrow().borrow::<Realm>().caches()?)
}

fn cache(
  state: &Rc<RefCell<OpState>>,
  rid: ResourceId,
) -> Result<Rc<Cache>, OpError> {
  Ok(state.borrow().resource_table.get::<Cache>(rid)?)
}

fn response(state: &mut OpState, cached: CachedResponse) -> JsResponse {
  let CachedResponse { response, body } = cached;
  let body = body.map(|body| state.resource_table.add(ReadableBody::new(body)));
  JsResponse { response, body }
}

/// The cache, as a resource.
#[op2]
#[smi]
pub(super) async fn op_cache_open(
  state: Rc<RefCell<OpState>>,
  #[string] name: String,
) -> Result<ResourceId, OpError> {
  let cache = storage(&state)?.open(&name).await?;
  Ok(state.borrow_mut().resource_table.add(Cache(cache)))
}

#[op2]
pub(super) async fn op_cache_has(
  state: Rc<RefCell<OpState>>,
  #[string] name: String,
) -> Result<bool, OpError> {
  Ok(storage(&state)?.has(&name).await?)
}

#[op2]
pub(super) async fn op_cache_delete_cache(
  state: Rc<RefCell<OpState>>,
  #[string] name: String,
) -> Result<bool, OpError> {
  Ok(storage(&state)?.delete(&name).await?)
}

#[op2]
#[serde]
pub(super) async fn op_cache_names(
  state: Rc<RefCell<OpState>>,
) -> Result<Vec<String>, OpError> {
  Ok(storage(&state)?.keys().await?)
}

/// The first match in the cache `name`, or in any.
#[op2]
#[serde]
pub(super) async fn op_cache_find(
  state: Rc<RefCell<OpState>>,
  #[serde] request: Request,
  #[serde] options: CacheQueryOptions,
  #[string] name: Option<String>,
) -> Result<Option<JsResponse>, OpError> {
  let storage = storage(&state)?;
  let found = storage.find(&request, options, name.as_deref()).await?;
  Ok(found.map(|found| response(&mut state.borrow_mut(), found)))
}

#[op2]
#[serde]
pub(super) async fn op_cache_match(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  #[serde] request: Request,
  #[serde] options: CacheQueryOptions,
) -> Result<Option<JsResponse>, OpError> {
  let found = cache(&state, rid)?.0.find(request, options).await?;
  Ok(found.map(|found| response(&mut state.borrow_mut(), found)))
}

#[op2]
#[serde]
pub(super) async fn op_cache_match_all(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  #[serde] request: Option<Request>,
  #[serde] options: CacheQueryOptions,
) -> Result<Vec<JsResponse>, OpError> {
  let found = cache(&state, rid)?.0.find_all(request, options).await?;
  let mut state = state.borrow_mut();
  let respond = |found| response(&mut state, found);
  Ok(found.into_iter().map(respond).collect())
}

#[op2]
#[serde]
pub(super) async fn op_cache_keys(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  #[serde] request: Option<Request>,
  #[serde] options: CacheQueryOptions,
) -> Result<Vec<Request>, OpError> {
  Ok(cache(&state, rid)?.0.keys(request, options).await?)
}

#[op2]
pub(super) async fn op_cache_delete(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  #[serde] request: Request,
  #[serde] options: CacheQueryOptions,
) -> Result<bool, OpError> {
  Ok(cache(&state, rid)?.0.delete(request, options).await?)
}

/// A `TypeError` when nothing may be put under the request.
#[op2]
pub(super) fn op_cache_may_put(
  #[serde] request: Request,
) -> Result<(), DomException> {
  may_cache_request(&request).map_err(DomException::Type)
}

/// A `TypeError` when what was fetched may not be added.
#[op2]
pub(super) fn op_cache_may_add(
  #[serde] response: Response,
) -> Result<(), DomException> {
  may_add_response(&response).map_err(DomException::Type)
}

/// A request and its response, with the resource of its body.
#[derive(Deserialize)]
pub(super) struct JsItem {
  request: Request,
  response: Response,
  body: Option<ResourceId>,
}

/// Puts all or none.
#[op2]
pub(super) async fn op_cache_put(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
  #[serde] items: Vec<JsItem>,
) -> Result<(), OpError> {
  let rids: Vec<_> = items.iter().filter_map(|item| item.body).collect();
  let put = put(&state, rid, items).await;
  // Bodies stay in the table until then: an aborted fetch closes its own.
  for rid in rids {
    if let Ok(body) = body::take(&state, rid) {
      body.close();
    }
  }
  put
}

async fn put(
  state: &Rc<RefCell<OpState>>,
  rid: ResourceId,
  items: Vec<JsItem>,
) -> Result<(), OpError> {
  let mut bodies = Vec::new();
  let mut heads = Vec::new();
  for item in items {
    let body = item.body.map(|body| body::get(state, body)).transpose()?;
    bodies.push(body);
    heads.push((item.request, item.response));
  }
  let cache = cache(state, rid)?;
  OpenCache::may_put(&heads)?;
  let stored = bodies.into_iter().map(|body| async {
    match body {
      Some(body) => store(&cache.0, body).await.map(Some),
      None => Ok(None),
    }
  });
  let stored = futures::future::try_join_all(stored).await?;
  let items = heads.into_iter().zip(stored);
  let items =
    items.map(|((request, response), body)| (request, response, body));
  Ok(cache.0.put(items.collect()).await?)
}

async fn store(
  cache: &OpenCache,
  body: Rc<dyn Resource>,
) -> Result<NewBody, OpError> {
  let mut new = cache.storage().new_body();
  loop {
    let chunk = body::read(&body)
      .await
      .map_err(|error| DomException::Type(error.to_string()))?;
    if chunk.is_empty() {
      return Ok(new);
    }
    new.write(chunk).await?;
  }
}
