//! `bgfetch --version`

use crate::failure::SUCCESS;
use crate::output;

/// Prints the version, and with `verbose` what else tells one program from
/// another; returns the exit status.
pub fn print(verbose: bool) -> u8 {
  output::line(concat!("bgfetch ", env!("CARGO_PKG_VERSION")));
  if verbose {
    for (name, value) in realm_options() {
      output::line(&format!("{name}: {value}"));
    }
  }
  SUCCESS
}

fn realm_options() -> Vec<(&'static str, String)> {
  let engine = match cfg!(feature = "v8") {
    true => "V8",
    false => "QuickJS",
  };
  let build = match cfg!(debug_assertions) {
    true => "debug",
    false => "release",
  };
  let system = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
  vec![
    ("engine", engine.to_string()),
    ("build", build.to_string()),
    // Who packages it may say what it was built from.
    (
      "commit",
      option_env!("BGFETCH_COMMIT").unwrap_or("unknown").into(),
    ),
    ("system", system),
    ("sqlite", rusqlite::version().to_string()),
  ]
}
