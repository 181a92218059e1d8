//! The test's handle on the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};

use super::behaviour::Behaviour;
use super::listener::{self, Command};
use super::log::SeenRequest;
use super::resource::Resource;
use super::state::{Inner, State};
use super::tls::Tls;

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
  /// HTTP/1.1 on TCP.
  Plain,
  /// HTTP/1.1 on TLS.
  Tls,
  /// HTTP/2 on TLS.
  Http2,
}

/// An HTTP server on loopback that fails on demand. It has a thread and a
/// runtime of its own, so that it serves tests of any kind, and stops when it
/// is dropped.
pub struct FaultServer {
  state: Arc<State>,
  address: SocketAddr,
  root_certificate_pem: Option<String>,
  runtime: Handle,
  /// `None` once stopping.
  commands: Option<mpsc::UnboundedSender<Command>>,
  thread: Option<JoinHandle<()>>,
}

impl FaultServer {
  pub async fn start() -> Self {
    Self::start_blocking()
  }

  pub async fn start_tls() -> Self {
    Self::start_tls_blocking()
  }

  pub async fn start_with(protocol: Protocol) -> Self {
    Self::start_with_blocking(protocol)
  }

  pub fn start_blocking() -> Self {
    Self::start_with_blocking(Protocol::Plain)
  }

  pub fn start_tls_blocking() -> Self {
    Self::start_with_blocking(Protocol::Tls)
  }

  pub fn start_with_blocking(protocol: Protocol) -> Self {
    Self::launch(match protocol {
      Protocol::Plain => None,
      Protocol::Tls => Some(Tls::new("http/1.1")),
      Protocol::Http2 => Some(Tls::new("h2")),
    })
  }

  fn launch(tls: Option<Tls>) -> Self {
    let (acceptor, root_certificate_pem) = tls
      .map(|tls| (tls.acceptor, tls.root_certificate_pem))
      .unzip();
    let listener = std::net::TcpListener::bind("127.0.0.1:0")
      .expect("a free port on loopback");
    listener
      .set_nonblocking(true)
      .expect("a listener that can be polled");
    let address = listener.local_addr().expect("a bound listener");
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime for the server");
    let handle = runtime.handle().clone();
    let state = Arc::new(State::default());
    let (commands, received) = mpsc::unbounded_channel();
    let shared = state.clone();
    let thread = thread::spawn(move || {
      runtime.block_on(async {
        let listener = TcpListener::from_std(listener)
          .expect("a listener that can be polled");
        listener::run(listener, acceptor, shared, received).await;
      });
    });
    Self {
      state,
      address,
      root_certificate_pem,
      runtime: handle,
      commands: Some(commands),
      thread: Some(thread),
    }
  }

  pub fn address(&self) -> SocketAddr {
    self.address
  }

  pub fn origin(&self) -> String {
    self.origin_on("127.0.0.1")
  }

  /// The same server by another name, `localhost` for example: another origin.
  pub fn origin_on(&self, host: &str) -> String {
    let tls = self.root_certificate_pem.is_some();
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{host}:{}", self.address.port())
  }

  pub fn url(&self, target: &str) -> String {
    self.origin() + target
  }

  /// [`FaultServer::root_certificate_pem`] in a list, for any server.
  pub fn root_certificates(&self) -> Vec<String> {
    self.root_certificate_pem.iter().cloned().collect()
  }

  /// What a client has to trust to reach a server that speaks TLS.
  pub fn root_certificate_pem(&self) -> &str {
    let pem = self.root_certificate_pem.as_deref();
    pem.expect("a server that was started with TLS")
  }

  /// Takes so many requests of each connection that is opened from now on, and
  /// closes it when another one comes, which it does not look at.
  pub fn requests_per_connection(&self, most: usize) {
    self
      .state
      .change(|inner| inner.requests_per_connection = Some(most));
  }

  /// Serves the resource at this path for every query, or at this target if
  /// it has a query. Returns its URL. Replaces what was served there.
  pub fn serve(&self, target: &str, resource: Resource) -> String {
    self.state.change(|inner| inner.serve(target, resource));
    self.url(target)
  }

