//! A server that says whatever it is told to, and an engine that asks it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use background_fetch::Engine;
use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::NetworkPolicy;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmMessage;
use background_fetch::engine::RealmOptions;
use background_fetch::engine::Request;
use background_fetch::engine::RetryPolicy;
use background_fetch::network::NetworkConfig;
use background_fetch::store::Store;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// How long anything may take. It takes milliseconds; more is a hang.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// A compressed answer may become as large as its origin's quota.
const QUOTA: u64 = 1 << 20;

/// Which protocol the server speaks, up to the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
  Http1,
  Http2,
}

/// What the server says to the clients that come, one after the other; those
/// that come later are sent away without a word.
type Answers = Arc<Mutex<Said>>;

#[derive(Default)]
struct Said {
  answers: VecDeque<Vec<u8>>,
  /// Whether it stays silent then, and does not close the connection.
  stalls: bool,
}

pub(crate) struct Server {
  pub(crate) origin: String,
  answers: Answers,
}

impl Server {
  pub(crate) fn start(runtime: &Runtime, protocol: Protocol) -> Self {
    let answers = Answers::default();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(serve(listener, protocol, answers.clone()));
    Self {
      origin: origin(protocol, address),
      answers,
    }
  }

  pub(crate) fn says<'a>(&self, answers: impl IntoIterator<Item = &'a [u8]>) {
    *self.answers.lock().unwrap() = Said {
      answers: answers.into_iter().map(<[u8]>::to_vec).collect(),
      stalls: false,
    };
  }

  pub(crate) fn says_and_stalls(&self, answer: &[u8]) {
    *self.answers.lock().unwrap() = Said {
      answers: [answer.to_vec()].into(),
      stalls: true,
    };
  }
}

fn origin(protocol: Protocol, address: SocketAddr) -> String {
  match protocol {
    Protocol::Http1 => format!("http://{address}"),
    Protocol::Http2 => format!("https://{address}"),
  }
}

async fn serve(listener: TcpListener, protocol: Protocol, answers: Answers) {
  let tls = TlsAcceptor::from(Arc::new(tls()));
  while let Ok((client, _)) = listener.accept().await {
    let (tls, answers) = (tls.clone(), answers.clone());
    // What a client breaks off is its own affair.
    tokio::spawn(async move {
      match protocol {
        Protocol::Http1 => speak_http1(client, &answers).await,
        Protocol::Http2 => {
          speak_http2(tls.accept(client).await?, &answers).await
        }
      }
    });
  }
}

async fn speak_http1(
  mut client: TcpStream,
  answers: &Answers,
) -> std::io::Result<()> {
  let mut head = Vec::new();
  while !head.ends_with(b"\r\n\r\n") {
    head.push(client.read_u8().await?);
  }
  say(&mut client, answers).await
}

/// Answers when the request is there: what comes before it is an error of its
/// own.
async fn speak_http2(
  mut client: impl AsyncRead + AsyncWrite + Unpin,
  answers: &Answers,
) -> std::io::Result<()> {
  const PREFACE: usize = 24;
  const HEADERS: u8 = 1;
  client.read_exact(&mut [0; PREFACE]).await?;
  loop {
    let mut head = [0; 9];
    client.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut rest = vec![0; length as usize];
    client.read_exact(&mut rest).await?;
    if head[3] == HEADERS {
      return say(&mut client, answers).await;
    }
  }
}

async fn say(
  client: &mut (impl AsyncRead + AsyncWrite + Unpin),
  answers: &Answers,
) -> std::io::Result<()> {
  let (answer, stalls) = {
    let mut said = answers.lock().unwrap();
    (said.answers.pop_front().unwrap_or_default(), said.stalls)
  };
  client.write_all(&answer).await?;
  if stalls {
    return until_closed(client).await;
  }
  client.shutdown().await?;
  // Were it closed with something unread, what was said could be lost.
  let rest = until_closed(client);
  tokio::time::timeout(Duration::from_millis(100), rest).await?
}

async fn until_closed(
  client: &mut (impl AsyncRead + Unpin),
) -> std::io::Result<()> {
  let mut rest = [0; 1024];
  while client.read(&mut rest).await? > 0 {}
  Ok(())
}

