//! How each program is called for the same job.

use std::path::{Path, PathBuf};

use crate::Result;

/// The job: these URLs, into this directory, so many at a time.
pub struct Job<'a> {
  pub urls: &'a [String],
  pub parallel: usize,
  /// For files of which a server sends a coded form.
  pub decode: bool,
  /// Over TLS with a certificate that is not trusted.
  pub insecure: bool,
}

impl<'a> Job<'a> {
  /// One at a time, as it is on the wire.
  pub fn of(urls: &'a [String]) -> Self {
    Self {
      urls,
      parallel: 1,
      decode: false,
      insecure: false,
    }
  }
}

/// A program that does the job, and its command line.
pub struct Contender {
  pub name: &'static str,
  pub command: Vec<String>,
}

/// Where the programs are told to put things; both directories are new for each
/// run.
pub struct Places {
  pub out: PathBuf,
  pub store: PathBuf,
  /// One URL a line.
  pub list: PathBuf,
}

impl Places {
  pub fn new(directory: &Path) -> Self {
    Self {
      out: directory.join("out"),
      store: directory.join("store"),
      list: directory.join("urls.txt"),
    }
  }

  /// Removes what a run has left, and has the disk finish with it, so that
  /// the next one does not pay for it.
  pub fn clear(&self) -> Result<()> {
    for directory in [&self.out, &self.store] {
      if directory.exists() {
        clear_away(directory)?;
      }
    }
    std::fs::create_dir(&self.out)?;
    rustix::fs::sync();
    Ok(())
  }
}

/// How many files are many.
const MANY: usize = 1000;

/// Removes a directory, or gives it another name until the benchmark is over
/// when it has many files: for five minutes after so many deletions ext4 takes
/// ten times as long to create a file, and every program would be measured with
/// that.
pub fn clear_away(directory: &Path) -> Result<()> {
  if std::fs::read_dir(directory)?.count() < MANY {
    return Ok(std::fs::remove_dir_all(directory)?);
  }
  let parent = directory.parent().ok_or("it has no parent")?;
  let kept = tempfile::Builder::new()
    .prefix("kept-")
    .tempdir_in(parent)?
    .keep();
  Ok(std::fs::rename(directory, kept)?)
}

pub struct Peers {
  pub bgfetch: PathBuf,
}

impl Peers {
  pub fn bgfetch(
    &self,
    job: &Job,
    places: &Places,
    more: &[&str],
  ) -> Contender {
    let mut command =
      words(&[&self.bgfetch.to_string_lossy(), "get", "--quiet"]);
    command.extend(words(&[
      "--store",
      &text(&places.store),
      "--out",
      &text(&places.out),
    ]));
    // One file may still be fetched over several connections.
    if job.parallel > 1 {
      let parallel = job.parallel.to_string();
      command.extend(words(&["--max-concurrent", &parallel]));
      command.extend(words(&["--max-per-host", &parallel]));
    }
    command.extend(job.insecure.then(|| "--insecure".to_owned()));
    command.extend(job.decode.then(|| "--compressed".to_owned()));
    command.extend(words(more));
    command.extend(words(&["-i", &text(&places.list)]));
    Contender {
      name: "bgfetch",
      command,
    }
  }

  pub fn curl(&self, job: &Job, places: &Places) -> Contender {
    let mut command =
      words(&["curl", "-s", "--output-dir", &text(&places.out)]);
    if job.parallel > 1 {
      let parallel = job.parallel.to_string();
      command.extend(words(&["--parallel", "--parallel-max", &parallel]));
    }
    command.extend(job.insecure.then(|| "-k".to_owned()));
    command.extend(job.decode.then(|| "--compressed".to_owned()));
    if job.urls.len() == 1 {
      command.extend(words(&["-O", &job.urls[0]]));
    } else {
      // curl reads a list of its own kind.
      command.extend(words(&[
        "--remote-name-all",
        "-K",
        &text(&curl_list(places)),
      ]));
    }
    Contender {
      name: "curl",
      command,
    }
  }

  pub fn aria2(&self, job: &Job, places: &Places, more: &[&str]) -> Contender {
    let parallel = job.parallel.to_string();
    let mut command =
      words(&["aria2c", "-q", "-j", &parallel, "-d", &text(&places.out)]);
    command
      .extend(job.insecure.then(|| "--check-certificate=false".to_owned()));
    command.extend(words(more));
    command.extend(words(&["-i", &text(&places.list)]));
    Contender {
      name: "aria2c",
      command,
    }
  }

  pub fn wget(&self, places: &Places) -> Contender {
    let command = words(&[
      "wget",
      "-q",
      "-P",
      &text(&places.out),
      "-i",
      &text(&places.list),
    ]);
    Contender {
      name: "wget",
      command,
    }
  }

  pub fn bare(
    &self,
    job: &Job,
    places: &Places,
    sync: bool,
  ) -> Result<Contender> {
    let this = text(&std::env::current_exe()?);
    let parallel = job.parallel.to_string();
    let mut command = words(&[
      &this,
      "bare",
      "--parallel",
      &parallel,
      "--out",
      &text(&places.out),
    ]);
    command.extend(sync.then(|| "--sync".to_owned()));
    command.extend(job.insecure.then(|| "--insecure".to_owned()));
    command.push(text(&places.list));
    let name = if sync { "bare, synced" } else { "bare" };
    Ok(Contender { name, command })
  }

  /// A script, in a store of its own.
  pub fn run(
    &self,
    script: &Path,
    places: &Places,
    base: &str,
    more: &[&str],
  ) -> Vec<String> {
    let mut command =
      words(&[&self.bgfetch.to_string_lossy(), "run", &text(script)]);
    command.extend(words(&[
      "--quiet",
      "--store",
      &text(&places.store),
      "--base",
      base,
    ]));
    command.extend(words(more));
    command
  }
}

/// Writes the lists that the programs read.
pub fn write_lists(urls: &[String], places: &Places) -> Result<()> {
  std::fs::write(&places.list, urls.join("\n") + "\n")?;
  let lines: String = urls
    .iter()
    .map(|url| format!("url = \"{url}\"\n"))
    .collect();
  Ok(std::fs::write(curl_list(places), lines)?)
}

fn curl_list(places: &Places) -> PathBuf {
  places.list.with_extension("curl")
}

fn words(words: &[&str]) -> Vec<String> {
  words.iter().map(|word| (*word).to_owned()).collect()
}

fn text(path: &Path) -> String {
  path.to_string_lossy().into_owned()
}
