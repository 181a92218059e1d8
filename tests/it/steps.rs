//! Every step of the specification is somewhere in the code, and a test checks
//! it; `cargo steps` prints the table.

#[path = "../steps/src/scan.rs"]
mod scan;
#[path = "../steps/src/table.rs"]
mod table;

use std::path::Path;

use self::table::Table;

#[test]
fn every_step_has_its_code_and_its_tests() {
  let table = Table::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
  let complaints = table.complaints();
  assert!(complaints.is_empty(), "{}", complaints.join("\n"));
  assert!(table.to_string().lines().count() > 100);
}
