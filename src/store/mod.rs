//! What survives: rows for metadata, bytes for bodies.
//!
//! A store has two halves, [`MetadataStore`] and [`BodyStore`]. Neither knows
//! the other, no row holds a path, and nothing presumes that the caller is the
//! only process: a shared database and an object store can implement them.

mod caches;
mod directory;
mod directory_lock;
mod error;
mod files;
pub(crate) mod indexed_db;
mod lock;
mod memory;
mod open;
mod place;
mod sqlite;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::Path;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

pub use self::caches::CacheKey;
pub use self::caches::CacheUsage;
pub use self::caches::CachedBody;
pub use self::caches::CachedItem;
pub use self::caches::Caches;
pub use self::caches::Removed;
pub use self::error::StoreError;
pub use self::files::file_system::FileSystem;
pub use self::files::file_system::OpenFile;
pub(crate) use self::open::OpenStore;
pub use self::open::Store;
pub use crate::ids::BackgroundFetchKey;
pub use crate::ids::BodyId;
pub use crate::snapshot::Retained;
use crate::spec::BackgroundFetch;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::BackgroundFetchResult;
use crate::spec::Extents;
use crate::spec::ImageResource;
use crate::spec::RecordResult;
use crate::spec::Request;
use crate::spec::Response;

/// A background fetch with all that the store knows of it.
#[derive(Clone, Debug)]
pub struct StoredBackgroundFetch {
  /// Names it.
  pub key: BackgroundFetchKey,
  /// The scope of the service worker registration it belongs to.
  pub scope: url::Url,
  /// What the network needs to know of the realm that started it: an opaque
  /// JSON document to the store.
  pub environment: String,
  /// What the specification says of it.
  pub background_fetch: BackgroundFetch,
  /// For each record, in order.
  pub bodies: Vec<RecordBodies>,
  /// Whether it is in its registration's active background fetches.
  pub active: bool,
  /// Whether the event that says how it settled is still owed.
  pub event_owed: bool,
  /// How many processes have died since the last progress while it was under
  /// way, see [`StoredBackgroundFetch::is_quarantined`].
  pub abnormal_ends: u32,
  /// Set while it is kept although nothing happens with it any more.
  pub retained: Option<Retained>,
  /// Milliseconds since the epoch.
  pub created: i64,
}

/// After so many abnormal ends a background fetch is quarantined.
const MAX_ABNORMAL_ENDS: u32 = 3;

impl StoredBackgroundFetch {
  /// Whether it may be what makes processes die: it was under way when three
  /// of them did, one after the other, and between them not a byte more of it
  /// became durable. It is not begun again by itself, see [`Change::Released`].
  pub fn is_quarantined(&self) -> bool {
    self.active
      && self.background_fetch.result == BackgroundFetchResult::None
      && self.abnormal_ends >= MAX_ABNORMAL_ENDS
  }
}

/// Up to how many bytes of a response go into its row, which costs less than a
/// flush of their file: about as much as writing 256 KiB, and these are written
/// twice, into the database's log and from there into the database.
pub const SMALL_BODY: u64 = 64 * 1024;

/// What the store keeps of one record beside the specification's values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordBodies {
  /// The body of its request.
  pub request: Option<BodyId>,
  /// The body of its response.
  pub response: Option<BodyId>,
  /// Whether the request may have reached the server and must not be sent
  /// again: a record that has no result when the process ends has failed.
  pub sent: bool,
  /// Why the record failed, human-readable; empty when it did not.
  pub diagnostic: String,
  /// The most bytes that were ever durable of a response to it, with those
  /// behind gaps: more than that is progress.
  pub most: u64,
}