  /// A new script for what is served at this path.
  pub fn script(
    &self,
    path: &str,
    behaviours: impl IntoIterator<Item = Behaviour>,
  ) {
    let script = behaviours.into_iter().collect();
    self.state.change(|inner| inner.script(path, script));
  }

  /// Every request up to now, preflights included. `sent` and `ending` may
  /// come a moment after the client has the bytes: wait for them.
  pub fn requests(&self) -> Vec<SeenRequest> {
    self.state.lock().requests.clone()
  }

  /// The requests whose path this is.
  pub fn requests_for(&self, path: &str) -> Vec<SeenRequest> {
    let mut requests = self.requests();
    requests.retain(|request| request.path() == path);
    requests
  }

  /// How many connections were accepted.
  pub fn connections(&self) -> usize {
    self.state.lock().connections
  }

  /// The most requests that were ever under way at once.
  pub fn most_at_once(&self) -> usize {
    self.state.lock().most_open
  }

  /// Lets what waits continue at this path: held, stalled, or both directions.
  /// When nothing waits yet, the next to come need not wait.
  pub fn release(&self, path: &str) {
    self.state.change(|inner| inner.release(path));
  }

  /// Refuses connections, and cuts those there are, until `go_online`.
  pub async fn go_offline(&self) {
    self.command(Command::Offline).await;
  }

  pub async fn go_online(&self) {
    self.command(Command::Online).await;
  }

  /// Waits until this many requests have come, their bodies aside. Panics,
  /// as every wait here does, when `bound` is over.
  pub async fn wait_for_requests(&self, n: usize, bound: Duration) {
    let enough = |requests: &[SeenRequest]| requests.len() >= n;
    self.wait_until(bound, enough).await;
  }

  /// Waits until the requests are as the test wants them.
  pub async fn wait_until(
    &self,
    bound: Duration,
    mut ready: impl FnMut(&[SeenRequest]) -> bool,
  ) {
    self.wait(bound, |inner| ready(&inner.requests)).await;
  }

  /// Waits until a request for this path is held or stalled.
  pub async fn wait_until_stalled(&self, path: &str, bound: Duration) {
    self.wait_until_all_stalled(path, 1, bound).await;
  }

  /// Waits until so many requests for this path are held or stalled.
  pub async fn wait_until_all_stalled(
    &self,
    path: &str,
    n: usize,
    bound: Duration,
  ) {
    let stalled =
      |inner: &Inner| inner.gate(path).is_some_and(|gate| gate.waiting() >= n);
    self.wait(bound, stalled).await;
  }

  /// Waits until the clients of all that were held or stalled are gone.
  pub async fn wait_until_none_stalls(&self, path: &str, bound: Duration) {
    let none =
      |inner: &Inner| inner.gate(path).is_none_or(|gate| gate.waiting() == 0);
    self.wait(bound, none).await;
  }

  /// Any of the waits above, for a test that is not async:
  /// `server.block_on(server.wait_for_requests(1, BOUND))`.
  pub fn block_on<T>(&self, wait: impl Future<Output = T>) -> T {
    self.runtime.block_on(wait)
  }

  async fn wait(&self, bound: Duration, mut ready: impl FnMut(&Inner) -> bool) {
    // By the server's clock: the test's own may be paused.
    let bound_is_over = self.runtime.spawn(tokio::time::sleep(bound));
    tokio::select! {
      biased;
      () = self.state.until(|inner| ready(inner).then_some(())) => {}
      _ = bound_is_over => {
        panic!("not within {bound:?}; seen: {:#?}", self.requests());
      }
    }
  }

  async fn command(&self, command: fn(oneshot::Sender<()>) -> Command) {
    let (done, is_done) = oneshot::channel();
    let commands = self.commands.as_ref().expect("a server not dropped");
    let sent = commands.send(command(done));
    assert!(sent.is_ok(), "the server stopped by itself");
    is_done.await.expect("a server that runs");
  }
}

impl Drop for FaultServer {
  fn drop(&mut self) {
    self.commands = None;
    // Its own panic, if there was one, was printed when it happened.
    let _ = self.thread.take().map(JoinHandle::join);
  }
}
