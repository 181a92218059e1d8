//! One fault, and what has to come of it.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use std::time::Instant;

use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::network::TraceEvent;
use background_fetch::spec::BackgroundFetchFailureReason;
use background_fetch::spec::BackgroundFetchFailureReason::BadStatus;
use background_fetch::spec::BackgroundFetchFailureReason::FetchError;
use background_fetch::store::Store;

use crate::engine::harness::*;
use support::Behaviour;
use support::FaultServer;
use support::Protocol;
use support::Resource;
use support::SeenRequest;
use support::content;

/// The resource's size, and where most faults strike; in bytes.
pub const SIZE: u64 = 200_000;
pub const CUT: u64 = 80_000;
/// What the resource is made of, and what its next version is.
pub const OLD: u64 = 1;
pub const NEW: u64 = 2;
pub const DATE: &str = "Tue, 15 Nov 1994 12:45:26 GMT";
const A_SECOND_LATER: &str = "Tue, 15 Nov 1994 12:45:27 GMT";

/// `/r` has an `ETag`, `/weak` a weak one, `/dated` a `Last-Modified` and no
/// `ETag`, `/just-now` one of the second in which it is sent, `/bare` nothing;
/// `/login` is a page without a validator; `/moved` redirects as its script
/// says, and then `/r` breaks off each time.
pub struct Case {
  pub name: &'static str,
  pub path: &'static str,
  pub script: Vec<Behaviour>,
  pub outcome: Outcome,
  /// What each request asked for, redirects aside.
  pub asked: Vec<Asked>,
  /// How long nothing may come.
  pub idle_timeout: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
  /// With these bytes.
  Success {
    seed: u64,
    length: u64,
  },
  Failure(BackgroundFetchFailureReason),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Asked {
  Whole,
  /// The whole any number of times, as the last thing.
  WholeAgain,
  /// Anything any number of times, as the last thing.
  AnythingAgain,
  /// A range from here to the end.
  From(u64),
  /// The same from this byte or an earlier one: a reset may overtake bytes.
  FromAtMost(u64),
}

pub const WHOLE: Outcome = Outcome::Success {
  seed: OLD,
  length: SIZE,
};
pub const NEW_VERSION: Outcome = Outcome::Success {
  seed: NEW,
  length: SIZE,
};
pub const EMPTY: Outcome = Outcome::Success {
  seed: OLD,
  length: 0,
};
pub const BAD_STATUS: Outcome = Outcome::Failure(BadStatus);
pub const ERROR: Outcome = Outcome::Failure(FetchError);

pub fn case<const N: usize, const M: usize>(
  name: &'static str,
  script: [Behaviour; N],
  outcome: Outcome,
  asked: [Asked; M],
) -> Case {
  Case {
    name,
    path: "/r",
    script: script.into(),
    outcome,
    asked: asked.into(),
    idle_timeout: None,
  }
}

/// A fault that strikes when the rest is asked for, after [`CUT`] bytes.
pub fn resumed(name: &'static str, then: Behaviour, outcome: Outcome) -> Case {
  let script = [Behaviour::TruncateAfter(CUT), then];
  case(name, script, outcome, [Asked::Whole, Asked::From(CUT)])
}

/// A fault that strikes when the rest is asked for, and costs no more than a
/// request for the whole.
pub fn whole_after(name: &'static str, then: Behaviour) -> Case {
  let script = [Behaviour::TruncateAfter(CUT), then, Behaviour::Normal];
  let asked = [Asked::Whole, Asked::From(CUT), Asked::Whole];
  case(name, script, WHOLE, asked)
}

/// An answer to a request for the rest that is as good as none.
pub fn no_answer(name: &'static str, then: Behaviour) -> Case {
  let script = [Behaviour::TruncateAfter(CUT), then];
  let asked = [Asked::Whole, Asked::From(CUT), Asked::AnythingAgain];
  case(name, script, ERROR, asked)
}

/// The engine of a client that trusts `server`.
pub fn config_for(server: &FaultServer) -> EngineConfig {
  let mut config = config();
  // An attempt may be lost on a connection that the server is closing, and is
  // not seen there.
  config.retry.attempts = 8;
  config.network.system_roots = false;
  config.network.root_certificates = server.root_certificates();
  config
}

/// How often a case is tried whose answer has not reached the engine.
const TRIES: usize = 3;

/// The error says what was otherwise.
pub async fn run(protocol: Protocol, case: Case) -> Result<(), String> {
  let mut tried = Ok(());
  for _ in 0..TRIES {
    tried = match run_once(protocol, &case).await {
      Ok(()) => return Ok(()),
      // When a connection of HTTP/2 ends in the moment in which the library's
      // task has sent the request and not looked for the answer yet, the
      // answer is lost with it. Machines that have much else to do are in that
      // moment for long.
      Err(wrong) if wrong.has_lost_an_answer => Err(wrong.text),
      Err(wrong) => return Err(wrong.text),
    };
  }
  tried
}

struct Wrong {
  text: String,
  /// The server has sent bytes of more answers than have reached the engine.
  has_lost_an_answer: bool,
}

async fn run_once(protocol: Protocol, case: &Case) -> Result<(), Wrong> {
  let server = FaultServer::start_with(protocol).await;
  let scripted = |resource: Resource, path: &str| match path == case.path {
    true => resource.script(case.script.clone()),
    false => resource,
  };
  let bytes = |seed| Resource::bytes(SIZE, seed);
  server.serve("/r", scripted(bytes(OLD).etag("\"1\""), "/r"));
  for (path, date) in [("/dated", A_SECOND_LATER), ("/just-now", DATE)] {
    let dated = bytes(OLD).last_modified(DATE).header("Date", date);
    server.serve(path, scripted(dated, path));
  }
  server.serve("/weak", scripted(bytes(OLD).etag("W/\"1\""), "/weak"));
  server.serve("/bare", scripted(bytes(OLD), "/bare"));
  server.serve("/bare-new", bytes(NEW).script([Behaviour::IgnoreIfRange]));
  server.serve("/login", Resource::text("log in, please"));
  server.serve("/copy", bytes(OLD).etag("\"1\""));
  server.serve("/new", bytes(NEW).etag("\"2\""));
  server.serve("/moved", scripted(Resource::text(""), "/moved"));
  if case.path == "/moved" {
    server.script("/r", [Behaviour::TruncateAfter(CUT)]);
  }
  let mut config = config_for(&server);
  if let Some(idle_timeout) = case.idle_timeout {
    config.network.idle_timeout = idle_timeout;
  }
  let seen_by_client = Arc::new(Mutex::new(Vec::new()));
  let answers = Arc::new(AtomicUsize::new(0));
  let (seen, answered) = (seen_by_client.clone(), answers.clone());
  let begun = Instant::now();
  config.network.trace = Some(Arc::new(move |event: TraceEvent<'_>| {
    let at = begun.elapsed();
    seen.lock().unwrap().push(format!("  {at:.1?} {event:?}"));
    if matches!(event, TraceEvent::Response { .. }) {
      answered.fetch_add(1, Relaxed);
    }
  }));
  let realm = worker(
    &Engine::builder()
      .config(config)
      .start_blocking(Store::in_memory())
      .unwrap(),
  );
  let url = server.url(case.path);
  let key = fetch(&realm, "r", &[&url]).await.key;
  let (_, name, snapshot) = next_event(&realm).await;
  let outcome = match snapshot.failure_reason {
    BackgroundFetchFailureReason::None => {
      assert_eq!(name, "backgroundfetchsuccess");
      let body = read(&records(&realm, key)[0]).await.unwrap();
      let length = body.len() as u64;
      let digest = content::sha256_of(&body);
      let made_of = |seed: &u64| content::sha256(length, *seed) == digest;
      let seed = [OLD, NEW].into_iter().find(made_of);
      let seed = seed.ok_or_else(|| Wrong {
        text: format!("{}: a mixture", case.name),
        has_lost_an_answer: false,
      })?;
      Outcome::Success { seed, length }
    }
    reason => {
      assert_eq!(name, "backgroundfetchfail");
      assert!(snapshot.diagnostic.is_some());
      Outcome::Failure(reason)
    }
  };
  let requests = server.requests();
  let requests = requests.iter().filter(|r| r.path() != "/moved");
  let conditional = |request: &SeenRequest| {
    request.header("range").is_some() == request.header("if-range").is_some()
  };
  assert!(requests.clone().all(conditional), "{}", case.name);
  let ranges: Vec<_> =
    requests.map(|r| first_byte(r.header("range"))).collect();
  if outcome == case.outcome && as_expected(&ranges, &case.asked) {
    return Ok(());
  }
  let sent = server.requests().iter().filter(|r| r.sent > 0).count();
  let text = format!(
    "{}: {outcome:?}, not {:?}; asked from {ranges:?}, not {:?}; {:?}\n{}",
    case.name,
    case.outcome,
    case.asked,
    snapshot.diagnostic,
    seen_by_client.lock().unwrap().join("\n")
  );
  Err(Wrong {
    text,
    has_lost_an_answer: sent > answers.load(Relaxed),
  })
}

fn as_expected(first_bytes: &[Option<u64>], asked: &[Asked]) -> bool {
  let (first_bytes, asked) = match asked {
    [asked @ .., Asked::WholeAgain] => {
      let seen = first_bytes.len().min(asked.len());
      let (seen, again) = first_bytes.split_at(seen);
      if again.iter().any(Option::is_some) {
        return false;
      }
      (seen, asked)
    }
    [asked @ .., Asked::AnythingAgain] => {
      let seen = first_bytes.len().min(asked.len());
      (&first_bytes[..seen], asked)
    }
    asked => (first_bytes, asked),
  };
  first_bytes.len() == asked.len()
    && first_bytes.iter().zip(asked).all(|pair| match pair {
      (None, Asked::Whole | Asked::FromAtMost(_)) => true,
      (Some(first), Asked::From(n)) => first == n,
      (Some(first), Asked::FromAtMost(n)) => first <= n,
      _ => false,
    })
}

fn first_byte(range: Option<&str>) -> Option<u64> {
  let range = range?.strip_prefix("bytes=").unwrap();
  Some(range.strip_suffix('-').unwrap().parse().unwrap())
}
