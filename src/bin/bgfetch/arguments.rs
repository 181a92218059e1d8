//! The command line's grammar.

use std::num::NonZeroU64;
use std::path::PathBuf;

use background_fetch::engine::RetryStatuses;
use background_fetch::network::NetworkPolicy;
use background_fetch::spec::ResumePolicy;
use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use url::Url;

use crate::byte_count;

/// Background fetches from the command line: transfers that outlive the
/// process that started them.
#[derive(Parser)]
#[command(name = "bgfetch", version, max_term_width = 100)]
#[command(after_help = "Exit status: 0 every background fetch succeeded, \
  1 one failed or was aborted, 2 usage or configuration, 130 interrupted \
  (the store keeps everything; `bgfetch resume` goes on).")]
pub struct Arguments {
  #[command(subcommand)]
  pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
  /// Run a script in a service worker's realm, or as a page with a service
  /// worker, until every background fetch has settled and its event is handled
  Run(Run),
  /// Download URLs with no script: one background fetch, saved to --out
  Get(Get),
  /// Continue everything unfinished in the store, and fire what is owed
  Resume(Resume),
  /// List the background fetches in the store, also while another process
  /// works on them
  List(List),
  /// Show one background fetch of the store with its requests
  Show(Show),
  /// Abort a background fetch, also while another process works on it
  Abort(Control),
  /// Pause a background fetch, also while another process works on it
  Pause(Control),
  /// Let a paused background fetch go on
  Unpause(Control),
  /// Fire backgroundfetchclick in the script that another process runs, as a
  /// user's click on a background fetch does; or notificationclick, with the
  /// tag or the title of a notification
  Click(Click),
  /// See the main job done on this machine alone: a server, a script, and a
  /// transfer that is cut and continued
  Demo(Demo),
}

#[derive(Args)]
pub struct Run {
  /// An ES module; it may import others from the disk
  pub script: PathBuf,
  /// Run SCRIPT as a page, and FILE as the service worker that it registers:
  /// FILE is at its name beside the base URL, and what it imports is beside it
  #[arg(long, value_name = "FILE")]
  pub sw: Option<PathBuf>,
  /// The realm's URL: relative URLs resolve against it, its directory is the
  /// scope
  #[arg(long, value_name = "URL", value_parser = base, default_value = "http://localhost/")]
  pub base: Url,
  /// Save every response of a successful background fetch in DIR
  #[arg(long, value_name = "DIR")]
  pub out: Option<PathBuf>,
  #[command(flatten)]
  pub engine: EngineOptions,
}

#[derive(Args)]
pub struct Get {
  /// What to download
  #[arg(required = true, value_name = "URL")]
  pub urls: Vec<String>,
  /// Resolve relative URLs against this one; also the origin with --policy
  /// browser
  #[arg(long, value_name = "URL", value_parser = base)]
  pub base: Option<Url>,
  /// Where the files are saved
  #[arg(long, value_name = "DIR", default_value = ".")]
  pub out: PathBuf,
  #[command(flatten)]
  pub engine: EngineOptions,
}

#[derive(Args)]
pub struct Resume {
  /// Save in DIR, whatever the background fetches were started with
  #[arg(long, value_name = "DIR")]
  pub out: Option<PathBuf>,
  #[command(flatten)]
  pub engine: EngineOptions,
}

#[derive(Args)]
pub struct List {
  /// One JSON object a line
  #[arg(long)]
  pub json: bool,
  #[command(flatten)]
  pub store: StoreOptions,
}

#[derive(Args)]
pub struct Show {
  /// The background fetch's id, as `bgfetch list` shows it
  pub id: String,
  /// One JSON object a line
  #[arg(long)]
  pub json: bool,
  #[command(flatten)]
  pub store: StoreOptions,
}

/// What `abort`, `pause`, `unpause` and `click` have in common.
#[derive(Args)]
pub struct Control {
  /// The background fetch's id, as `bgfetch list` shows it
  pub id: String,
  /// Only in the scope of this base URL, where several have the same id
  #[arg(long, value_name = "URL", value_parser = base)]
  pub base: Option<Url>,
  /// Say nothing but errors
  #[arg(long)]
  pub quiet: bool,
  #[command(flatten)]
  pub store: StoreOptions,
}

#[derive(Args)]
pub struct Click {
  #[command(flatten)]
  pub control: Control,
  /// Choose this action of a notification
  #[arg(long, value_name = "NAME", conflicts_with = "dismiss")]
  pub action: Option<String>,
  /// Dismiss a notification instead: fires notificationclose
  #[arg(long)]
  pub dismiss: bool,
}

