//! Measures what a realm costs: with Background Fetch alone, with everything
//! that scripts of a browser find, when a script has touched all of that, and
//! what stays of the memory when a realm is dropped.
//!
//! ```console
//! $ cargo run --release --example realms
//! ```
//!
//! Each kind has processes of its own, in turn, each with some realms that stay.

use std::process::Command;
use std::sync::mpsc;
use std::time::Instant;

use background_fetch::engine::Engine;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::extensions;
use background_fetch::store::Store;
use deno_core::JsRuntime;
use deno_core::RuntimeOptions;

type Error = Box<dyn std::error::Error + Send + Sync>;

const ROUNDS: usize = 7;
const REALMS: usize = 20;

const KINDS: [&str; 4] = [
  "the API alone",
  "everything",
  "everything touched",
  "everything, and is dropped",
];

/// Asks for every property of the global object and of what hangs on it.
const TOUCH: &str = "
  for (const object of [globalThis, navigator, registration, crypto]) {
    for (let at = object; at !== null; at = Object.getPrototypeOf(at)) {
      for (const name of Reflect.ownKeys(at)) {
        try { object[name]; } catch {}
      }
    }
  }";

fn main() -> Result<(), Error> {
  if let Some(kind) = std::env::args().nth(1) {
    return measure(&kind);
  }
  let mut figures = vec![Vec::new(); KINDS.len()];
  for _ in 0..ROUNDS {
    for (kind, figures) in KINDS.iter().zip(&mut figures) {
      let output = Command::new(std::env::current_exe()?).arg(kind).output()?;
      let text = String::from_utf8(output.stdout)?;
      let (time, memory) = text.trim().split_once(' ').ok_or("no figures")?;
      figures.push((time.parse::<f64>()?, memory.parse::<f64>()?));
    }
  }
  println!("| a realm with | ms | KiB |\n| --- | --- | --- |");
  for (kind, figures) in KINDS.iter().zip(&figures) {
    let time = median(figures.iter().map(|figures| figures.0));
    let memory = median(figures.iter().map(|figures| figures.1));
    println!("| {kind} | {time:.1} | {memory:.0} |");
  }
  Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
  let mut values: Vec<_> = values.collect();
  values.sort_by(f64::total_cmp);
  values[values.len() / 2]
}

/// Prints the median time in ms and the memory in KiB of one realm.
fn measure(kind: &str) -> Result<(), Error> {
  JsRuntime::init_platform(None);
  let engine = Engine::builder().start_blocking(Store::in_memory())?;
  // What the first one makes is there for the others.
  let mut realms = Vec::new();
  let mut times = Vec::new();
  let mut before = 0.0;
  for number in 0..=REALMS {
    let (realm, time) = start(&engine, kind)?;
    if kind == KINDS[3] {
      realm.end()?;
    } else {
      realms.push(realm);
    }
    match number {
      0 => before = resident()?,
      _ => times.push(time),
    }
  }
  let memory = (resident()? - before) / REALMS as f64;
  println!("{} {memory}", median(times.into_iter()));
  // The realms still live, on threads that wait.
  std::process::exit(0);
}

/// A realm on a thread of its own.
struct Running {
  keep: mpsc::Sender<()>,
  thread: std::thread::JoinHandle<()>,
}

impl Running {
  fn end(self) -> Result<(), Error> {
    drop(self.keep);
    self
      .thread
      .join()
      .map_err(|_| "the realm has panicked".into())
  }
}

/// Starts one, and says how many ms that took.
fn start(engine: &Engine, kind: &str) -> Result<(Running, f64), Error> {
  let (engine, kind) = (engine.clone(), kind.to_owned());
  let (done, time) = mpsc::channel();
  let (keep, end) = mpsc::channel();
  let run = move || -> Result<(), Error> {
    let tokio = tokio::runtime::Builder::new_current_thread()
      .enable_all()
      .build()?;
    let _context = tokio.enter();
    let url = "https://app.test/sw.js".parse()?;
    let options = RealmOptions::new(RealmKind::ServiceWorker, url);
    let begin = Instant::now();
    let mut all = extensions(&engine, options, ExtensionOptions::default());
    if kind == KINDS[0] {
      let more = ["background_fetch_browser", "deno_crypto"];
      all.retain(|extension| !more.contains(&extension.name));
    }
    let mut js = JsRuntime::new(RuntimeOptions {
      extensions: all,
      ..RuntimeOptions::default()
    });
    let script = if kind == KINDS[2] {
      TOUCH
    } else {
      "registration"
    };
    js.execute_script("script.js", script)?;
    done.send(begin.elapsed().as_secs_f64() * 1000.0)?;
    let _ = end.recv();
    Ok(())
  };
  let thread = std::thread::Builder::new()
    .stack_size(16 << 20)
    .spawn(move || run().unwrap_or_else(|error| eprintln!("{error}")))?;
  Ok((Running { keep, thread }, time.recv()?))
}

/// Of this process, in KiB.
fn resident() -> Result<f64, Error> {
  let status = std::fs::read_to_string("/proc/self/status")?;
  let line = status.lines().find(|line| line.starts_with("VmRSS:"));
  let number = line.and_then(|line| line.split_whitespace().nth(1));
  Ok(number.ok_or("this system does not say it")?.parse()?)
}