/// One change to what the store knows. A batch of them is atomic.
#[derive(Clone, Debug)]
pub enum Change {
  /// A response has arrived (or, with `None`, the earlier one is redundant);
  /// its bytes go into `body`. What is stored stays when `body` is the one the
  /// record had before, else it is nothing.
  Response {
    /// The background fetch.
    key: BackgroundFetchKey,
    /// The position of the record, from 0.
    record: usize,
    /// The response.
    response: Option<Response>,
    /// The body of the response.
    body: Option<BodyId>,
  },
  /// These bytes of `body` are durable. Changes nothing when the record's
  /// response has another body by now, or none.
  Stored {
    /// The background fetch.
    key: BackgroundFetchKey,
    /// The position of the record, from 0.
    record: usize,
    /// The body of the response.
    body: BodyId,
    /// Which of its bytes are durable.
    extents: Extents,
    /// These bytes, where the body was not flushed: they become durable with
    /// the change. They are a prefix, and no more than [`SMALL_BODY`].
    bytes: Option<Bytes>,
  },
  /// The record's request is about to be sent, and must not be sent again.
  Sent {
    /// The background fetch.
    key: BackgroundFetchKey,
    /// The position of the record, from 0.
    record: usize,
  },
  /// The record has its result.
  RecordResult {
    /// The background fetch.
    key: BackgroundFetchKey,
    /// The position of the record, from 0.
    record: usize,
    /// What it has come to.
    result: RecordResult,
    /// Why, human-readable; empty for a success.
    diagnostic: String,
  },
  /// `bytes` bytes of request bodies have been sent in all.
  Uploaded {
    /// The background fetch.
    key: BackgroundFetchKey,
    /// How many of its request bodies are sent.
    bytes: u64,
  },
  /// The user has paused it, or lets it continue.
  Paused {
    /// The background fetch.
    key: BackgroundFetchKey,
    /// Whether it is paused now.
    paused: bool,
  },
  /// It leaves quarantine: its abnormal ends are forgotten.
  Released {
    /// The background fetch.
    key: BackgroundFetchKey,
  },
  /// `abort()` has answered `true`: no longer active, and the abort all flag
  /// is set.
  Aborted {
    /// The background fetch.
    key: BackgroundFetchKey,
  },
  /// Settled: no longer active, and an event is owed.
  Settled {
    /// The background fetch.
    key: BackgroundFetchKey,
    /// What it has come to.
    result: BackgroundFetchResult,
    /// Why it has failed, if it has.
    failure_reason: BackgroundFetchFailureReason,
  },
  /// It has settled, and is kept from now on. Its event is owed no longer,
  /// unless it could not be delivered.
  Retained {
    /// The background fetch.
    key: BackgroundFetchKey,
    /// Why, and since when.
    retained: Retained,
  },
  /// The event that could not be delivered is delivered again.
  Redelivered {
    /// The background fetch.
    key: BackgroundFetchKey,
  },
  /// A failed background fetch is continued: it is active, has no result, and
  /// neither have those of its records that have failed. What they have
  /// stored stays. Their requests may be sent again.
  Retried {
    /// The background fetch.
    key: BackgroundFetchKey,
  },
  /// The record's request is another one from now on, and so is what is kept
  /// of the realm that started the background fetch.
  Moved {
    /// The background fetch.
    key: BackgroundFetchKey,
    /// The position of the record, from 0.
    record: usize,
    /// The request as it is now.
    request: Box<Request>,
    /// As in [`StoredBackgroundFetch`].
    environment: String,
  },
  /// What the display shows has changed: each `Some` replaces a value.
  Ui {
    /// The background fetch.
    key: BackgroundFetchKey,
    /// A new title.
    title: Option<String>,
    /// New icons.
    icons: Option<Vec<ImageResource>>,
  },
  /// The event was handled; the background fetch with its records and all
  /// else is forgotten.
  Forgotten {
    /// The background fetch.
    key: BackgroundFetchKey,
  },
}

impl Change {
  /// The background fetch that it is about.
  pub fn key(&self) -> BackgroundFetchKey {
    match self {
      Self::Response { key, .. }
      | Self::Stored { key, .. }
      | Self::Sent { key, .. }
      | Self::RecordResult { key, .. }
      | Self::Uploaded { key, .. }
      | Self::Paused { key, .. }
      | Self::Released { key }
      | Self::Aborted { key }
      | Self::Settled { key, .. }
      | Self::Retained { key, .. }
      | Self::Redelivered { key }
      | Self::Retried { key }
      | Self::Moved { key, .. }
      | Self::Ui { key, .. }
      | Self::Forgotten { key } => *key,
    }
  }
}

