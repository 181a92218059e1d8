//! A server for the programs of this package, so that they need no other.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;

/// What the programs return from `main`.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Serves `/NUMBER` with so many bytes, takes every `POST`, and has scripts at
/// the paths that it is given.
pub struct Server {
  /// `http://127.0.0.1:PORT`
  pub origin: String,
  received: Arc<Mutex<Vec<usize>>>,
}

impl Server {
  /// Starts it on threads of its own.
  pub fn start(scripts: &[(&'static str, &'static str)]) -> Result<Self> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let origin = format!("http://{}", listener.local_addr()?);
    let received = Arc::new(Mutex::default());
    let (scripts, log) = (scripts.to_vec(), received.clone());
    thread::spawn(move || {
      for client in listener.incoming().flatten() {
        let (scripts, log) = (scripts.clone(), Arc::clone(&log));
        thread::spawn(move || answer(client, &scripts, &log));
      }
    });
    Ok(Self { origin, received })
  }

  /// The lengths of the bodies that were sent to it, in bytes.
  pub fn received(&self) -> Vec<usize> {
    let mut lengths = self.received.lock().expect("a lock").clone();
    lengths.sort_unstable();
    lengths
  }
}

fn answer(
  client: TcpStream,
  scripts: &[(&str, &str)],
  received: &Mutex<Vec<usize>>,
) -> std::io::Result<()> {
  let mut lines = BufReader::new(client.try_clone()?);
  let mut first = String::new();
  lines.read_line(&mut first)?;
  let mut length = 0;
  loop {
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let line = line.trim().to_ascii_lowercase();
    if line.is_empty() {
      break;
    }
    if let Some(value) = line.strip_prefix("content-length:") {
      length = value.trim().parse().unwrap_or(0);
    }
  }
  let mut words = first.split(' ');
  let (method, path) = (words.next(), words.next().unwrap_or_default());
  let script = scripts.iter().find(|(at, _)| *at == path);
  let (kind, body) = match (method, script) {
    (Some("POST"), _) => {
      let mut body = vec![0; length];
      lines.read_exact(&mut body)?;
      received.lock().expect("a lock").push(body.len());
      ("text/plain", b"thanks".to_vec())
    }
    (_, Some((_, script))) => ("text/javascript", script.as_bytes().to_vec()),
    _ => {
      let size = path.trim_matches('/').parse().unwrap_or(0);
      ("application/octet-stream", vec![b'x'; size])
    }
  };
  let head = format!(
    "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
     Connection: close\r\n\r\n",
    body.len()
  );
  let mut client = client;
  client.write_all(head.as_bytes())?;
  client.write_all(&body)
}
