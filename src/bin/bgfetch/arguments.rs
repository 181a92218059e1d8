//! The command line's grammar.

mod engine;
mod get;

use std::path::PathBuf;
use std::time::Duration;

use background_fetch::engine::RetryStatuses;
use background_fetch::network::NetworkPolicy;
use background_fetch::spec::ResumePolicy;
use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use url::Url;

pub use self::engine::EngineOptions;
pub use self::engine::HandlerOptions;
pub use self::engine::NetworkOptions;
pub use self::engine::Tls;
pub use self::get::Credentials;
pub use self::get::Get;
use crate::download::Checksum;
use crate::duration;

/// Background fetches from the command line: transfers that outlive the
/// process that started them.
#[derive(Parser)]
#[command(name = "bgfetch", version, max_term_width = 100)]
#[command(after_help = "Exit status: 0 every background fetch succeeded, \
  1 one failed or was aborted, 2 usage or configuration, 130 interrupted \
  (the store keeps everything; `bgfetch resume` continues).")]
#[command(disable_version_flag = true, arg_required_else_help = true)]
pub struct Arguments {
  /// Print the version; with --verbose, how this program was built
  #[arg(short = 'V', long)]
  pub version: bool,
  /// Say more of the version
  #[arg(short, long, requires = "version")]
  pub verbose: bool,
  #[command(subcommand)]
  pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
  /// Run a script in a service worker's realm, or as a page with a service
  /// worker, until every background fetch has settled and its event is handled
  Run(Run),
  /// Download URLs with no script, each into a file of its own
  Get(Box<Get>),
  /// Continue everything unfinished in the store, and fire what is owed
  Resume(Resume),
  /// Serve a web page of the store to this machine's browsers: progress, rates,
  /// requests and failures, live, with buttons; continues everything unfinished
  Dashboard(Box<Dashboard>),
  /// Continue a download that has failed, from where its bytes end
  Retry(Box<Retry>),
  /// List the background fetches in the store, also while another process
  /// works on them
  List(List),
  /// Show one background fetch of the store with its requests
  Show(Show),
  /// Abort a background fetch, also while another process works on it
  Abort(Control),
  /// Pause a background fetch, also while another process works on it
  Pause(Control),
  /// Let a paused background fetch continue
  Unpause(Control),
  /// Fire backgroundfetchclick in the script that another process runs, as a
  /// user's click on a background fetch does; or notificationclick, with the
  /// tag or the title of a notification
  Click(Click),
  /// Delete what has failed and is kept
  Clean(Clean),
  /// Check files that were saved against their digests
  Verify(Box<Verify>),
  /// Say what a store holds, who works on it, and what can be freed
  Doctor(Doctor),
  /// Print a shell's completions for this program
  Completions(Completions),
  /// Print the manual page, or write those of all commands to a directory
  Man(Man),
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
  pub handlers: HandlerOptions,
  #[command(flatten)]
  pub engine: EngineOptions,
}

#[derive(Args)]
pub struct Resume {
  /// Save in DIR, whatever the background fetches were started with
  #[arg(long, value_name = "DIR")]
  pub out: Option<PathBuf>,
  #[command(flatten)]
  pub credentials: Credentials,
  #[command(flatten)]
  pub handlers: HandlerOptions,
  #[command(flatten)]
  pub engine: EngineOptions,
}

#[derive(Args)]
pub struct Dashboard {
  /// The port on this machine's own addresses; 0 for any that is free
  #[arg(long, value_name = "NUMBER", default_value_t = 0)]
  pub port: u16,
  /// Only look at the store, and send commands to the process that works on
  /// it; so it is always when there is one
  #[arg(long)]
  pub attach: bool,
  #[command(flatten)]
  pub resume: Resume,
}

#[derive(Args)]
pub struct Retry {
  /// The download's id, as `bgfetch list` shows it
  pub id: String,
  /// Where the same file is to be had now, such as a URL that was signed again
  #[arg(long, value_name = "URL")]
  pub url: Option<String>,
  #[command(flatten)]
  pub credentials: Credentials,
  #[command(flatten)]
  pub engine: EngineOptions,
}

#[derive(Args)]
pub struct Clean {
  /// Only these, by their ids
  pub ids: Vec<String>,
  /// Only what has failed so long ago: a number with s, m, h or d behind it
  #[arg(long, value_name = "TIME", value_parser = duration::parse)]
  pub older_than: Option<Duration>,
  /// Say what would be deleted
  #[arg(long)]
  pub dry_run: bool,
  #[command(flatten)]
  pub store: StoreOptions,
}

#[derive(Args)]
pub struct Verify {
  /// The files to check
  #[arg(required = true, value_name = "FILE")]
  pub files: Vec<PathBuf>,
  /// The digest that they should have: sha256=HEX, sha512=HEX, sha1=HEX or
  /// md5=HEX; else those that were checked when a file was saved, or those
  /// that its server sends
  #[arg(long = "checksum", value_name = "ALGORITHM=HEX")]
  pub checksums: Vec<Checksum>,
  /// Ask no server
  #[arg(long)]
  pub offline: bool,
  #[command(flatten)]
  pub credentials: Credentials,
  #[command(flatten)]
  pub network: NetworkOptions,
  #[command(flatten)]
  pub store: StoreOptions,
  /// Say nothing but errors
  #[arg(short, long, help_heading = "Output", alias = "silent")]
  pub quiet: bool,
}

#[derive(Args)]
pub struct Doctor {
  /// One JSON object
  #[arg(long)]
  pub json: bool,
  #[command(flatten)]
  pub store: StoreOptions,
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
pub struct Completions {
  /// The shell
  pub shell: clap_complete::Shell,
}

#[derive(Args)]
pub struct Man {
  /// Write bgfetch.1, bgfetch-get.1 and so on to DIR
  #[arg(long, value_name = "DIR")]
  pub out: Option<PathBuf>,
}

#[derive(Args)]
pub struct Demo {
  /// The size of the film in MiB
  #[arg(long, value_name = "MIB", default_value_t = 256, hide = true)]
  #[arg(value_parser = clap::value_parser!(u64).range(1..=65_536))]
  pub size: u64,
}

#[derive(Clone, Args, Default)]
pub struct StoreOptions {
  /// Where background fetches are kept [default: bgfetch in the user's data
  /// directory]
  #[arg(long = "store", value_name = "DIR")]
  pub directory: Option<PathBuf>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Policy {
  #[default]
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

#[derive(Clone, Copy, Default, ValueEnum)]
pub enum Resuming {
  /// A strong ETag, or a Last-Modified that is as good; otherwise it begins
  /// again
  #[default]
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
