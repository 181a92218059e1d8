//! What each command does.

mod abort;
mod demo;
mod get;
mod list;
mod resume;
mod run;
mod stored;

use crate::arguments::Command;
use crate::failure::Failure;

/// Returns the exit status.
pub fn execute(command: Command) -> Result<u8, Failure> {
  match command {
    Command::Run(arguments) => block_on(run::run(arguments)),
    Command::Get(arguments) => block_on(get::get(arguments)),
    Command::Resume(arguments) => block_on(resume::resume(arguments)),
    Command::List(arguments) => list::list(&arguments),
    Command::Show(arguments) => list::show(&arguments),
    Command::Abort(arguments) => block_on(abort::abort(arguments)),
    Command::Pause(_) => not_there_yet("pause"),
    Command::Unpause(_) => not_there_yet("unpause"),
    Command::Click(_) => not_there_yet("click"),
    Command::Demo(arguments) => block_on(demo::demo(&arguments)),
  }
}

fn not_there_yet(command: &str) -> Result<u8, Failure> {
  Err(Failure::usage(format!(
    "`bgfetch {command}` is not there yet"
  )))
}

fn block_on(
  work: impl Future<Output = Result<u8, Failure>>,
) -> Result<u8, Failure> {
  let runtime = tokio::runtime::Builder::new_current_thread()
    .enable_all()
    .build()
    .map_err(|error| {
      Failure::failed(format!("the event loop cannot be started: {error}"))
    })?;
  runtime.block_on(work)
}
