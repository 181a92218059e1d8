//! The servers of a history, and the wire to them: every way of answering that
//! the fault tables know, on resources that change.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::io::Write;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;
use std::time::SystemTime;

use background_fetch::network::BodyError;
use background_fetch::network::NetworkError;
use background_fetch::network::NetworkErrorKind;
use background_fetch::network::Transport;
use background_fetch::network::TransportError;
use background_fetch::network::TransportRequest;
use background_fetch::network::TransportResponse;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use http::HeaderMap;
use http::HeaderValue;
use http::StatusCode;
use http::Version;
use http_body::Body;
use http_body::Frame;
use url::Url;

use crate::dice::Dice;
use crate::plan::Fault;
use crate::plan::Plan;
use crate::plan::ResourcePlan;
use crate::plan::Validator;
use crate::world::Fate;
use crate::world::State;
use crate::world::Step;
use crate::world::World;

pub struct ServerState {
  resources: Vec<Resource>,
  /// Until when there is no network, in milliseconds.
  offline_until: u64,
  /// How often each request with a body was taken, by its URL's path.
  pub uploads: BTreeMap<String, u64>,
  calm: bool,
}

struct Resource {
  plan: ResourcePlan,
  faults: VecDeque<Fault>,
  /// Something went wrong with a request for it.
  faulted: bool,
  /// Every version so far, the last one is there now.
  versions: Vec<Version_>,
  /// The pages of others that came in its place, where that could not have been
  /// known.
  pages: Vec<Bytes>,
  requests: u64,
}

struct Version_ {
  content: Bytes,
  /// Whole seconds.
  modified: SystemTime,
}

impl ServerState {
  pub fn new(plan: &Plan) -> Self {
    let resource = |plan: &ResourcePlan| Resource {
      plan: plan.clone(),
      faults: plan.faults.iter().cloned().collect(),
      faulted: false,
      versions: Vec::new(),
      pages: Vec::new(),
      requests: 0,
    };
    let mut this = Self {
      resources: plan.resources.iter().map(resource).collect(),
      offline_until: 0,
      uploads: BTreeMap::new(),
      calm: false,
    };
    // Older than whatever is said of today.
    let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_000_000);
    for resource in 0..this.resources.len() {
      this.change(resource, begin);
    }
    this
  }

  /// A new version, of about the same length.
  pub fn change(&mut self, resource: usize, now: SystemTime) {
    let of = &mut self.resources[resource];
    let number = of.versions.len() as u64;
    let mut dice = Dice::new(number << 8 | resource as u64);
    let planned = of.plan.length;
    let length = match number {
      0 => planned,
      _ if dice.one_in(3) => planned,
      _ => planned / 2 + dice.below(planned + 1),
    };
    let mut content = vec![0; length as usize];
    for eight in content.chunks_mut(8) {
      let random = dice.number().to_le_bytes();
      eight.copy_from_slice(&random[..eight.len()]);
    }
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = Duration::from_secs(seconds.unwrap_or_default().as_secs());
    of.versions.push(Version_ {
      content: content.into(),
      modified: SystemTime::UNIX_EPOCH + seconds,
    });
  }

  pub fn go_offline(&mut self, until: u64) {
    self.offline_until = until;
    for resource in &mut self.resources {
      resource.faulted = true;
    }
  }

  pub fn calm_down(&mut self) {
    self.calm = true;
    self.offline_until = 0;
  }

  /// Whether a resource, whole, had these bytes at any time.
  pub fn has_had(&self, resource: usize, bytes: &[u8]) -> bool {
    let of = &self.resources[resource];
    let mut versions = of.versions.iter().map(|version| &version.content);
    versions.any(|content| content == bytes)
      || of.pages.iter().any(|page| page == bytes)
  }

  pub fn is_faulted(&self, resource: usize) -> bool {
    self.resources[resource].faulted
  }
}

/// The URL of a record's resource.
pub fn url(resource: usize, fetch: usize, record: usize) -> Url {
  let host = resource % 2;
  let text = format!("http://host{host}.test/r{resource}/{fetch}.{record}");
  text.parse().expect("a URL")
}

/// The wire, as a process uses it.
pub struct SimTransport(pub World);

impl Transport for SimTransport {
  fn send(
    &self,
    request: TransportRequest,
  ) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
    let world = self.0.clone();
    Box::pin(send(world, request))
  }
}

