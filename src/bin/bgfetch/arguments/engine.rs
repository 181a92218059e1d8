//! What commands that fetch have in common.

use std::num::NonZeroU64;
use std::path::PathBuf;

use background_fetch::engine::RetryStatuses;
use clap::Args;

use super::Policy;
use super::Resuming;
use super::StoreOptions;
use super::retry_statuses;
use crate::byte_count;

#[derive(Args, Default)]
pub struct EngineOptions {
  /// The network rules: `server` presumes no page, `browser` applies CORS,
  /// mixed content and the like
  #[arg(long, value_enum, default_value_t = Policy::Server)]
  pub policy: Policy,
  /// At most N fetches on the wire at once
  #[arg(short = 'j', long, value_name = "N")]
  #[arg(value_parser = clap::value_parser!(u32).range(1..=65_536))]
  #[arg(visible_alias = "parallel-max", help_heading = "Limits")]
  pub max_concurrent: Option<u32>,
  /// At most so many bytes a second over all transfers; K, M and G stand for
  /// 1024 and its powers, as in 500K or 2M
  #[arg(long, value_name = "BYTES", value_parser = byte_count::parse)]
  #[arg(help_heading = "Limits")]
  pub limit_rate: Option<NonZeroU64>,
  /// Fetch each file in up to N parts at once, for servers that limit the rate
  /// of a connection; only where the server proves that the parts fit together
  #[arg(long, value_name = "N", help_heading = "Limits", default_value_t = 1)]
  #[arg(value_parser = clap::value_parser!(u32).range(1..=64))]
  pub split: u32,
  /// With --split, do not divide what is smaller than twice so many bytes; K, M
  /// and G as for --limit-rate [default: 16M]
  #[arg(long, value_name = "BYTES", value_parser = byte_count::parse)]
  #[arg(help_heading = "Limits", requires = "split")]
  pub min_split_size: Option<NonZeroU64>,
  /// Try a GET that fails again N times in a row, with no byte in between;
  /// while the machine is offline nothing is counted [default: 5]
  #[arg(short = 't', long, value_name = "N", alias = "tries", alias = "retry")]
  #[arg(help_heading = "Limits")]
  pub retries: Option<u32>,
  /// Fail when the machine was offline for so long, instead of waiting for
  /// the network
  #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
  pub offline_timeout: Option<u32>,
  /// Try a GET again that is answered with one of these statuses, such as
  /// 429,503, or `none`; the wait is at least what Retry-After asks for
  /// [default: 408,425,429,500,502,503,504 for downloads, else none]
  #[arg(long, value_name = "STATUSES", value_parser = retry_statuses)]
  #[arg(help_heading = "Limits")]
  pub retry_statuses: Option<RetryStatuses>,
  /// What may join the bytes of an interrupted transfer to those that come
  /// after
  #[arg(long, value_enum, default_value_t = Resuming::Validator)]
  pub resume: Resuming,
  /// Stop after so long; everything is kept, and the same command continues
  #[arg(short = 'm', long, value_name = "SECONDS", help_heading = "Limits")]
  #[arg(value_parser = clap::value_parser!(u32).range(1..))]
  pub max_time: Option<u32>,
  /// Keep what has failed, or could not be handed to its script, for so many
  /// seconds [default: 604800, 7 days]
  #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
  pub retention: Option<u32>,
  #[command(flatten)]
  pub network: NetworkOptions,
  #[command(flatten)]
  pub store: StoreOptions,
  /// One JSON object a line on standard output, and nothing else there
  #[arg(long, conflicts_with = "quiet", help_heading = "Output")]
  pub json: bool,
  /// Say nothing but errors (a script's own output aside)
  #[arg(short, long, help_heading = "Output", alias = "silent")]
  pub quiet: bool,
}

/// How servers are reached.
#[derive(Args, Default)]
pub struct NetworkOptions {
  /// How long name resolution, TCP and TLS may take together [default: 30]
  #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
  #[arg(value_parser = clap::value_parser!(u32).range(1..))]
  pub connect_timeout: Option<u32>,
  /// Try again when no byte has come for so long [default: 60]
  #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
  #[arg(visible_alias = "read-timeout", alias = "timeout")]
  #[arg(value_parser = clap::value_parser!(u32).range(1..))]
  pub idle_timeout: Option<u32>,
  #[command(flatten)]
  pub tls: Tls,
  /// Go through this proxy instead of those that the environment names:
  /// http://, https:// or socks5h://HOST:PORT, or `direct` for none
  #[arg(short = 'x', long, value_name = "URL", help_heading = "Network")]
  pub proxy: Option<String>,
  /// The value of User-Agent
  #[arg(short = 'A', long, value_name = "TEXT", help_heading = "Network")]
  pub user_agent: Option<String>,
  /// Write the heads of all requests and answers to FILE, without what is
  /// secret in them
  #[arg(long, value_name = "FILE", help_heading = "Output")]
  pub trace: Option<PathBuf>,
}

/// How long service workers may take.
#[derive(Args, Default)]
pub struct HandlerOptions {
  /// How long a service worker's handler of an event may take, before its
  /// worker is stopped and another one tries it [default: 600]
  #[arg(long, value_name = "SECONDS", help_heading = "Limits")]
  #[arg(value_parser = clap::value_parser!(u32).range(1..))]
  pub handler_timeout: Option<u32>,
  /// How many service workers try to handle an event, before it is kept as
  /// undelivered [default: 3]
  #[arg(long, value_name = "N", help_heading = "Limits")]
  #[arg(value_parser = clap::value_parser!(u32).range(1..))]
  pub handler_tries: Option<u32>,
}

#[derive(Args, Default)]
pub struct Tls {
  /// Trust the certificates in FILE, beside those of the system
  #[arg(long, value_name = "FILE", help_heading = "Network")]
  #[arg(visible_alias = "ca-certificate")]
  pub cacert: Vec<PathBuf>,
  /// Do not check who the server is: anyone on the way can read and change
  /// everything
  #[arg(short = 'k', long, help_heading = "Network")]
  #[arg(visible_alias = "no-check-certificate")]
  pub insecure: bool,
  /// Show this client certificate, in PEM; with --key, or its key behind it
  #[arg(short = 'E', long, value_name = "FILE", help_heading = "Network")]
  #[arg(alias = "certificate")]
  pub cert: Option<PathBuf>,
  /// The private key of --cert, in PEM
  #[arg(long, value_name = "FILE", help_heading = "Network")]
  #[arg(requires = "cert", alias = "private-key")]
  pub key: Option<PathBuf>,
}
