//! Runs web-platform-tests on the realms of `background_fetch`.
//!
//! ```text
//! cargo wpt                                    this project's own tests
//! cargo wpt --root ~/wpt background-fetch      a checkout's, unmodified
//! cargo wpt --root ~/wpt --wptserve fetch       with the checkout's own server
//! cargo wpt --serve                            for a browser
//! ```

mod counts;
mod discover;
mod expectations;
mod failing;
mod meta;
mod print;
mod report;
mod results;
mod runner;
mod server;
mod wptserve;

use std::error::Error;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser;
use deno_core::JsRuntime;
use reqwest::Url;
use tokio::runtime::Runtime;

use crate::counts::Counts;
use crate::expectations::Expectations;
use crate::failing::Causes;
use crate::failing::Failing;
use crate::print::MAX_ABANDONED;
use crate::print::Summary;
use crate::print::print_not_run;
use crate::results::Results;
use crate::runner::Loader;
use crate::runner::Route;
use crate::runner::Setting;
use crate::server::Server;
use crate::server::hosts;
use crate::server::hosts::Ports;
use crate::wptserve::WptServe;

/// Runs web-platform-tests on this project's realms.
#[derive(Parser)]
#[command(name = "cargo wpt")]
struct Arguments {
  /// A checkout of web-platform-tests; without it, this project's own tests run
  #[arg(long, value_name = "CHECKOUT")]
  root: Option<PathBuf>,
  /// Start the checkout's own wptserve, and end it with the tests: for tests
  /// whose handlers are in Python
  #[arg(long, requires = "root", conflicts_with = "server")]
  wptserve: bool,
  /// A wptserve that is running: the HTTPS origin of web-platform.test
  #[arg(long, value_name = "URL", requires = "root")]
  server: Option<Url>,
  /// A certificate root of that server, in PEM
  #[arg(long, value_name = "FILE", requires = "server")]
  certificate: Option<PathBuf>,
  /// Keep the server up on the usual ports, and run nothing
  #[arg(long)]
  serve: bool,
  /// What is expected to fail [default: wpt/expectations.json]
  #[arg(long, value_name = "FILE")]
  expectations: Option<PathBuf>,
  /// Where the report for wpt.fyi goes
  #[arg(long, value_name = "FILE", default_value = "target/wptreport.json")]
  report: PathBuf,
  /// How many pages run at once [default: three for each processor]
  #[arg(long, value_name = "N")]
  jobs: Option<usize>,
  /// How much longer than in a browser a page may take
  #[arg(long, value_name = "FACTOR", default_value_t = TIMEOUT_MULTIPLIER)]
  timeout_multiplier: f64,
  /// Print what changed since the run that is recorded in this file
  #[arg(long, value_name = "FILE")]
  compare: Option<PathBuf>,
  /// Record how many subtests passed on each page in this file
  #[arg(long, value_name = "FILE")]
  record: Option<PathBuf>,
  /// Record which subtests failed, and why, in this file
  #[arg(long, value_name = "FILE")]
  failing: Option<PathBuf>,
  /// Why subtests fail [default: wpt/recorded/causes.tsv]
  #[arg(long, value_name = "FILE", requires = "failing")]
  causes: Option<PathBuf>,
  /// A file that names further files and folders, one on each line
  #[arg(long, value_name = "FILE")]
  from: Option<PathBuf>,
  /// Only list the pages
  #[arg(long)]
  list: bool,
  /// Files and folders, relative to the root [default: background-fetch]
  paths: Vec<String>,
}

/// Starting a realm takes much longer in a build that is not optimised.
const TIMEOUT_MULTIPLIER: f64 = if cfg!(debug_assertions) { 4.0 } else { 1.0 };

fn main() -> ExitCode {
  // Several realms on several threads need this first.
  JsRuntime::init_platform(None);
  match run(Arguments::parse()) {
    Ok(true) => ExitCode::SUCCESS,
    Ok(false) => ExitCode::FAILURE,
    Err(error) => {
      eprintln!("wpt: {error}");
      ExitCode::from(2)
    }
  }
}