fn failed(
  kind: NetworkErrorKind,
  message: &str,
  taken: bool,
) -> TransportError {
  let message = message.to_string();
  TransportError {
    error: NetworkError { kind, message },
    taken,
  }
}

async fn send(
  world: World,
  request: TransportRequest,
) -> Result<TransportResponse, TransportError> {
  if world.may_die(Step::Request) != Fate::Lives {
    std::future::pending::<()>().await;
  }
  world.latency(60).await;
  let fault = {
    let mut state = world.state();
    let now = state.now().as_millis() as u64;
    let range = request.headers.get("range");
    let range = range.and_then(|r| r.to_str().ok()).unwrap_or("whole");
    let what = format!("request {} {} {range}", request.method, request.url);
    state.say(&what);
    if now < state.server.offline_until {
      let kind = NetworkErrorKind::Offline;
      return Err(failed(kind, "there is no route", false));
    }
    next_fault(&mut state, &request.url)
  };
  match fault {
    Fault::Refused => {
      let kind = NetworkErrorKind::Unreachable;
      return Err(failed(kind, "the connection was refused", true));
    }
    Fault::Offline => {
      let kind = NetworkErrorKind::Offline;
      return Err(failed(kind, "there is no route", true));
    }
    _ => {}
  }
  let TransportRequest {
    method,
    url,
    headers,
    body,
    may_reuse,
    ..
  } = request;
  let mut received = 0;
  if let Some(mut body) = body {
    loop {
      let frame = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await;
      match frame {
        None => break,
        Some(Ok(frame)) => {
          received += frame.data_ref().map_or(0, Bytes::len);
          world.latency(8).await;
        }
        Some(Err(error)) => {
          let kind = NetworkErrorKind::Refused;
          return Err(failed(kind, &error.to_string(), true));
        }
      }
    }
  }
  let answer = {
    let mut state = world.state();
    if method == "POST" {
      state.say(&format!("took a body of {received} bytes"));
      let taken = state.server.uploads.entry(url.path().into()).or_default();
      *taken += 1;
    }
    match fault {
      Fault::ClosedBeforeHead => None,
      fault => Some(answer(&mut state, &url, &headers, fault)),
    }
  };
  match answer {
    None => {
      // On a connection that others have used that is not a fault.
      let taken = !may_reuse || world.state().dice.one_in(2);
      let kind = NetworkErrorKind::Interrupted;
      Err(failed(kind, "the connection was closed", taken))
    }
    Some(None) => std::future::pending().await,
    Some(Some(answer)) => {
      world.latency(20).await;
      Ok(answer.respond(&world))
    }
  }
}

fn resource_of(url: &Url) -> Option<usize> {
  let first = url.path_segments()?.next()?;
  first[1..].parse().ok()
}

/// What goes wrong with the next request for `url`.
fn next_fault(state: &mut State, url: &Url) -> Fault {
  let Some(resource) = resource_of(url) else {
    return Fault::Nothing;
  };
  let calm = state.server.calm;
  let of = &mut state.server.resources[resource];
  // A redirect and the page of a captive portal have no faults of their own.
  let is_final = !of.plan.redirected || url.path().starts_with("/s");
  if calm || !is_final || url.path().starts_with("/p") {
    return Fault::Nothing;
  }
  let fault = of.faults.pop_front().unwrap_or(Fault::Nothing);
  of.faulted |= !matches!(fault, Fault::Nothing | Fault::Slow(_));
  if fault != Fault::Nothing {
    state.say(&format!("fault {fault:?}"));
  }
  fault
}

/// What is asked for of a resource.
#[derive(Clone, Copy)]
struct Range {
  first: usize,
  /// Behind its last byte.
  end: Option<usize>,
}

impl Range {
  fn of(header: &HeaderValue) -> Option<Self> {
    let text = header.to_str().ok()?.strip_prefix("bytes=")?;
    let (first, last) = text.split_once('-')?;
    let last: Option<usize> = last.parse().ok();
    Some(Self {
      first: first.parse().ok()?,
      end: last.map(|last| last + 1),
    })
  }
}

/// In the coding, and no shorter: it costs no time.
fn gzip(content: &[u8]) -> Bytes {
  let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
  encoder.write_all(content).expect("a vector takes all");
  encoder.finish().expect("a vector takes all").into()
}

/// An answer before it is on its way.
struct Answer {
  status: u16,
  headers: HeaderMap,
  http2: bool,
  content: Bytes,
  end: End,
  /// In milliseconds.
  between_chunks: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
  InOrder,
  Broken,
  /// The transport has not noticed that it came too early.
  Early,
  Silent,
}

