//! The wptserve of a checkout, as a child process: with its handlers in Python,
//! which the runner's own server cannot stand in for.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::iter;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use serde_json::json;
use tempfile::TempDir;

use crate::server::hosts::HOST;

/// Why the server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
  #[error(
    "there is no wptserve in {0}: --wptserve wants a whole checkout of \
     web-platform-tests, with its `wpt` and `tools`"
  )]
  NoCheckout(PathBuf),
  #[error("{0} is missing; install it, for wptserve needs it")]
  Missing(&'static str),
  #[error("wptserve's files cannot be written: {0}")]
  Files(#[from] io::Error),
  #[error("wptserve ended at once; it says:\n{0}")]
  Ended(String),
  #[error("wptserve did not listen within {BOUND:?}; it says:\n{0}")]
  Silent(String),
}

/// How long it may take to make its certificates and to listen.
const BOUND: Duration = Duration::from_secs(90);
/// Nothing tells that it listens, so it is tried.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Serves until the input is at its end: a runner that was killed leaves no
/// server behind.
const SERVE: &str = "exec 3<&0; (cat <&3 >/dev/null; kill -KILL 0) 2>/dev/null & \
                     exec python3 wpt serve --config \"$1\" </dev/null";

/// A running wptserve; it ends when this is dropped, and with this process.
pub struct WptServe {
  child: Child,
  /// Its configuration, certificates and log.
  directory: TempDir,
  pub http: u16,
  pub https: u16,
  /// `None` when the checkout's server speaks no HTTP/2.
  pub h2: Option<u16>,
}

/// Read by every Python: checkouts of some years do not know that their HTTP/2
/// server runs with OpenSSL 3, too, and start none.
const SITE: &str = "import ssl
if ssl.OPENSSL_VERSION_INFO[0] > 1:
    ssl.OPENSSL_VERSION_INFO = (1, 1, 1, 0, 15)
";

impl WptServe {
  /// Starts the server of the checkout at `root` on free ports.
  ///
  /// # Errors
  ///
  /// As [`StartError`] says.
  pub fn start(root: &Path) -> Result<Self, StartError> {
    if !root.join("wpt").is_file() || !root.join("tools/serve").is_dir() {
      return Err(StartError::NoCheckout(root.to_path_buf()));
    }
    let directory = TempDir::with_prefix("wptserve-")?;
    let ports = Ports::free(root)?;
    let config = directory.path().join("config.json");
    fs::write(&config, ports.config(directory.path()).to_string())?;
    fs::write(directory.path().join("sitecustomize.py"), SITE)?;
    let log = fs::File::create(directory.path().join("log"))?;
    for (program, argument) in [("openssl", "version"), ("python3", "-V")] {
      if Command::new(program).arg(argument).output().is_err() {
        return Err(StartError::Missing(program));
      }
    }
    let child = Command::new("sh")
      .args(["-c", SERVE, "sh"])
      .arg(config)
      .current_dir(root)
      .env("PYTHONPATH", python_path(directory.path())?)
      // It closes with this process, however that ends.
      .stdin(Stdio::piped())
      .stdout(log.try_clone()?)
      .stderr(log)
      // It starts processes of its own; they end together.
      .process_group(0)
      .spawn();
    let child = child?;
    let mut started = Self {
      child,
      directory,
      http: ports.http[0],
      https: ports.https[0],
      h2: ports.h2(),
    };
    let h2 = started.h2;
    for port in ports.http.into_iter().chain(ports.https).chain(h2) {
      started.wait_for(port)?;
    }
    Ok(started)
  }

  /// The certificate root that it has made, in PEM.
  ///
  /// # Errors
  ///
  /// The file cannot be read.
  pub fn certificate(&self) -> io::Result<String> {
    fs::read_to_string(self.directory.path().join("certificates/cacert.pem"))
  }

  fn wait_for(&mut self, port: u16) -> Result<(), StartError> {
    let start = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
      if self.child.try_wait()?.is_some() {
        return Err(StartError::Ended(self.last_words()));
      }
      if start.elapsed() > BOUND {
        return Err(StartError::Silent(self.last_words()));
      }
      thread::sleep(POLL_INTERVAL);
    }
    Ok(())
  }

  fn last_words(&self) -> String {
    let log = fs::read(self.directory.path().join("log")).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
  }
}

