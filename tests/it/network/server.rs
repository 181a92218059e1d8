//! A server that answers each request with the bytes that a test wants.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;

/// From a request to the raw answer.
pub type Handler = Arc<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

/// Always the same answer.
pub fn answer(raw: &'static str) -> Handler {
  Arc::new(move |_| raw.into())
}

/// Always the same answer, made when the test runs.
pub fn raw(raw: String) -> Handler {
  Arc::new(move |_| raw.clone().into())
}

/// A redirect that every origin may see.
pub fn redirect_to(status: u16, location: &str) -> Handler {
  raw(format!(
    "HTTP/1.1 {status} X\r\nLocation: {location}\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n"
  ))
}

/// The value of a header in the text of a request.
pub fn header(request: &str, name: &str) -> Option<String> {
  let (head, _) = request.split_once("\r\n\r\n")?;
  head.lines().skip(1).find_map(|line| {
    let (n, value) = line.split_once(": ")?;
    n.eq_ignore_ascii_case(name).then(|| value.to_string())
  })
}

pub struct Server {
  address: SocketAddr,
  requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
  /// Closes every connection after one answer.
  pub async fn start(handler: Handler) -> Self {
    Self::serve(handler, false).await
  }

  /// Keeps every connection open after its answer, and says no more.
  pub async fn start_silent(handler: Handler) -> Self {
    Self::serve(handler, true).await
  }

  async fn serve(handler: Handler, silent: bool) -> Self {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = requests.clone();
    tokio::spawn(async move {
      while let Ok((mut stream, _)) = listener.accept().await {
        let (handler, log) = (handler.clone(), log.clone());
        tokio::spawn(async move {
          let request = read_request(&mut stream).await;
          let raw = handler(&request);
          log.lock().unwrap().push(request);
          let _ = stream.write_all(&raw).await;
          if silent {
            std::future::pending::<()>().await;
          }
          let _ = stream.shutdown().await;
        });
      }
    });
    Self { address, requests }
  }

  pub fn url(&self, path: &str) -> String {
    format!("http://{}{path}", self.address)
  }

  /// The request number `n`, head and body.
  pub fn request(&self, n: usize) -> String {
    self.requests.lock().unwrap()[n].clone()
  }

  pub fn last_request(&self) -> String {
    self.requests.lock().unwrap().last().unwrap().clone()
  }

  pub fn request_lines(&self) -> Vec<String> {
    let requests = self.requests.lock().unwrap();
    let first_line = |r: &String| r.lines().next().unwrap().to_string();
    requests.iter().map(first_line).collect()
  }
}

async fn read_request(stream: &mut TcpStream) -> String {
  let mut bytes = Vec::new();
  loop {
    let text = String::from_utf8_lossy(&bytes).to_string();
    if let Some((head, body)) = text.split_once("\r\n\r\n") {
      let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
      if body.len() >= length {
        return text;
      }
    }
    let mut chunk = [0; 4096];
    match stream.read(&mut chunk).await {
      Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
      _ => return text,
    }
  }
}
