//! How much memory this process has.

/// In bytes: what is in memory now, and the most that ever was. `None` where
/// the system does not say (it is read from `/proc`).
pub fn resident() -> Option<(u64, u64)> {
  let status = std::fs::read_to_string("/proc/self/status").ok()?;
  let field = |name: &str| {
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kilobytes = line.split_whitespace().nth(1)?;
    Some(kilobytes.parse::<u64>().ok()? * 1024)
  };
  Some((field("VmRSS:")?, field("VmHWM:")?))
}