/// `directory`, before what the caller has Python search.
fn python_path(directory: &Path) -> io::Result<OsString> {
  let callers = env::var_os("PYTHONPATH").unwrap_or_default();
  let all = iter::once(directory.to_path_buf());
  let callers =
    env::split_paths(&callers).filter(|path| !path.as_os_str().is_empty());
  env::join_paths(all.chain(callers)).map_err(io::Error::other)
}

impl Drop for WptServe {
  fn drop(&mut self) {
    if let Some(group) =
      rustix::process::Pid::from_raw(self.child.id().cast_signed())
    {
      let _ = rustix::process::kill_process_group(
        group,
        rustix::process::Signal::KILL,
      );
    }
    let _ = self.child.wait();
  }
}

/// A free port for each server that pages of tests name. Those that nothing
/// here connects to are configured all the same: without them, wptserve cannot
/// substitute their numbers in `.sub.` files.
struct Ports {
  http: [u16; 2],
  https: [u16; 2],
  others: Vec<(&'static str, u16)>,
}

/// The further servers that a wptserve may have, by the age of the checkout.
const OTHERS: [&str; 9] = [
  "ws",
  "wss",
  "h2",
  "http-private",
  "http-local",
  "http-public",
  "https-private",
  "https-local",
  "https-public",
];

impl Ports {
  /// Ports for the servers that `root`'s wptserve knows; one that it does not
  /// know would stop it.
  fn free(root: &Path) -> io::Result<Self> {
    let source = fs::read_to_string(root.join("tools/serve/serve.py"))?;
    // All are held until the last one is known, so that no two are the same.
    let mut held = Vec::new();
    let mut free = || {
      let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
      let port = listener.local_addr()?.port();
      held.push(listener);
      Ok::<_, io::Error>(port)
    };
    let http = [free()?, free()?];
    let https = [free()?, free()?];
    let mut others = Vec::new();
    for name in OTHERS {
      if source.contains(&format!("\"{name}\"")) {
        others.push((name, free()?));
      }
    }
    Ok(Self {
      http,
      https,
      others,
    })
  }

  fn h2(&self) -> Option<u16> {
    let mut others = self.others.iter();
    others.find_map(|(name, port)| (*name == "h2").then_some(*port))
  }

  fn config(&self, directory: &Path) -> serde_json::Value {
    let mut ports = json!({ "http": self.http, "https": self.https });
    for (name, port) in &self.others {
      ports[name] = json!([port]);
    }
    json!({
      "browser_host": HOST,
      "server_host": "127.0.0.1",
      "check_subdomains": false,
      "ports": ports,
      "ssl": {
        "type": "openssl",
        "openssl": { "base_path": directory.join("certificates") },
      },
    })
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn a_folder_without_a_wptserve_is_refused() {
    let folder = TempDir::new().unwrap();
    let error = WptServe::start(folder.path()).err().unwrap();
    assert!(error.to_string().contains("no wptserve"), "{error}");
  }

  #[test]
  fn what_a_wptserve_says_at_its_end_is_passed_on() {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("tools/serve")).unwrap();
    fs::write(folder.path().join("tools/serve/serve.py"), "").unwrap();
    fs::write(folder.path().join("wpt"), "raise SystemExit('no luck')")
      .unwrap();
    let error = WptServe::start(folder.path()).err().unwrap();
    assert!(error.to_string().contains("no luck"), "{error}");
  }

  #[test]
  fn only_servers_that_the_checkout_knows_are_configured() {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("tools/serve")).unwrap();
    let source = "{\"ws\": 1, \"http-local\": 1}";
    fs::write(folder.path().join("tools/serve/serve.py"), source).unwrap();
    let config = Ports::free(folder.path()).unwrap().config(folder.path());
    let ports = config["ports"].as_object().unwrap();
    let names: Vec<_> = ports.keys().map(String::as_str).collect();
    assert_eq!(names, ["http", "https", "ws", "http-local"]);
  }
}