/// Who writes to a store: one taking over of it, see
/// [`MetadataStore::take_over`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
  /// No other owner has it.
  pub id: Uuid,
  /// Larger than that of every earlier owner.
  pub epoch: u64,
}

/// What is written as a whole or not at all.
#[derive(Clone, Debug)]
pub enum Write {
  /// A new background fetch, which gets its key (the one in `row` is ignored).
  /// Refused with [`StoreError::DuplicateId`] when `row` is active and its
  /// scope has an active background fetch with its id already.
  Insert(Box<StoredBackgroundFetch>),
  /// In order. A change on something that is no longer there changes nothing
  /// and is not an error: that is a race which the forgetting has won.
  Changes(Vec<Change>),
}

/// What is written in order: one that is refused takes those behind it with
/// it. Several groups know nothing of one another.
pub type Group = Vec<Write>;

/// What came of a [`Group`].
#[derive(Clone, Debug, Default)]
pub struct GroupOutcome {
  /// That of the last insertion.
  pub key: Option<BackgroundFetchKey>,
  /// The first that is not written, by its index, and why.
  pub refused: Option<(usize, StoreError)>,
}

/// Hears what has come of a [`MetadataStore::write_and_call`]: of an error when
/// it is dropped.
pub struct WriteDone(Option<Box<CallWithOutcomes>>);

type CallWithOutcomes =
  dyn FnOnce(Result<Vec<GroupOutcome>, StoreError>) + Send;

opaque_debug!(WriteDone);

impl WriteDone {
  /// `call` must not block: nothing else is written meanwhile.
  pub fn new(
    call: impl FnOnce(Result<Vec<GroupOutcome>, StoreError>) + Send + 'static,
  ) -> Self {
    Self(Some(Box::new(call)))
  }

  /// This has come of it.
  pub fn call(mut self, outcomes: Result<Vec<GroupOutcome>, StoreError>) {
    if let Some(call) = self.0.take() {
      call(outcomes);
    }
  }
}

impl Drop for WriteDone {
  fn drop(&mut self) {
    if let Some(call) = self.0.take() {
      call(Err(StoreError::Database("the store has ended".into())));
    }
  }
}

/// The rows. Everything that changes them is refused with
/// [`StoreError::TakenOver`] when it comes from an earlier owner.
#[async_trait]
pub trait MetadataStore: Send + Sync + 'static {
  /// The caller is the owner from now on, and no earlier one can change
  /// anything any more.
  async fn take_over(&self) -> Result<Owner, StoreError>;

  /// Up to `limit` background fetches that have no owner become `owner`'s, the
  /// oldest first; none when there are no more. What an owner inserts is its
  /// own. A damaged row does not hide the others: it comes as an error beside
  /// them.
  async fn claim(
    &self,
    owner: Owner,
    limit: usize,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError>;

  /// Everything there is, of every owner, to look at.
  async fn load(
    &self,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError>;

  /// Writes `groups`, if possible at the cost of one flush of the disk, and
  /// says what came of each. Durable when it returns. An error means that
  /// nothing of them is written.
  ///
  /// A future of this that is dropped early takes nothing back.
  async fn write(
    &self,
    owner: Owner,
    groups: Vec<Group>,
  ) -> Result<Vec<GroupOutcome>, StoreError>;

  /// The same for a caller that has no task which could wait: `done` hears of
  /// it, in a thread of the store, which waits for it. A store that has no such
  /// thread writes nothing, and returns both.
  fn write_and_call(
    &self,
    owner: Owner,
    groups: Vec<Group>,
    done: WriteDone,
  ) -> Option<(Vec<Group>, WriteDone)> {
    let _ = owner;
    Some((groups, done))
  }

  /// The bytes of a body that the last [`Change::Stored`] had, if it had some
  /// and its record has no other body since.
  async fn body(&self, id: BodyId) -> Result<Option<Bytes>, StoreError>;

  /// Every service worker registration, in the order in which they were first
  /// put. One that is damaged is left out, with a word in the log.
  async fn registrations(&self) -> Result<Vec<StoredRegistration>, StoreError>;

  /// Puts a registration in the place of the one in the same scope, if there
  /// is one. Durable when it returns.
  async fn put_registration(
    &self,
    owner: Owner,
    registration: StoredRegistration,
  ) -> Result<(), StoreError>;

  /// Forgets the registration in `scope`. Durable when it returns; no error
  /// when there is none.
  async fn remove_registration(
    &self,
    owner: Owner,
    scope: &url::Url,
  ) -> Result<(), StoreError>;
}

/// A service worker registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRegistration {
  /// What it is registered for.
  pub scope: url::Url,
  /// A JSON document, opaque to the store.
  pub document: String,
  /// The worker that takes events.
  pub active: Option<StoredWorker>,
  /// The worker that waits.
  pub waiting: Option<StoredWorker>,
}