/// Whether every result was as expected.
fn run(arguments: Arguments) -> Result<bool, Box<dyn Error>> {
  let own = Path::new(env!("CARGO_MANIFEST_DIR"));
  let root = arguments.root.clone().unwrap_or_else(|| own.into());
  let runtime = tokio::runtime::Builder::new_multi_thread()
    .enable_all()
    .build()?;
  if arguments.serve {
    return serve(&runtime, root);
  }
  let mut paths = arguments.paths.clone();
  if let Some(path) = &arguments.from {
    let text = std::fs::read_to_string(path)?;
    paths.extend(text.lines().map(str::to_owned));
  }
  if paths.is_empty() {
    paths.push("background-fetch".into());
  }
  let tests = discover::discover(&root, &paths)?;
  let (tests, not_run): (Vec<_>, Vec<_>) = tests
    .into_iter()
    .partition(|test| test.scope.not_run().is_none());
  if arguments.list {
    tests.iter().for_each(|test| println!("{}", test.id));
    print_not_run(&not_run);
    return Ok(true);
  }
  let recorded = arguments.compare.as_deref().map(Counts::read).transpose()?;
  let expectations = match &arguments.expectations {
    Some(path) => Expectations::read(path)?,
    None => Expectations::read(&own.join("expectations.json"))?,
  };
  let wptserve = match arguments.wptserve {
    true => Some(WptServe::start(&root)?),
    false => None,
  };
  let setting = setting(&runtime, root, &arguments, wptserve.as_ref())?;
  let jobs = arguments.jobs.unwrap_or_else(|| {
    // Tests mostly wait.
    3 * std::thread::available_parallelism().map_or(2, usize::from)
  });
  let start = SystemTime::now();
  let mut summary = Summary::default();
  let results = runner::run_all(tests, setting, jobs, |page| {
    summary.add(page, &expectations);
  });
  let counts = Counts::of(&results);
  if let Some(recorded) = recorded {
    print_changes(&counts, &recorded);
  }
  if let Some(path) = &arguments.record {
    counts.record(path)?;
  }
  if let Some(path) = &arguments.failing {
    record_failing(&results, path, arguments.causes.as_deref(), own)?;
  }
  print_not_run(&not_run);
  summary.print();
  report::write(&arguments.report, &results, &expectations, start)?;
  let few_abandoned = summary.abandoned.len() <= MAX_ABANDONED;
  Ok(summary.unexpected == 0 && few_abandoned)
}

fn record_failing(
  results: &[Results],
  path: &Path,
  causes: Option<&Path>,
  own: &Path,
) -> Result<(), Box<dyn Error>> {
  let causes = match causes {
    Some(path) => Causes::read(path)?,
    None => Causes::read(&own.join("recorded/causes.tsv"))?,
  };
  for (cause, count) in Failing::of(results).record(path, &causes)? {
    println!("failing: {count} {cause}");
  }
  Ok(())
}

fn print_changes(now: &Counts, recorded: &Counts) {
  for change in now.changes_since(recorded) {
    println!("changed: {change}");
  }
  let (before, before_all) = recorded.passed_on_pages_of(now);
  let (after, after_all) = now.passed_on_pages_of(recorded);
  println!(
    "on the pages that are recorded: {before} of {before_all} subtests \
     passed, now {after} of {after_all}"
  );
}

fn setting(
  runtime: &Runtime,
  root: PathBuf,
  arguments: &Arguments,
  wptserve: Option<&WptServe>,
) -> Result<Setting, Box<dyn Error>> {
  let unknown = hosts::UNKNOWN_HOSTS.map(str::to_owned);
  let names = hosts::all().chain(unknown);
  let (route, http, https, h2) = match (wptserve, &arguments.server) {
    (Some(server), _) => {
      let pem = vec![server.certificate()?];
      let route = Route::to_loopback(names, None, pem);
      let origin = |scheme, port| {
        Url::parse(&format!("{scheme}://{}:{port}/", hosts::HOST))
      };
      let h2 = server.h2.map(|port| origin("https", port)).transpose()?;
      let (http, https) = (server.http, server.https);
      (route, origin("http", http)?, origin("https", https)?, h2)
    }
    (None, Some(https)) => {
      let pem = arguments.certificate.as_ref().map(std::fs::read_to_string);
      let pem = pem.transpose()?;
      let route = Route::to_loopback(names, None, pem.into_iter().collect());
      let mut http = https.clone();
      // wptserve's first port for HTTP.
      if http.set_scheme("http").is_err() || http.set_port(Some(8000)).is_err()
      {
        return Err(format!("{https} is not an origin of a server").into());
      }
      (route, http, https.clone(), None)
    }
    (None, None) => {
      let server = runtime.block_on(Server::start(root, Ports::ANY))?;
      let generous = (hosts::GENEROUS_HOST, server.ports.https[0]);
      let pem = vec![server.root_certificate_pem];
      let route = Route::to_loopback(names, Some(generous), pem);
      let [http, https] = origins(server.ports);
      (route, http.parse()?, https.parse()?, None)
    }
  };
  Ok(Setting {
    runtime: runtime.handle().clone(),
    loader: Loader::new(&route, runtime.handle().clone())?,
    route,
    http,
    https,
    h2,
    timeout_multiplier: arguments.timeout_multiplier,
  })
}

fn origins(ports: Ports) -> [String; 2] {
  let origin = |scheme, port| format!("{scheme}://{}:{port}/", hosts::HOST);
  [
    origin("http", ports.http[0]),
    origin("https", ports.https[0]),
  ]
}

fn serve(runtime: &Runtime, root: PathBuf) -> Result<bool, Box<dyn Error>> {
  let server = runtime.block_on(Server::start(root, Ports::USUAL))?;
  let [http, https] = origins(server.ports);
  println!("{http}\n{https}\n");
  println!("Every host of the tests has to lead to 127.0.0.1, for instance by");
  println!("  --host-resolver-rules='MAP *.test 127.0.0.1'");
  println!("and this certificate root has to be trusted:");
  println!("{}", server.root_certificate_pem);
  runtime.block_on(std::future::pending::<()>());
  Ok(true)
}
