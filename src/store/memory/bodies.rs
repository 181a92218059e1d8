//! The bytes.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use crate::ids::BodyId;
use crate::spec::Extents;
use crate::store::BodyReader;
use crate::store::BodyStore;
use crate::store::BodyWriter;
use crate::store::ExportMode;
use crate::store::ExtentWriter;
use crate::store::StoreError;
use crate::store::files;
use crate::store::files::Export;
use crate::store::lock::lock;

#[derive(Default)]
pub(in crate::store) struct MemoryBodyStore {
  bodies: Mutex<HashMap<BodyId, Arc<Body>>>,
}

#[derive(Default)]
struct Body(Mutex<BodyState>);

#[derive(Default)]
struct BodyState {
  bytes: Vec<u8>,
  /// Bytes may have been written behind a gap.
  has_gaps: bool,
  /// How often the body was reopened: only the last writer may append.
  turn: u64,
}

impl MemoryBodyStore {
  fn get(&self, id: BodyId) -> Result<Arc<Body>, StoreError> {
    let found = lock(&self.bodies).get(&id).cloned();
    found.ok_or_else(|| StoreError::missing_body(id))
  }
}

#[async_trait]
impl BodyStore for MemoryBodyStore {
  async fn create(&self) -> Result<Box<dyn BodyWriter>, StoreError> {
    let id = BodyId(uuid::Uuid::now_v7());
    let body = Arc::<Body>::default();
    lock(&self.bodies).insert(id, body.clone());
    Ok(Box::new(MemoryWriter {
      id,
      body,
      end: 0,
      turn: 0,
    }))
  }

  /// All of them are in memory.
  fn hold(&self, _: Bytes) -> Option<BodyId> {
    None
  }

  fn held(&self, _: BodyId) -> Option<Bytes> {
    None
  }

  fn are_in_rows(&self, _: &[BodyId]) {}

  async fn reopen(
    &self,
    id: BodyId,
    durable: &Extents,
  ) -> Result<Box<dyn BodyWriter>, StoreError> {
    let body = self.get(id)?;
    let mut state = lock(&body.0);
    let length = state.bytes.len() as u64;
    if length < durable.end() {
      return Err(StoreError::short_body(id, length, durable.end()));
    }
    let mut end = state.bytes.len();
    if state.has_gaps {
      end = position(durable.prefix())?;
      state.bytes.truncate(position(durable.end())?);
      state.has_gaps = !durable.ahead().is_empty();
    }
    state.turn += 1;
    let turn = state.turn;
    drop(state);
    Ok(Box::new(MemoryWriter {
      id,
      body,
      end,
      turn,
    }))
  }

  async fn open(&self, id: BodyId) -> Result<Box<dyn BodyReader>, StoreError> {
    Ok(Box::new(MemoryReader(self.get(id)?)))
  }

  async fn sync(&self, _ids: &[BodyId]) -> Result<(), StoreError> {
    Ok(())
  }

  /// There is no disk to flush them to.
  async fn read_small(
    &self,
    _: &[(BodyId, u64)],
  ) -> Result<HashMap<BodyId, Bytes>, StoreError> {
    Ok(HashMap::new())
  }

  async fn restore(&self, _: BodyId, _: Bytes) -> Result<(), StoreError> {
    Ok(())
  }

  async fn delete(&self, id: BodyId) -> Result<(), StoreError> {
    lock(&self.bodies).remove(&id);
    Ok(())
  }

  async fn ids(&self) -> Result<Vec<BodyId>, StoreError> {
    Ok(lock(&self.bodies).keys().copied().collect())
  }

  async fn modified(&self, id: BodyId) -> Result<SystemTime, StoreError> {
    // A store that is opened empty has no body that is older than it.
    self.get(id).map(|_| SystemTime::now())
  }

  async fn available(&self) -> Result<Option<u64>, StoreError> {
    Ok(memory_of_the_machine())
  }

