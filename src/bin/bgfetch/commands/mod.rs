//! What each command does.

mod clean;
mod control;
mod dashboard;
mod demo;
mod doctor;
mod generate;
pub mod get;
mod list;
mod queued;
mod resume;
mod retry;
mod run;
pub mod stored;
mod verify;

use self::control::ControlAction;
use self::control::click;
use self::control::control;
use crate::arguments::Command;
use crate::failure::Failure;

/// Returns the exit status.
pub fn execute(command: Command) -> Result<u8, Failure> {
  match command {
    Command::Run(arguments) => block_on(run::run(arguments)),
    Command::Get(arguments) => block_on(get::get(*arguments)),
    Command::Resume(arguments) => block_on(resume::resume(arguments)),
    Command::Dashboard(arguments) => block_on(dashboard::dashboard(*arguments)),
    Command::Retry(arguments) => block_on(retry::retry(*arguments)),
    Command::Clean(arguments) => block_on(clean::clean(arguments)),
    Command::Verify(arguments) => block_on(verify::verify(*arguments)),
    Command::Doctor(arguments) => block_on(doctor::doctor(&arguments)),
    Command::List(arguments) => block_on(list::list(&arguments)),
    Command::Show(arguments) => block_on(list::show(&arguments)),
    Command::Abort(arguments) => {
      block_on(control(ControlAction::Abort, arguments))
    }
    Command::Pause(arguments) => {
      block_on(control(ControlAction::Pause, arguments))
    }
    Command::Unpause(arguments) => {
      block_on(control(ControlAction::Unpause, arguments))
    }
    Command::Click(arguments) => block_on(click(arguments)),
    Command::Completions(arguments) => generate::completions(&arguments),
    Command::Man(arguments) => generate::man(&arguments),
    Command::Demo(arguments) => block_on(demo::demo(&arguments)),
  }
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