/// `None` when none comes.
fn answer(
  state: &mut State,
  url: &Url,
  headers: &HeaderMap,
  fault: Fault,
) -> Option<Answer> {
  let date = httpdate::fmt_http_date(state.true_time());
  let http2 = resource_of(url)
    .is_some_and(|resource| state.server.resources[resource].plan.http2);
  let mut answer = Answer {
    status: 404,
    headers: HeaderMap::new(),
    http2,
    content: Bytes::from_static(b"not here"),
    end: End::InOrder,
    between_chunks: 25,
  };
  answer.header("date", date);
  let Some(resource) = resource_of(url) else {
    return Some(answer);
  };
  let range = headers.get("range").and_then(Range::of);
  let accepted = headers.get("accept-encoding");
  let accepted = accepted.and_then(|value| value.to_str().ok());
  let takes_gzip = accepted.is_some_and(|codings| codings.contains("gzip"));
  let signature = state.dice.number();
  let of = &mut state.server.resources[resource];
  of.requests += 1;
  let path = url.path();
  if path.starts_with("/p") {
    answer.page(of, range);
    return Some(answer);
  }
  if of.plan.redirected && path.starts_with("/r") {
    let to =
      format!("http://store.test/s{}?signature={signature:x}", &path[2..]);
    answer.redirect(to);
    return Some(answer);
  }
  let if_range = headers.get("if-range").and_then(|v| v.to_str().ok());
  match fault {
    Fault::SilentBeforeHead => return None,
    Fault::Status(status, after) => {
      answer.status = status;
      if let Some(seconds) = after {
        answer.header("retry-after", seconds.to_string());
      }
      return Some(answer);
    }
    Fault::Page => {
      answer.page(of, range);
      return Some(answer);
    }
    Fault::PageBehindRedirect => {
      answer.redirect(format!("http://portal.test/p{}", &path[2..]));
      return Some(answer);
    }
    _ => {}
  }
  let coded = of.plan.compressed && takes_gzip;
  answer.resource(of, coded, range, if_range, &fault);
  if of.plan.http2 {
    answer.headers.remove("transfer-encoding");
  }
  let sent = answer.content.len() as u64;
  let share = |thousandths: u64| (sent * thousandths / 1_000) as usize;
  match fault {
    Fault::Broken(at) => {
      answer.content.truncate(share(at));
      answer.end = End::Broken;
    }
    Fault::Short(at) if sent > 0 => {
      answer.content.truncate(share(at));
      // Chunks without their last one are noticed.
      let framed = answer.headers.contains_key("content-length");
      answer.end = match of.plan.http2 || framed {
        true => End::Early,
        false => End::Broken,
      };
    }
    Fault::Silent(at) => {
      answer.content.truncate(share(at));
      answer.end = End::Silent;
    }
    Fault::Slow(wait) => answer.between_chunks = wait,
    _ => {}
  }
  Some(answer)
}

impl Answer {
  fn header(&mut self, name: &'static str, value: impl AsRef<str>) {
    let value = HeaderValue::from_str(value.as_ref()).expect("a header");
    self.headers.insert(name, value);
  }

  fn redirect(&mut self, to: String) {
    self.status = 302;
    self.header("location", to);
    self.content = Bytes::new();
  }

  /// A page of a captive portal. To a request for the whole it may as well be
  /// what was asked for.
  fn page(&mut self, of: &mut Resource, range: Option<Range>) {
    let page = format!("<h1>Log in, please</h1>{:>200}", of.requests);
    self.status = 200;
    self.content = page.into_bytes().into();
    self.header("content-type", "text/html");
    self.header("content-length", self.content.len().to_string());
    if range.is_none() {
      of.pages.push(self.content.clone());
    }
  }

