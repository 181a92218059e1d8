//! The rows in one SQLite database, `facts.sqlite3` in the store's directory.
//!
//! What is promised: when [`MetadataStore::write`] has answered, the change is
//! on disk. The database
//! is in WAL mode with `synchronous=FULL`, so each transaction costs one flush
//! of the disk; many callers share it.

mod apply;
mod connection;
mod error;
mod load;
mod log;
mod migrations;
mod owner;
mod read_only;
mod registration;
mod reserve;
mod text;
mod writer;

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::oneshot;
use url::Url;

use self::connection::FILE_NAME;
pub(super) use self::connection::open_file;
pub(super) use self::error::database_error;
pub(super) use self::read_only::read_directory;
use self::reserve::Reserve;
use self::writer::Request;
use self::writer::Writer;
use super::DamagedRow;
use super::Group;
use super::GroupOutcome;
use super::MetadataStore;
use super::Owner;
use super::StoreError;
use super::StoredBackgroundFetch;
use super::StoredRegistration;
use super::WriteDone;
use super::directory::Directory;
use super::directory_lock::DirectoryLock;
use crate::ids::BodyId;

/// Every file in a store's directory that this module uses. SQLite opens its
/// own by path, so they have to be looked at before.
pub(super) const FILES: [&str; 5] = [
  FILE_NAME,
  "facts.sqlite3-wal",
  "facts.sqlite3-shm",
  "facts.sqlite3-journal",
  reserve::FILE_NAME,
];

/// The rows. One thread owns the connection; everything goes through it.
pub(super) struct SqliteMetadata {
  /// `None` only while it is dropped.
  requests: Option<mpsc::Sender<Request>>,
  thread: Option<JoinHandle<()>>,
}

impl SqliteMetadata {
  /// Opens the database in `directory`, makes or converts it where necessary,
  /// and starts its thread. Blocks.
  pub(super) fn open(
    directory: Arc<Directory>,
    lock: Arc<DirectoryLock>,
  ) -> Result<Self, StoreError> {
    let database = connection::open(&directory)?;
    let reserve = Reserve::new(directory.clone());
    let (requests, queue) = mpsc::channel();
    let thread =
      std::thread::Builder::new()
        .name("store".into())
        .spawn(move || {
          let writer = Writer::new(database, reserve, lock.clone());
          writer.run(&queue, || log::lay_out(&directory));
          // The connection is closed; only now may another process come in.
          drop(lock);
        })?;
    Ok(Self {
      requests: Some(requests),
      thread: Some(thread),
    })
  }

  async fn ask<T>(
    &self,
    request: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Request,
  ) -> Result<T, StoreError> {
    let (answer, answered) = oneshot::channel();
    let gone = || StoreError::Database("its thread has ended".into());
    let requests = self.requests.as_ref().ok_or_else(gone)?;
    requests.send(request(answer)).map_err(|_| gone())?;
    answered.await.map_err(|_| gone())?
  }
}

impl Drop for SqliteMetadata {
  fn drop(&mut self) {
    // Without a sender the thread finishes what is queued and ends.
    self.requests = None;
    // It may be that thread which drops this, in a call of a `WriteDone`.
    let is_other = |thread: &JoinHandle<()>| {
      thread.thread().id() != std::thread::current().id()
    };
    if let Some(thread) = self.thread.take().filter(is_other)
      && thread.join().is_err()
    {
      tracing::error!("the thread of the store's database panicked");
    }
  }
}

#[async_trait]
impl MetadataStore for SqliteMetadata {
  async fn take_over(&self) -> Result<Owner, StoreError> {
    self.ask(|answer| Request::TakeOver { answer }).await
  }

  async fn claim(
    &self,
    owner: Owner,
    limit: usize,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
    let claim = |answer| Request::Claim {
      owner,
      limit,
      answer,
    };
    self.ask(claim).await
  }

  async fn load(
    &self,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
    self.ask(|answer| Request::Load { answer }).await
  }

  async fn write(
    &self,
    owner: Owner,
    groups: Vec<Group>,
  ) -> Result<Vec<GroupOutcome>, StoreError> {
    let write = |answer: oneshot::Sender<_>| Request::Write {
      owner,
      groups,
      done: WriteDone::new(move |outcomes| {
        let _ = answer.send(outcomes);
      }),
    };
    self.ask(write).await
  }

  fn write_and_call(
    &self,
    owner: Owner,
    groups: Vec<Group>,
    done: WriteDone,
  ) -> Option<(Vec<Group>, WriteDone)> {
    if let Some(requests) = &self.requests {
      // What cannot be sent is dropped, which `done` hears of.
      let _ = requests.send(Request::Write {
        owner,
        groups,
        done,
      });
    }
    None
  }

  async fn body(&self, id: BodyId) -> Result<Option<Bytes>, StoreError> {
    self.ask(|answer| Request::Body { id, answer }).await
  }

  async fn registrations(&self) -> Result<Vec<StoredRegistration>, StoreError> {
    self.ask(|answer| Request::Registrations { answer }).await
  }

  async fn put_registration(
    &self,
    owner: Owner,
    registration: StoredRegistration,
  ) -> Result<(), StoreError> {
    let row = Box::new(registration);
    let put = |answer| Request::PutRegistration { owner, row, answer };
    self.ask(put).await
  }

  async fn remove_registration(
    &self,
    owner: Owner,
    scope: &Url,
  ) -> Result<(), StoreError> {
    let scope = scope.clone();
    let remove = |answer| Request::RemoveRegistration {
      owner,
      scope,
      answer,
    };
    self.ask(remove).await
  }
}
