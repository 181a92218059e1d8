//! What the figures were measured on, in one line.

use std::process::Command;

/// Processor, cores, memory, kernel, and the versions of the peers.
pub fn description() -> String {
  let cores =
    std::thread::available_parallelism().map_or(1, |cores| cores.get());
  let memory = field("/proc/meminfo", "MemTotal").and_then(|line| {
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(format!("{} GiB", kib >> 20))
  });
  let facts = [
    field("/proc/cpuinfo", "model name"),
    Some(format!("{cores} cores")),
    memory,
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
      .ok()
      .map(|release| format!("Linux {}", release.trim())),
    version("nginx", "-v"),
    version("curl", "--version"),
    version("aria2c", "--version"),
    version("wget", "--version"),
  ];
  facts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn field(file: &str, name: &str) -> Option<String> {
  let text = std::fs::read_to_string(file).ok()?;
  let line = text.lines().find(|line| line.starts_with(name))?;
  Some(line.split_once(':')?.1.trim().to_owned())
}

/// The first words of what a program says about its version.
fn version(program: &str, option: &str) -> Option<String> {
  let output = Command::new(program).arg(option).output().ok()?;
  let text = [output.stdout, output.stderr].concat();
  let text = String::from_utf8_lossy(&text);
  let number = text.split(|c: char| c.is_whitespace() || c == '/');
  let mut number =
    number.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
  Some(format!("{program} {}", number.next()?))
}