#[derive(Args)]
pub struct Demo {
  /// The size of the film in MiB
  #[arg(long, value_name = "MIB", default_value_t = 256, hide = true)]
  #[arg(value_parser = clap::value_parser!(u64).range(1..=65_536))]
  pub size: u64,
}

/// What `run`, `get` and `resume` have in common.
#[derive(Args)]
pub struct EngineOptions {
  /// The network rules: `server` presumes no page, `browser` applies CORS,
  /// mixed content and the like
  #[arg(long, value_enum, default_value_t = Policy::Server)]
  pub policy: Policy,
  /// At most N fetches on the wire at once
  #[arg(long, value_name = "N")]
  #[arg(value_parser = clap::value_parser!(u32).range(1..=65_536))]
  pub max_concurrent: Option<u32>,
  /// At most so many bytes a second over all transfers; K, M and G stand for
  /// 1024 and its powers, as in 500K or 2M
  #[arg(long, value_name = "BYTES", value_parser = byte_count::parse)]
  pub limit_rate: Option<NonZeroU64>,
  /// Try a GET that fails again N times in a row, with no byte in between;
  /// while the machine is offline nothing is counted [default: 5]
  #[arg(long, value_name = "N")]
  pub retries: Option<u32>,
  /// Fail when the machine was offline for so long, instead of waiting for
  /// the network
  #[arg(long, value_name = "SECONDS")]
  pub offline_timeout: Option<u32>,
  /// Try a GET again that is answered with one of these statuses, such as
  /// 429,503, or `none`; the wait is at least what Retry-After asks for
  /// [default: 408,425,429,500,502,503,504 for `get`, else none]
  #[arg(long, value_name = "STATUSES", value_parser = retry_statuses)]
  pub retry_statuses: Option<RetryStatuses>,
  /// What may join the bytes of an interrupted transfer to those that come
  /// after
  #[arg(long, value_enum, default_value_t = Resuming::Validator)]
  pub resume: Resuming,
  /// How long a service worker's handler of an event may take, before its
  /// worker is stopped and another one tries it [default: 300]
  #[arg(long, value_name = "SECONDS")]
  #[arg(value_parser = clap::value_parser!(u32).range(1..))]
  pub handler_timeout: Option<u32>,
  /// How many service workers try to handle an event, before it is kept as
  /// undelivered [default: 3]
  #[arg(long, value_name = "N")]
  #[arg(value_parser = clap::value_parser!(u32).range(1..))]
  pub handler_tries: Option<u32>,
  /// Keep what has failed, or could not be handed to its script, for so many
  /// seconds [default: 604800, 7 days]
  #[arg(long, value_name = "SECONDS")]
  pub retention: Option<u32>,
  #[command(flatten)]
  pub store: StoreOptions,
  /// One JSON object a line on standard output, and nothing else there
  #[arg(long, conflicts_with = "quiet")]
  pub json: bool,
  /// Say nothing but errors (a script's own output aside)
  #[arg(long)]
  pub quiet: bool,
}

#[derive(Clone, Args)]
pub struct StoreOptions {
  /// Where background fetches are kept [default: bgfetch in the user's data
  /// directory]
  #[arg(long = "store", value_name = "DIR")]
  pub directory: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Policy {
  Server,
  Browser,
}

impl From<Policy> for NetworkPolicy {
  fn from(policy: Policy) -> Self {
    match policy {
      Policy::Server => Self::Server,
      Policy::Browser => Self::Browser,
    }
  }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Resuming {
  /// A strong ETag, or a Last-Modified that is as good; otherwise it begins
  /// again
  Validator,
  /// An equal length, too, where the server sends no validator: a file that
  /// was replaced by one of the same length is not noticed
  SameLength,
}

impl From<Resuming> for ResumePolicy {
  fn from(resuming: Resuming) -> Self {
    match resuming {
      Resuming::Validator => Self::Validator,
      Resuming::SameLength => Self::SameLength,
    }
  }
}

fn retry_statuses(text: &str) -> Result<RetryStatuses, String> {
  if text == "none" {
    return Ok(RetryStatuses::None);
  }
  let statuses = text.split(',').map(|status| match status.trim().parse() {
    Ok(status @ 400..=599) => Ok(status),
    _ => Err(format!("{status:?} is not a status from 400 to 599")),
  });
  Ok(RetryStatuses::These(statuses.collect::<Result<_, _>>()?))
}

fn base(text: &str) -> Result<Url, String> {
  let url = Url::parse(text)
    .map_err(|error| format!("{error}; it must be absolute"))?;
  match url.scheme() {
    "http" | "https" => Ok(url),
    scheme => Err(format!("the scheme is {scheme}, not http or https")),
  }
}
