//! nginx on loopback for what is downloaded, a sink for what is uploaded, and a
//! server that answers when it is asked to.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use futures::StreamExt;
use tokio::sync::Semaphore;

use crate::Result;

/// What a connection gets a second below `/limited/`.
pub const LIMIT: &str = "10m";

pub struct Server {
  nginx: Child,
  /// The directory that is served.
  pub root: PathBuf,
  http: u16,
  https: u16,
  sink: SocketAddr,
  /// Takes connections and never answers.
  silent: TcpListener,
  /// Keeps the small servers going.
  runtime: tokio::runtime::Runtime,
}

impl Server {
  pub fn start(directory: &Path) -> Result<Self> {
    let root = directory.join("www");
    std::fs::create_dir(&root)?;
    allow_everybody(directory)?;
    let certificate =
      rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()])?;
    std::fs::write(directory.join("cert.pem"), certificate.cert.pem())?;
    std::fs::write(
      directory.join("key.pem"),
      certificate.signing_key.serialize_pem(),
    )?;
    let (http, https) = (free_port()?, free_port()?);
    let configuration = directory.join("nginx.conf");
    std::fs::write(
      &configuration,
      nginx_configuration(directory, http, https),
    )?;
    let errors = directory.join("nginx.log");
    let nginx = Command::new("nginx")
      .arg("-c")
      .arg(&configuration)
      .arg("-e")
      .arg(&errors)
      .spawn()
      .map_err(|error| {
        format!("nginx: {error}. Install it: apt-get install nginx-light")
      })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
      .worker_threads(1)
      .enable_all()
      .build()?;
    let server = Self {
      nginx,
      root,
      http,
      https,
      sink: runtime.block_on(sink())?,
      silent: TcpListener::bind("127.0.0.1:0")?,
      runtime,
    };
    server.wait_until_it_listens(&errors)?;
    Ok(server)
  }

  fn wait_until_it_listens(&self, errors: &Path) -> Result<()> {
    for _ in 0..200 {
      if TcpStream::connect(("127.0.0.1", self.http)).is_ok() {
        return Ok(());
      }
      std::thread::sleep(Duration::from_millis(50));
    }
    let said = std::fs::read_to_string(errors).unwrap_or_default();
    Err(format!("nginx does not start: {said}").into())
  }

  pub fn http(&self, path: &str) -> String {
    format!("http://127.0.0.1:{}/{path}", self.http)
  }

  /// Over TLS, and HTTP/2 for clients that ask for it.
  pub fn https(&self, path: &str) -> String {
    format!("https://127.0.0.1:{}/{path}", self.https)
  }

  pub fn sink(&self) -> String {
    format!("http://{}/", self.sink)
  }

  /// A new server that answers what is below `/held/`, with 1,000 bytes each,
  /// when somebody has asked it for `/release`.
  pub fn held(&self) -> Result<String> {
    let released = Arc::new(Semaphore::new(0));
    let gate = released.clone();
    let held = async move || {
      // Fails when it is closed, which is what is waited for.
      let _ = gate.acquire().await;
      vec![b'x'; 1000]
    };
    let release = async move || released.close();
    let routes = Router::new()
      .route("/held/{name}", get(held))
      .route("/release", get(release));
    let address = self.runtime.block_on(serve(routes))?;
    Ok(format!("http://{address}/"))
  }

  pub fn silent(&self) -> Result<String> {
    Ok(format!("http://{}/", self.silent.local_addr()?))
  }
}

impl Drop for Server {
  fn drop(&mut self) {
    // Its master ends the workers when it is asked to, not when it is killed.
    if let Some(pid) = rustix::process::Pid::from_raw(self.nginx.id() as i32) {
      let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    let _ = self.nginx.wait();
  }
}

fn nginx_configuration(directory: &Path, http: u16, https: u16) -> String {
  // As root, nginx would give its workers to a user who may not read the files.
  let user = if rustix::process::geteuid().is_root() {
    "user root;"
  } else {
    ""
  };
  let directory = directory.display();
  let coded: String = [("gzip", "gzip"), ("br", "br"), ("zstd", "zstd")]
    .map(|(folder, coding)| {
      format!(
        "location /{folder}/ {{ types {{}} default_type text/plain; \
           add_header Content-Encoding {coding}; }} "
      )
    })
    .concat();
  let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map(|kind| format!("{kind}_temp_path {directory}/{kind}; "))
    .concat();
  format!(
    "daemon off; worker_processes 1; pid {directory}/nginx.pid; {user} \
     events {{ worker_connections 4096; }} \
     http {{ access_log off; sendfile on; keepalive_requests 1000000; {temporary} \
       server {{ \
         listen 127.0.0.1:{http}; \
         listen 127.0.0.1:{https} ssl http2; \
         ssl_certificate {directory}/cert.pem; ssl_certificate_key {directory}/key.pem; \
         root {directory}/www; {coded} \
         location /limited/ {{ limit_rate {LIMIT}; }} \
       }} }}"
  )
}

/// Reads every body to its end, and answers 200 then.
async fn sink() -> Result<SocketAddr> {
  let drain = |body: Body| async move {
    let mut chunks = body.into_data_stream();
    let mut bytes = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
      bytes += chunk.len();
    }
    bytes.to_string()
  };
  serve(Router::new().fallback(drain)).await
}

async fn serve(routes: Router) -> Result<SocketAddr> {
  let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
  let address = listener.local_addr()?;
  tokio::spawn(async move { axum::serve(listener, routes).await });
  Ok(address)
}

fn free_port() -> Result<u16> {
  Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A temporary directory is its owner's alone, and nginx's workers are not.
fn allow_everybody(directory: &Path) -> Result<()> {
  use std::os::unix::fs::PermissionsExt;
  Ok(std::fs::set_permissions(
    directory,
    std::fs::Permissions::from_mode(0o755),
  )?)
}
