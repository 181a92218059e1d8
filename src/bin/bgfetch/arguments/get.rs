//! The grammar of `bgfetch get`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use url::Url;

use super::EngineOptions;
use super::base;
use crate::download::Checksum;

#[derive(Args)]
pub struct Get {
  /// What to download
  #[arg(value_name = "URL")]
  #[arg(required_unless_present_any = ["input", "metalink"])]
  pub urls: Vec<String>,
  /// Download the URLs in FILE, one a line; indented lines behind a URL are
  /// its own: out=NAME, checksum=ALGORITHM=HEX, header=NAME: VALUE,
  /// mirror=URL. `-` is standard input
  #[arg(short, long = "input-file", id = "input", value_name = "FILE")]
  pub input_files: Vec<PathBuf>,
  /// Download what a metalink file (RFC 5854) describes, with its mirrors and
  /// digests
  #[arg(long = "metalink", id = "metalink", value_name = "FILE")]
  pub metalinks: Vec<PathBuf>,
  /// Another URL of the same file, tried when those before it fail
  #[arg(long = "mirror", value_name = "URL")]
  pub mirrors: Vec<String>,
  /// Resolve relative URLs against this one; also the origin with --policy
  /// browser
  #[arg(long, value_name = "URL", value_parser = base)]
  pub base: Option<Url>,
  #[command(flatten)]
  pub files: Files,
  #[command(flatten)]
  pub request: RequestOptions,
  #[command(flatten)]
  pub credentials: Credentials,
  /// Fail unless the file has this digest: sha256=HEX, sha512=HEX, sha1=HEX
  /// or md5=HEX
  #[arg(long = "checksum", value_name = "ALGORITHM=HEX")]
  #[arg(help_heading = "Integrity")]
  pub checksums: Vec<Checksum>,
  /// Ignore the digests that servers send, such as Repr-Digest
  #[arg(long, help_heading = "Integrity")]
  pub ignore_digests: bool,
  /// At most N fetches on the wire at once for each host
  #[arg(long, value_name = "N", help_heading = "Limits")]
  #[arg(value_parser = clap::value_parser!(u32).range(1..=65_536))]
  #[arg(visible_alias = "max-connection-per-server")]
  pub max_per_host: Option<u32>,
  /// Ask for the heads alone and show what is known of each file: nothing is
  /// downloaded or stored
  #[arg(short = 'I', long, visible_alias = "head")]
  pub spider: bool,
  /// Say what would be done: names, sizes, and whether a transfer could be
  /// continued
  #[arg(long)]
  pub dry_run: bool,
  #[command(flatten)]
  pub engine: EngineOptions,
  #[command(flatten)]
  pub habits: Habits,
}

/// Where the files go.
#[derive(Args)]
pub struct Files {
  /// Where the files are saved
  #[arg(short = 'P', long, value_name = "DIR", default_value = ".")]
  #[arg(help_heading = "Files")]
  #[arg(visible_aliases = ["output-dir", "directory-prefix"], alias = "dir")]
  pub out: PathBuf,
  /// Save as NAME, in --out; `-` writes to standard output when the file is
  /// whole
  #[arg(short, long, value_name = "NAME", help_heading = "Files")]
  pub output: Option<OsString>,
  /// Make the directories that --output names
  #[arg(long, help_heading = "Files")]
  pub create_dirs: bool,
  /// Ignore the name that the server gives in Content-Disposition
  #[arg(long, help_heading = "Files")]
  pub no_content_disposition: bool,
  /// Give the file the time of its download, not the server's Last-Modified
  #[arg(long, help_heading = "Files")]
  pub no_remote_time: bool,
  /// Fetch even what has not changed since it was saved, and replace the file
  #[arg(long, help_heading = "Files", visible_alias = "overwrite")]
  pub force: bool,
}

/// What is asked for.
#[derive(Args)]
pub struct RequestOptions {
  /// Let the server compress what it sends; the file is what comes of it
  #[arg(long, help_heading = "Request")]
  pub compressed: bool,
  /// Only these bytes: FIRST-LAST or FIRST-, counted from 0
  #[arg(short, long, value_name = "RANGE", help_heading = "Request")]
  pub range: Option<String>,
}

/// What shows a server the caller. What is secret of it is never stored, so
/// that a command which continues needs it again.
#[derive(Args)]
pub struct Credentials {
  /// Send this header; one that names a secret (Authorization, Cookie, a key
  /// or token) is never stored, and goes to the hosts of the URLs only
  #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
  #[arg(help_heading = "Request")]
  pub headers: Vec<String>,
  /// The user and password for the hosts of the URLs
  #[arg(short, long, value_name = "USER:PASSWORD", help_heading = "Request")]
  pub user: Option<String>,
  /// Take users and passwords from ~/.netrc, or the file that NETRC names
  #[arg(short, long, help_heading = "Request")]
  pub netrc: bool,
  /// The same from FILE
  #[arg(long, value_name = "FILE", help_heading = "Request")]
  pub netrc_file: Option<PathBuf>,
  /// Cookies: a file in Netscape's format, or NAME=VALUE for the hosts of the
  /// URLs
  #[arg(short = 'b', long = "cookie", value_name = "FILE|NAME=VALUE")]
  #[arg(help_heading = "Request", alias = "load-cookies", alias = "cookies")]
  pub cookies: Vec<String>,
}

/// Options of other tools for what is done anyway, so that fingers find them.
#[derive(Args)]
pub struct Habits {
  /// curl: redirects are followed
  #[arg(short = 'L', long = "location", hide = true)]
  location: bool,
  /// wget, aria2: what is there is continued
  #[arg(short = 'c', long = "continue", hide = true)]
  continues: bool,
  /// curl: a bad status is a failure
  #[arg(short = 'f', long = "fail", hide = true)]
  fail: bool,
  /// curl: errors are shown
  #[arg(short = 'S', long = "show-error", hide = true)]
  show_error: bool,
  /// curl: the server's name is used
  #[arg(short = 'J', long = "remote-header-name", hide = true)]
  #[arg(alias = "content-disposition")]
  remote_header_name: bool,
  /// curl, wget: the file has the server's time
  #[arg(short = 'R', long = "remote-time", hide = true)]
  remote_time: bool,
  /// wget: what has not changed is not fetched
  #[arg(short = 'N', long = "timestamping", hide = true)]
  timestamping: bool,
}
