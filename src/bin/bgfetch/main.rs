//! `bgfetch`: background fetches from the command line.

mod allocator;
mod arguments;
mod attend;
mod byte_count;
mod commands;
mod desktop;
mod download;
mod duration;
mod failure;
mod file_names;
mod files;
mod handing_over;
mod interrupt;
mod keys;
mod logging;
mod network_options;
mod open_files;
mod output;
mod paths;
mod saving;
mod screen;
mod scripts;
mod session;
mod started_by;
mod trace;
mod version;

use clap::Parser;

use self::arguments::Arguments;
use self::failure::Failure;
use self::failure::PREFIX;

fn main() {
  let arguments = Arguments::parse();
  allocator::keep_buffers();
  open_files::allow_many();
  let ended = match arguments.command {
    _ if arguments.version => Ok(version::print(arguments.verbose)),
    Some(command) => commands::execute(command),
    // clap shows the help instead.
    None => Ok(failure::USAGE),
  };
  let status = match ended {
    Ok(status) => status,
    Err(Failure { status, message }) => {
      eprintln!("{PREFIX}{message}");
      status
    }
  };
  keys::restore();
  // A script that never returns must not hold up the end.
  std::process::exit(status.into());
}
