//! The demo's server: HTTP/1.1 on loopback, a thread for each connection,
//! entity tags and ranges.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use parking_lot::Mutex;

use super::content::Content;

const CHUNK: u64 = 64 * 1024;
/// The demo's own requests have shorter heads.
const MAX_HEAD: u64 = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(60);

pub struct Resource {
  pub path: &'static str,
  pub content_type: &'static str,
  pub content: Content,
  /// How long the whole takes.
  pub pace: Option<Duration>,
  /// The first answer goes no further than to this byte, so that the client
  /// is gone before it has all.
  pub hold_first_at: Option<u64>,
}

/// A request and what was sent for it.
#[derive(Clone, Debug)]
pub struct Seen {
  pub path: String,
  pub range: Option<String>,
  pub sent: u64,
}

pub struct Server {
  pub address: SocketAddr,
  shared: Arc<Shared>,
}

struct Shared {
  resources: Vec<Resource>,
  seen: Mutex<Vec<Seen>>,
}

impl Server {
  pub fn start(resources: Vec<Resource>) -> std::io::Result<Self> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let shared = Arc::new(Shared {
      resources,
      seen: Mutex::default(),
    });
    let accepting = shared.clone();
    // It ends with the process.
    thread::Builder::new().spawn(move || {
      for stream in listener.incoming().flatten() {
        let shared = accepting.clone();
        // A client that goes away is the point of the demo.
        thread::spawn(move || drop(shared.serve(stream)));
      }
    })?;
    Ok(Self { address, shared })
  }

  pub fn seen(&self, path: &str) -> Vec<Seen> {
    let mut seen = self.shared.seen.lock().clone();
    seen.retain(|seen| seen.path == path);
    seen
  }
}

impl Shared {
  fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let head = Head::read(&stream)?;
    let found = self.resources.iter().find(|r| r.path == head.path);
    let Some(resource) = found else {
      let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\
        Connection: close\r\n\r\n";
      return stream.write_all(answer.as_bytes());
    };
    let number = {
      let mut seen = self.seen.lock();
      seen.push(Seen {
        path: head.path.clone(),
        range: head.range.clone(),
        sent: 0,
      });
      seen.len() - 1
    };
    let is_first = self.seen.lock()[..number]
      .iter()
      .all(|earlier| earlier.path != head.path);
    let first = head.first_byte(resource);
    stream.write_all(answer_head(resource, first).as_bytes())?;
    let hold = resource.hold_first_at.filter(|_| is_first);
    self.send(&mut stream, resource, first.unwrap_or(0), hold, number)
  }

  fn send(
    &self,
    stream: &mut TcpStream,
    resource: &Resource,
    first: u64,
    hold: Option<u64>,
    number: usize,
  ) -> std::io::Result<()> {
    let size = resource.content.size;
    let started = Instant::now();
    let mut buffer = vec![0; CHUNK as usize];
    let mut offset = first;
    while offset < size {
      if hold.is_some_and(|hold| offset >= hold) {
        // Returns when the client has gone.
        stream.read_exact(&mut [0])?;
      }
      let length = (size - offset).min(CHUNK);
      let chunk = &mut buffer[..length as usize];
      resource.content.fill(offset, chunk);
      stream.write_all(chunk)?;
      offset += length;
      self.seen.lock()[number].sent += length;
      if let Some(pace) = resource.pace {
        let share = (offset - first) as f64 / size as f64;
        let due = started + pace.mul_f64(share);
        thread::sleep(due.saturating_duration_since(Instant::now()));
      }
    }
    Ok(())
  }
}

fn etag(resource: &Resource) -> String {
  format!(
    "\"{:x}-{:x}\"",
    resource.content.seed, resource.content.size
  )
}

fn answer_head(resource: &Resource, first: Option<u64>) -> String {
  let size = resource.content.size;
  let status = match first {
    None => "200 OK".to_string(),
    Some(first) => format!(
      "206 Partial Content\r\nContent-Range: bytes {first}-{}/{size}",
      size - 1
    ),
  };
  format!(
    "HTTP/1.1 {status}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\
     ETag: {}\r\nAccept-Ranges: bytes\r\nConnection: close\r\n\r\n",
    resource.content_type,
    size - first.unwrap_or(0),
    etag(resource)
  )
}

#[derive(Default)]
struct Head {
  path: String,
  range: Option<String>,
  if_range: Option<String>,
}

impl Head {
  fn read(stream: &TcpStream) -> std::io::Result<Self> {
    let mut head = Self::default();
    for line in BufReader::new(stream.take(MAX_HEAD)).lines() {
      let line = line?;
      if line.is_empty() {
        return Ok(head);
      }
      if head.path.is_empty() {
        let target = line.split(' ').nth(1).unwrap_or_default();
        head.path = target.split('?').next().unwrap_or_default().to_string();
      } else if let Some((name, value)) = line.split_once(':') {
        let value = Some(value.trim().to_string());
        match name.to_ascii_lowercase().as_str() {
          "range" => head.range = value,
          "if-range" => head.if_range = value,
          _ => {}
        }
      }
    }
    Err(std::io::ErrorKind::UnexpectedEof.into())
  }

  /// Where the answer starts, when only a part is wanted and it is a part of
  /// the same version.
  fn first_byte(&self, resource: &Resource) -> Option<u64> {
    let same = |etag: &String| *etag == self::etag(resource);
    if !self.if_range.as_ref().is_none_or(same) {
      return None;
    }
    let range = self.range.as_ref()?.strip_prefix("bytes=")?;
    let first = range.strip_suffix('-')?.parse().ok()?;
    (first < resource.content.size).then_some(first)
  }
}
