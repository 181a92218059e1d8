//! Bodies between scripts and the engine. To a script each is a resource that
//! can be read, as deno_web's streams have it; to the engine, a stream.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use deno_core::AsyncRefCell;
use deno_core::AsyncResult;
use deno_core::BufView;
use deno_core::CancelHandle;
use deno_core::CancelTryFuture;
use deno_core::OpState;
use deno_core::RcRef;
use deno_core::Resource;
use deno_core::ResourceId;
use deno_core::convert::Uint8Array;
use deno_core::error::ResourceError;
use deno_core::op2;
use deno_error::JsErrorBox;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

/// How much is read from a script's stream at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// A body that a script may read.
pub(super) struct ReadableBody {
  body: AsyncRefCell<Unread>,
  cancel: CancelHandle,
}

struct Unread {
  stream: BoxStream<'static, Result<Bytes, String>>,
  /// What was taken from the stream and not read yet.
  rest: Bytes,
}

impl ReadableBody {
  /// The error of `stream` is a message for the script's `TypeError`.
  pub(super) fn new(stream: BoxStream<'static, Result<Bytes, String>>) -> Self {
    Self {
      body: AsyncRefCell::new(Unread {
        stream,
        rest: Bytes::new(),
      }),
      cancel: CancelHandle::new(),
    }
  }
}

impl Unread {
  async fn read(&mut self, limit: usize) -> Result<Bytes, JsErrorBox> {
    while self.rest.is_empty() {
      match self.stream.next().await {
        Some(Ok(bytes)) => self.rest = bytes,
        Some(Err(message)) => return Err(JsErrorBox::type_error(message)),
        None => break,
      }
    }
    Ok(self.rest.split_to(self.rest.len().min(limit)))
  }
}

impl Resource for ReadableBody {
  fn name(&self) -> Cow<'_, str> {
    "body".into()
  }

  fn read(self: Rc<Self>, limit: usize) -> AsyncResult<BufView> {
    Box::pin(async move {
      let mut body = RcRef::map(&self, |this| &this.body).borrow_mut().await;
      let cancel = RcRef::map(&self, |this| &this.cancel);
      let bytes = body.read(limit).try_or_cancel(cancel).await?;
      Ok(BufView::from(bytes))
    })
  }

  fn close(self: Rc<Self>) {
    self.cancel.cancel();
  }
}

/// A body of bytes that are there.
#[op2(fast)]
#[smi]
pub(super) fn op_body_of_bytes(
  state: &mut OpState,
  #[buffer(copy)] bytes: Bytes,
) -> ResourceId {
  let body = ReadableBody::new(futures::stream::iter([Ok(bytes)]).boxed());
  state.resource_table.add(body)
}

/// The next bytes of a body that the engine has; empty at its end.
#[op2]
pub(super) async fn op_event_source_read(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<Uint8Array, JsErrorBox> {
  let body = state
    .borrow()
    .resource_table
    .get::<ReadableBody>(rid)
    .map_err(JsErrorBox::from_err)?;
  let bytes = body.read(CHUNK).await?;
  Ok(bytes.to_vec().into())
}

/// Takes a body that a script has given.
pub(super) fn take(
  state: &Rc<RefCell<OpState>>,
  rid: ResourceId,
) -> Result<Rc<dyn Resource>, ResourceError> {
  state.borrow_mut().resource_table.take_any(rid)
}

/// A body that a script has given, which may close it.
pub(super) fn get(
  state: &Rc<RefCell<OpState>>,
  rid: ResourceId,
) -> Result<Rc<dyn Resource>, ResourceError> {
  state.borrow().resource_table.get_any(rid)
}

/// The next bytes of a script's body; empty at its end.
pub(super) async fn read(body: &Rc<dyn Resource>) -> io::Result<Bytes> {
  let view = body.clone().read(CHUNK).await;
  let view = view.map_err(|error| io::Error::other(error.to_string()))?;
  Ok(Bytes::copy_from_slice(&view))
}

/// Anyone who reads a body on the engine's threads.
pub(super) type Reader = mpsc::Sender<io::Result<Bytes>>;

/// A stream, and how bytes get into it: no more than one chunk waits in it.
pub(super) fn channel() -> (Reader, BoxStream<'static, io::Result<Bytes>>) {
  let (reader, bytes) = mpsc::channel(1);
  let stream = futures::stream::unfold(bytes, |mut bytes| async {
    let next = bytes.recv().await?;
    Some((next, bytes))
  });
  (reader, stream.boxed())
}

/// Gives all of `body` to `reader`, until that wants no more.
pub(super) async fn pump(body: Rc<dyn Resource>, reader: Reader) {
  loop {
    let next = tokio::select! {
      biased;
      () = reader.closed() => break,
      next = read(&body) => next,
    };
    let is_end = !matches!(&next, Ok(bytes) if !bytes.is_empty());
    if !matches!(&next, Ok(bytes) if bytes.is_empty())
      && reader.send(next).await.is_err()
    {
      break;
    }
    if is_end {
      break;
    }
  }
  body.close();
}
