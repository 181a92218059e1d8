//! `bgfetch completions` and `bgfetch man`: made of the grammar.

use clap::CommandFactory;

use crate::arguments::Arguments;
use crate::arguments::Completions;
use crate::arguments::Man;
use crate::failure::Failure;
use crate::failure::SUCCESS;
use crate::output;

const NAME: &str = "bgfetch";

pub fn completions(arguments: &Completions) -> Result<u8, Failure> {
  let mut text = Vec::new();
  let mut command = Arguments::command();
  clap_complete::generate(arguments.shell, &mut command, NAME, &mut text);
  output::line(String::from_utf8_lossy(&text).trim_end());
  Ok(SUCCESS)
}

pub fn man(arguments: &Man) -> Result<u8, Failure> {
  let command = Arguments::command().version(env!("CARGO_PKG_VERSION"));
  let written = match &arguments.out {
    Some(directory) => std::fs::create_dir_all(directory)
      .and_then(|()| clap_mangen::generate_to(command, directory)),
    None => {
      let mut text = Vec::new();
      let rendered = clap_mangen::Man::new(command).render(&mut text);
      rendered.map(|()| output::line(String::from_utf8_lossy(&text).trim_end()))
    }
  };
  written.map(|()| SUCCESS).map_err(|error| {
    Failure::failed(format!("the manual cannot be written: {error}"))
  })
}
