//! Which fields are behind a lock, read from their declarations.

use super::imports::code;

/// What lets several change a field. One that is set once, or belongs to
/// another value and is borrowed, is none of them.
const LOCKS: [&str; 6] = [
  "Mutex<",
  "RwLock<",
  "Cell<",
  "Atomic",
  "Semaphore",
  "watch::Sender<",
];

/// Their declarations in sources with these paths and texts.
pub fn fields_behind_locks(files: &[(String, String)]) -> Vec<String> {
  let mut found = Vec::new();
  for (path, text) in files {
    for line in code(text).map(str::trim) {
      let is_field = line.contains(": ") && line.ends_with(',');
      let is_tuple = line.contains("struct ") && line.ends_with(");");
      let has_lock = LOCKS.iter().any(|lock| line.contains(lock));
      if (is_field || is_tuple) && has_lock && !line.contains(": &") {
        found.push(format!("{path}: {line}"));
      }
    }
  }
  found.sort();
  found
}