fn tls() -> ServerConfig {
  let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_string()]);
  let own = own.unwrap();
  let certificate = CertificateDer::from(own.cert);
  let key = own.signing_key.serialize_pem();
  let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
  let config = ServerConfig::builder().with_no_client_auth();
  let mut config = config.with_single_cert(vec![certificate], key).unwrap();
  config.alpn_protocols = vec![b"h2".to_vec()];
  config
}

/// An engine with one realm, which takes the events.
pub(crate) struct Client {
  pub(crate) engine: Engine,
  realm: Realm,
}

/// How a background fetch has ended.
pub(crate) struct Ended {
  pub(crate) is_success: bool,
  /// What was stored of the one response.
  pub(crate) bytes: u64,
}

impl Client {
  /// Tries a request so many times again when no byte came, and does not look
  /// at certificates.
  pub(crate) async fn start(store: Store, attempts: u32) -> Self {
    let config = EngineConfig {
      network: NetworkConfig {
        verify_certificates: false,
        idle_timeout: Duration::from_secs(1),
        ..NetworkConfig::default()
      },
      retry: RetryPolicy {
        attempts,
        first_delay: Duration::ZERO,
        ..RetryPolicy::default()
      },
      ..EngineConfig::default()
    };
    let engine = Engine::builder().config(config);
    let engine = engine.quota(|_: &_| Some(QUOTA));
    let engine = engine.start(store).await.unwrap();
    let scope = "https://a.test/".parse().unwrap();
    let realm = engine.attach(RealmOptions {
      policy: NetworkPolicy::Server,
      ..RealmOptions::new(RealmKind::ServiceWorker, scope)
    });
    realm.start_worker();
    Self { engine, realm }
  }

  /// Fetches `url` in the background.
  pub(crate) async fn begin(&self, id: &str, url: &str) {
    let request = Request::get(url.parse().unwrap());
    let prepared = self.realm.prepare_fetch(id.to_string(), vec![request]);
    let options = BackgroundFetchOptions::default();
    let registered = prepared.unwrap().register(Vec::new(), options);
    registered.await.unwrap();
  }

  /// Those that are active.
  pub(crate) fn ids(&self) -> Vec<String> {
    self.realm.get_ids()
  }

  /// Waits until the background fetch has settled.
  pub(crate) async fn ended(&self) -> Ended {
    loop {
      if let RealmMessage::Event {
        lease,
        name,
        background_fetch,
      } = self.realm.next_message().await
      {
        let ended = Ended {
          is_success: name == "backgroundfetchsuccess",
          bytes: background_fetch.downloaded,
        };
        lease.acknowledge();
        return ended;
      }
    }
  }

  /// Waits until so many bytes were received.
  pub(crate) async fn received(&self, bytes: u64) {
    let observer = self.engine.observe();
    while observer.next().await.downloaded < bytes {}
  }

  pub(crate) async fn stop(self) {
    drop(self.realm);
    self.engine.shutdown().await;
  }
}

/// Copies a store that no process has.
pub(crate) fn copy_directory(from: &Path, to: &Path) {
  for entry in std::fs::read_dir(from).unwrap() {
    let entry = entry.unwrap();
    let to = to.join(entry.file_name());
    let kind = entry.file_type().unwrap();
    if kind.is_dir() {
      std::fs::create_dir(&to).unwrap();
      copy_directory(&entry.path(), &to);
    } else if kind.is_file() {
      std::fs::copy(entry.path(), &to).unwrap();
    }
  }
}

/// Runs `work` to its end.
///
/// # Panics
///
/// When it hangs.
pub(crate) fn run<T>(runtime: &Runtime, work: impl Future<Output = T>) -> T {
  let bounded = async { tokio::time::timeout(BOUND, work).await };
  runtime.block_on(bounded).expect("it does not hang")
}

pub(crate) fn runtime() -> Runtime {
  let mut builder = tokio::runtime::Builder::new_multi_thread();
  builder.worker_threads(1).enable_all().build().unwrap()
}