  fn resource(
    &mut self,
    of: &Resource,
    coded: bool,
    range: Option<Range>,
    if_range: Option<&str>,
    fault: &Fault,
  ) {
    let number = of.versions.len();
    let version = of.versions.last().expect("a version");
    let modified = httpdate::fmt_http_date(version.modified);
    let content = match coded {
      true => gzip(&version.content),
      false => version.content.clone(),
    };
    let coding = if coded { "-gzip" } else { "" };
    let validator = match of.plan.validator {
      Validator::StrongEtag => Some(("etag", format!("\"{number}{coding}\""))),
      Validator::WeakEtag => Some(("etag", format!("W/\"{number}{coding}\""))),
      Validator::Date => Some(("last-modified", modified)),
      Validator::Nothing => None,
    };
    let current = validator.as_ref().map(|(_, value)| value.as_str());
    let same = if_range.is_none() || if_range == current;
    if let Some((name, value)) = &validator {
      self.header(name, value);
    }
    if coded {
      self.header("content-encoding", "gzip");
      self.header("vary", "accept-encoding");
    }
    let length = content.len();
    let part = match range {
      _ if *fault == Fault::NotSatisfiable => Some((length, length)),
      Some(Range { first, end })
        if of.plan.ranges && *fault != Fault::IgnoresRange =>
      {
        let obeyed = same || *fault == Fault::IgnoresIfRange;
        let first = match fault {
          Fault::OtherPart => first / 2,
          _ => first,
        };
        obeyed.then_some((first, end.unwrap_or(length).min(length)))
      }
      _ => None,
    };
    match part {
      Some((first, end)) if first >= end => {
        self.status = 416;
        self.header("content-range", format!("bytes */{length}"));
        self.content = Bytes::new();
      }
      Some((first, end)) => {
        let end = match fault {
          Fault::ShorterPart(share) => {
            let shorter = (end - first) as u64 * share / 1_000;
            first + (shorter as usize).max(1)
          }
          _ => end,
        };
        let complete = match of.plan.says_length {
          true => length.to_string(),
          false => "*".to_string(),
        };
        let blank = match fault {
          Fault::OddContentRange => "=",
          _ => " ",
        };
        let last = end - 1;
        self.status = 206;
        self.content = content.slice(first..end);
        self.header(
          "content-range",
          format!("bytes{blank}{first}-{last}/{complete}"),
        );
        self.header("content-length", self.content.len().to_string());
      }
      None => {
        self.status = 200;
        self.content = content;
        if of.plan.says_length {
          let more = match fault {
            Fault::PromisesMore(more) => *more as usize,
            _ => 0,
          };
          if more > 0 {
            self.end = End::Broken;
          }
          self.header("content-length", (length + more).to_string());
        } else {
          self.header("transfer-encoding", "chunked");
        }
      }
    }
  }

  fn respond(self, world: &World) -> TransportResponse {
    let Self {
      status,
      headers,
      http2,
      content,
      end,
      between_chunks,
    } = self;
    world.say(&format!(
      "answer {status}, {} bytes, {end:?}",
      content.len()
    ));
    let world = world.clone();
    let begin = (world, content, 0);
    let stream = futures::stream::unfold(begin, move |now| async move {
      let (world, mut content, chunks) = now;
      if content.is_empty() {
        return match end {
          End::InOrder | End::Early => None,
          _ if chunks == u64::MAX => None,
          End::Silent => std::future::pending().await,
          End::Broken => {
            let kind = NetworkErrorKind::Interrupted;
            let message = "the connection broke in the middle".to_string();
            let broken = BodyError {
              error: NetworkError { kind, message },
              without_closure_alert: false,
            };
            Some((Err(broken), (world, content, u64::MAX)))
          }
        };
      }
      world.latency(between_chunks).await;
      let length = 1 + world.state().dice.index(content.len().min(40_000));
      let chunk = content.split_to(length);
      Some((Ok(chunk), (world, content, chunks + 1)))
    });
    TransportResponse {
      status: StatusCode::from_u16(status).expect("a status"),
      reason: None,
      version: match http2 {
        true => Version::HTTP_2,
        false => Version::HTTP_11,
      },
      headers,
      body: Box::pin(SimBody {
        stream: stream.boxed(),
        in_order: end == End::InOrder,
        ended: false,
      }),
    }
  }
}

struct SimBody {
  stream: BoxStream<'static, Result<Bytes, BodyError>>,
  in_order: bool,
  ended: bool,
}

impl Body for SimBody {
  type Data = Bytes;
  type Error = BodyError;

  fn poll_frame(
    mut self: Pin<&mut Self>,
    cx: &mut Context<'_>,
  ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    let next = std::task::ready!(self.stream.as_mut().poll_next(cx));
    self.ended |= next.is_none();
    Poll::Ready(next.map(|chunk| chunk.map(Frame::data)))
  }

  fn is_end_stream(&self) -> bool {
    self.ended && self.in_order
  }
}