/// A service worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredWorker {
  /// Where its script is.
  pub script_url: url::Url,
  /// A JSON document, opaque to the store.
  pub document: String,
  /// Its script and all that it has imported, by URL.
  pub scripts: BTreeMap<url::Url, String>,
}

/// A row that cannot be understood. The background fetch it belongs to fails;
/// the others continue.
#[derive(Clone, Debug)]
pub struct DamagedRow {
  /// Names the background fetch.
  pub key: BackgroundFetchKey,
  /// The id and the scope, where they could be read.
  pub id: Option<String>,
  /// The scope of its registration, when that could be read.
  pub scope: Option<url::Url>,
  /// What is wrong, human-readable.
  pub message: String,
}

/// The bytes.
#[async_trait]
pub trait BodyStore: Send + Sync + 'static {
  /// Begins a new, empty body.
  async fn create(&self) -> Result<Box<dyn BodyWriter>, StoreError>;

  /// A new body of these bytes, which are all of it and no more than
  /// [`SMALL_BODY`], without a file: they are in memory, and [`read_small`]
  /// gives them to the row. `None` when it is to be created and appended to.
  ///
  /// [`read_small`]: BodyStore::read_small
  fn hold(&self, bytes: Bytes) -> Option<BodyId>;

  /// The bytes of a body that are in memory, see [`BodyStore::hold`].
  fn held(&self, id: BodyId) -> Option<Bytes>;

  /// The rows have the bytes that [`BodyStore::read_small`] has given: those
  /// that are in memory may leave it.
  fn are_in_rows(&self, ids: &[BodyId]);

  /// Goes on with a body of which the `durable` bytes are known to be good.
  /// What lies behind them is kept when it is certain to be whole (the machine
  /// has not been restarted in between, and nothing was written behind a gap),
  /// else cut off; [`BodyWriter::length`] says where it is continued.
  async fn reopen(
    &self,
    id: BodyId,
    durable: &Extents,
  ) -> Result<Box<dyn BodyWriter>, StoreError>;

  /// Opens a body for reading. The bytes stay readable through it even after
  /// [`BodyStore::delete`].
  async fn open(&self, id: BodyId) -> Result<Box<dyn BodyReader>, StoreError>;

  /// Makes everything written to `ids` so far durable. One that has been
  /// deleted is not an error: it has no bytes to lose.
  ///
  /// When the disk fails, [`StoreError::Unsynced`] names the bodies that may
  /// have lost bytes; the others are durable. They fail from then on, until
  /// they are reopened, and so cut back to what is known to be good.
  async fn sync(&self, ids: &[BodyId]) -> Result<(), StoreError>;

  /// So many bytes of each of `bodies`, to be written into its row in the place
  /// of a flush. Left out is one that has been deleted, and one for which
  /// nothing is gained.
  ///
  /// [`StoreError::Unsynced`] names bodies that may have lost bytes.
  async fn read_small(
    &self,
    bodies: &[(BodyId, u64)],
  ) -> Result<HashMap<BodyId, Bytes>, StoreError>;

  /// Makes a body of an earlier process again of the bytes that its row has,
  /// unless it is certain to have them, and perhaps more. No flush is presumed
  /// of it.
  async fn restore(&self, id: BodyId, bytes: Bytes) -> Result<(), StoreError>;

  /// Removes a body and gives its space back. No error when there is none.
  async fn delete(&self, id: BodyId) -> Result<(), StoreError>;

  /// Every body there is, to find those that no row knows.
  async fn ids(&self) -> Result<Vec<BodyId>, StoreError>;

  /// When bytes were last written to a body, by the clock of the store.
  async fn modified(&self, id: BodyId) -> Result<SystemTime, StoreError>;

  /// How many bytes more the store can take at this moment; `None` when that is
  /// not known.
  async fn available(&self) -> Result<Option<u64>, StoreError>;

  /// Writes a body to `destination` on the local file system, durable when it
  /// returns. Fails when `destination` exists, whatever it is.
  async fn export(
    &self,
    id: BodyId,
    destination: &Path,
    mode: ExportMode,
  ) -> Result<(), StoreError>;

  /// The same for bytes of `id` that are in its row.
  async fn export_bytes(
    &self,
    id: BodyId,
    bytes: Bytes,
    destination: &Path,
  ) -> Result<(), StoreError>;
}

