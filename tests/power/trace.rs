//! Watching a process with `strace`.

use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process_group;

use crate::FailedFlush;
use crate::call::Call;

/// Every call by which a process changes files, or tells something.
const CALLS: &str = "trace=openat,creat,open,write,writev,pwrite64,pwritev,\
  pwritev2,lseek,read,ftruncate,truncate,fallocate,mkdir,mkdirat,unlink,\
  unlinkat,rmdir,rename,renameat,renameat2,link,linkat,symlink,symlinkat,\
  fsync,fdatasync,sync,syncfs,copy_file_range,sendfile,sendto,sendmsg";

/// The process takes no longer, however busy the machine is.
const BOUND: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(5);

/// A call, and how many others had returned when it began.
pub struct Watched {
  pub call: Call,
  pub begun: usize,
}

/// Whether `strace` is there and may watch.
fn is_possible() -> bool {
  let tried = Command::new("strace")
    .args(["-f", "-o", "/dev/null", "true"])
    .stderr(Stdio::null())
    .status();
  tried.is_ok_and(|status| status.success())
}

/// Runs the test `watched` of this program, in a process of its own, and
/// returns its calls in the order in which they returned.
pub fn watch(
  variables: &[(&str, &str)],
  log: &Path,
  failed: Option<FailedFlush>,
) -> Option<Vec<Watched>> {
  if !is_possible() {
    return None;
  }
  let mut command = Command::new("strace");
  command.args(["-f", "-y", "--seccomp-bpf", "-s", "100000000"]);
  command
    .args(["-e", CALLS, "-e", "signal=none", "-o"])
    .arg(log);
  if let Some(FailedFlush(name, number)) = failed {
    let inject = format!("inject={name}:error=EIO:when={number}");
    command.args(["-e", &inject]);
  }
  command
    .arg(std::env::current_exe().unwrap())
    .args(["--exact", "watched", "--ignored", "--nocapture"])
    .args(["--test-threads", "1"])
    .envs(variables.iter().copied())
    .stdout(Stdio::null())
    .stderr(Stdio::piped())
    // What it watches would outlive it.
    .process_group(0);
  let mut process = command.spawn().unwrap();
  let bound = Instant::now() + BOUND;
  let status = loop {
    if let Some(status) = process.try_wait().unwrap() {
      break status;
    }
    if Instant::now() > bound {
      let group = Pid::from_child(&process);
      kill_process_group(group, Signal::KILL).unwrap();
      process.wait().unwrap();
      panic!("the watched process does not come to its end");
    }
    std::thread::sleep(LOOK);
  };
  let output = process.wait_with_output().unwrap();
  let told = String::from_utf8_lossy(&output.stderr);
  assert!(status.success(), "the watched process has failed:\n{told}");
  let log = std::fs::read(log).unwrap();
  Some(read(&String::from_utf8_lossy(&log)))
}

fn read(log: &str) -> Vec<Watched> {
  let mut calls = Vec::new();
  let mut unfinished: HashMap<&str, (String, usize)> = HashMap::new();
  for line in log.lines() {
    let (thread, line) = line.split_once(' ').unwrap();
    let line = line.trim_start();
    let (line, begun) =
      if let Some(begin) = line.strip_suffix(" <unfinished ...>") {
        unfinished.insert(thread, (begin.to_string(), calls.len()));
        continue;
      } else if let Some(end) = line.strip_prefix("<... ") {
        let Some((begin, begun)) = unfinished.remove(thread) else {
          continue;
        };
        let end = end.split_once(" resumed>").map_or("", |(_, end)| end);
        (begin + end, begun)
      } else {
        (line.to_string(), calls.len())
      };
    if let Some(call) = Call::parse(&line) {
      calls.push(Watched { call, begun });
    }
  }
  calls
}