  async fn export(
    &self,
    id: BodyId,
    destination: &Path,
    _mode: ExportMode,
  ) -> Result<(), StoreError> {
    let bytes = Bytes::from(lock(&self.get(id)?.0).bytes.clone());
    self.export_bytes(id, bytes, destination).await
  }

  async fn export_bytes(
    &self,
    id: BodyId,
    bytes: Bytes,
    destination: &Path,
  ) -> Result<(), StoreError> {
    let export = Export {
      id,
      bytes,
      destination: destination.to_owned(),
    };
    files::blocking(move || files::export_bytes(export)).await
  }
}

/// In bytes. All of it, and not what is free: that is a matter of moments.
fn memory_of_the_machine() -> Option<u64> {
  #[cfg(target_os = "linux")]
  {
    let info = rustix::system::sysinfo();
    Some((info.totalram as u64).saturating_mul(info.mem_unit.into()))
  }
  #[cfg(not(target_os = "linux"))]
  {
    None
  }
}

fn position(bytes: u64) -> Result<usize, StoreError> {
  usize::try_from(bytes)
    .map_err(|_| StoreError::Full("this is more than memory".into()))
}

#[derive(Clone)]
struct MemoryWriter {
  id: BodyId,
  body: Arc<Body>,
  /// Where it appends.
  end: usize,
  turn: u64,
}

impl MemoryWriter {
  /// Writes `chunks` from `offset` on, and returns where they end.
  fn write_at(
    &self,
    mut offset: usize,
    chunks: &[Bytes],
  ) -> Result<usize, StoreError> {
    let mut state = lock(&self.body.0);
    if state.turn != self.turn {
      return Err(StoreError::lost_body(self.id));
    }
    for chunk in chunks {
      let end = offset + chunk.len();
      if state.bytes.len() < end {
        state.bytes.resize(end, 0);
      }
      state.bytes[offset..end].copy_from_slice(chunk);
      offset = end;
    }
    Ok(offset)
  }
}

#[async_trait]
impl BodyWriter for MemoryWriter {
  fn id(&self) -> BodyId {
    self.id
  }

  fn length(&self) -> u64 {
    self.end as u64
  }

  fn expect(&mut self, _bytes: u64) {}

  async fn append(&mut self, chunks: Vec<Bytes>) -> Result<(), StoreError> {
    self.end = self.write_at(self.end, &chunks)?;
    Ok(())
  }

  async fn extent_writer(
    &mut self,
  ) -> Result<Box<dyn ExtentWriter>, StoreError> {
    let mut state = lock(&self.body.0);
    if state.turn != self.turn {
      return Err(StoreError::lost_body(self.id));
    }
    state.has_gaps = true;
    Ok(Box::new(self.clone()))
  }
}

#[async_trait]
impl ExtentWriter for MemoryWriter {
  async fn write(
    &self,
    offset: u64,
    chunks: Vec<Bytes>,
  ) -> Result<(), StoreError> {
    self.write_at(position(offset)?, &chunks).map(drop)
  }
}

struct MemoryReader(Arc<Body>);

#[async_trait]
impl BodyReader for MemoryReader {
  async fn read_at(
    &self,
    offset: u64,
    max: usize,
  ) -> Result<Bytes, StoreError> {
    let bytes = &lock(&self.0.0).bytes;
    Ok(Bytes::copy_from_slice(
      &bytes[part(bytes.len(), offset, max)],
    ))
  }
}

/// Reads a body whose bytes are known.
pub(in crate::store) struct BytesReader(pub(in crate::store) Bytes);

#[async_trait]
impl BodyReader for BytesReader {
  async fn read_at(
    &self,
    offset: u64,
    max: usize,
  ) -> Result<Bytes, StoreError> {
    Ok(self.0.slice(part(self.0.len(), offset, max)))
  }
}

/// Which of `length` bytes are the `max` from `offset` on, as far as they are
/// there.
fn part(length: usize, offset: u64, max: usize) -> Range<usize> {
  let start = usize::try_from(offset).unwrap_or(usize::MAX).min(length);
  start..start.saturating_add(max).min(length)
}
