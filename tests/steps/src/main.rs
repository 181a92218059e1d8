//! Prints the table of the specification's steps: where each one is in the
//! code, and which tests check it. Fails when one is missing.

mod scan;
mod table;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
  let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
  let table = match table::Table::read(&root) {
    Ok(table) => table,
    Err(error) => {
      eprintln!("{error}");
      return ExitCode::FAILURE;
    }
  };
  print!("{table}");
  let complaints = table.complaints();
  for complaint in &complaints {
    eprintln!("{complaint}");
  }
  ExitCode::from(u8::from(!complaints.is_empty()))
}