/// How a body is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportMode {
  /// As a file of its own: the body may still be read, whatever is done to the
  /// file.
  Copy,
  /// As the body's own file, where that is cheaper: who changes the one then
  /// changes the other. Only for a body that is not going to be read any more.
  Share,
}

/// The length of an append that is neither too small for a fast disk nor too
/// much memory, in bytes.
pub const APPEND_UNIT: u64 = 2 * 1024 * 1024;

/// Appends to one body. A large body is appended to fastest in steps that end
/// at multiples of [`APPEND_UNIT`].
#[async_trait]
pub trait BodyWriter: Send {
  /// Names the body.
  fn id(&self) -> BodyId;

  /// Bytes in the body so far, without those that an [`ExtentWriter`] wrote.
  fn length(&self) -> u64;

  /// What writes into the body where it has not come to yet. From then on only
  /// durable bytes of it are good after the end of the process, for a gap could
  /// not be told from bytes.
  async fn extent_writer(
    &mut self,
  ) -> Result<Box<dyn ExtentWriter>, StoreError>;

  /// Says how many bytes the body will have in the end, as far as is known. A
  /// hint: it may get fewer, or more.
  fn expect(&mut self, bytes: u64);

  /// Appends all of `chunks`, in order. After an error, or when the future
  /// was dropped early, nothing is known of the bytes behind the last
  /// [`BodyWriter::length`]; the caller reopens. Reopening waits for what is
  /// still being written, and takes the body away from this writer.
  async fn append(&mut self, chunks: Vec<Bytes>) -> Result<(), StoreError>;
}

/// Writes bytes of one body anywhere. It is of no use any more when the body
/// was reopened, as its [`BodyWriter`] is not.
#[async_trait]
pub trait ExtentWriter: Send + Sync {
  /// Writes all of `chunks`, one behind the other, from `offset` on. After an
  /// error, or when the future was dropped early, nothing is known of these
  /// bytes.
  async fn write(
    &self,
    offset: u64,
    chunks: Vec<Bytes>,
  ) -> Result<(), StoreError>;
}

/// Reads one body. Who reads has to know which bytes are there: a gap reads as
/// zeros.
#[async_trait]
pub trait BodyReader: Send + Sync {
  /// Up to `max` bytes from `offset`; empty at the end of what is stored.
  async fn read_at(&self, offset: u64, max: usize)
  -> Result<Bytes, StoreError>;
}
