//! Downloads with no script, against those who do nothing else.

use std::path::Path;

use async_compression::Level;
use async_compression::tokio::write::{
  BrotliEncoder, GzipEncoder, ZstdEncoder,
};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::World;
use crate::Result;
use crate::content::{self, Hash};
use crate::peers::{Contender, Job, Places, clear_away, write_lists};
use crate::race::race;
use crate::report::{Scenario, Wanted};

const MIB: u64 = 1 << 20;

/// One large file.
pub fn large(world: &World) -> Result<Vec<Scenario>> {
  let mut sizes = vec![256, 1024];
  sizes.extend(world.full.then_some(8192));
  let each = sizes.into_iter().map(|mib| {
    let files = Files::random(world, "large", 1, mib * MIB)?;
    let urls = files.urls(|path| world.server.http(path));
    let scenario = Download {
      world,
      files,
      job: Job::of(&urls),
    }
    .race(
      format!("{mib} MiB over HTTP/1.1"),
      &["curl", "aria2c", "wget", "bare", SYNCED],
    )?;
    Ok(
      scenario
        .faster("curl", 1.5)
        .faster(SYNCED, 1.0)
        .within_mib(40.0),
    )
  });
  each.collect()
}

/// The same over TLS and HTTP/2, which aria2 and wget do not speak.
pub fn tls(world: &World) -> Result<Vec<Scenario>> {
  let files = Files::random(world, "large", 1, 1024 * MIB)?;
  let urls = files.urls(|path| world.server.https(path));
  let job = Job {
    insecure: true,
    ..Job::of(&urls)
  };
  let scenario = Download { world, files, job }.race(
    "1024 MiB over TLS, HTTP/2".to_owned(),
    &["curl", "bare", SYNCED],
  )?;
  Ok(vec![
    scenario
      .faster("curl", 1.3)
      .faster(SYNCED, 0.95)
      .within_mib(40.0),
  ])
}

/// Several large files at a time.
pub fn films(world: &World) -> Result<Vec<Scenario>> {
  let files = Files::random(world, "films", 64, 32 * MIB)?;
  let urls = files.urls(|path| world.server.http(path));
  let job = Job {
    parallel: 16,
    ..Job::of(&urls)
  };
  let scenario = Download { world, files, job }.race(
    "64 x 32 MiB, 16 at once".to_owned(),
    &["curl", "aria2c", "bare", SYNCED],
  )?;
  Ok(vec![
    scenario
      .faster("curl", 1.7)
      .faster("aria2c", 1.7)
      .faster("bare", 1.0),
  ])
}

/// Very many small files.
pub fn small(world: &World) -> Result<Vec<Scenario>> {
  let mut numbers = vec![2_000, 10_000];
  numbers.extend(world.full.then_some(50_000));
  let each = numbers.into_iter().map(|number| {
    let files = Files::random(world, "small", number, 4096)?;
    let urls = files.urls(|path| world.server.http(path));
    let job = Job {
      parallel: 32,
      ..Job::of(&urls)
    };
    let scenario = Download { world, files, job }.race(
      format!("{number} x 4 KiB, 32 at once"),
      &["curl", "aria2c", "bare"],
    )?;
    Ok(
      scenario
        .faster("curl", 1.2)
        .faster("bare", 1.0)
        .faster("aria2c", 5.0),
    )
  });
  each.collect()
}

/// What each URL costs in memory, and whether the time is linear.
pub fn urls(world: &World) -> Result<Vec<Scenario>> {
  let mut numbers = vec![5_000_u32, 20_000];
  numbers.extend(world.full.then_some(100_000));
  let mut scenarios = Vec::new();
  let mut with_fewer = None;
  for number in numbers {
    let files = Files::random(world, "urls", number, 16)?;
    let urls = files.urls(|path| world.server.http(path));
    let job = Job {
      parallel: 32,
      ..Job::of(&urls)
    };
    let scenario = Download { world, files, job }
      .race(format!("{number} URLs of 16 bytes"), &[])?;
    let mut scenario =
      scenario.within_mib(64.0 + 2.0 * f64::from(number) / 1024.0);
    let each = scenario.rows[0].seconds() / f64::from(number);
    if let Some(before) = with_fewer.replace(each) {
      let what = "time for each URL / that of the row above".to_owned();
      scenario.target(what, each / before, Wanted::AtMost(1.2));
    }
    scenarios.push(scenario);
  }
  Ok(scenarios)
}

/// A server that gives each connection little.
pub fn split(world: &World) -> Result<Vec<Scenario>> {
  let files = Files::random(world, "limited", 1, 256 * MIB)?;
  let urls = files.urls(|path| world.server.http(path));
  let job = Job::of(&urls);
  let download = Download { world, files, job };
  let places = world.places();
  let split = world
    .peers
    .bgfetch(&download.job, &places, &["--split", "8"]);
  let whole = world.peers.bgfetch(&download.job, &places, &[]);
  let aria2 = world.peers.aria2(&download.job, &places, &["-x8", "-s8"]);
  let contenders = [
    split,
    Contender {
      name: WHOLE,
      ..whole
    },
    Contender {
      name: "aria2c -x8 -s8",
      ..aria2
    },
  ];
  let name = "256 MiB, 10 MiB/s for a connection".to_owned();
  let scenario = download.race_of(name, &contenders)?;
  Ok(vec![
    scenario.faster("aria2c -x8 -s8", 0.9).faster(WHOLE, 6.0),
  ])
}

const WHOLE: &str = "one connection";
const SYNCED: &str = "bare, synced";

/// Many transfers onto a disk that takes them slowly: what was received waits
/// for it in memory, within the byte budget.
///
/// The disk is this one, and strace holds each write of a body up. Bodies of
/// this size are written by `writev`, and nothing else that is much is: larger
/// ones are written past the page cache, by a call that SQLite has, too.
pub fn slow(world: &World) -> Result<Vec<Scenario>> {
  let files = Files::random(world, "slow", 96, 8 * MIB)?;
  let urls = files.urls(|path| world.server.http(path));
  let job = Job {
    parallel: 32,
    ..Job::of(&urls)
  };
  let download = Download { world, files, job };
  let places = world.places();
  let bgfetch = world.peers.bgfetch(&download.job, &places, &[]);
  let delay = format!("inject=writev:delay_enter={SLOW_WRITE_US}");
  let strace = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null"];
  let traced = ["-e", "trace=writev", "-e", &delay];
  let mut command: Vec<String> = strace
    .into_iter()
    .chain(traced)
    .map(str::to_owned)
    .collect();
  command.extend(bgfetch.command);
  let contender = Contender { command, ..bgfetch };
  let name = "96 x 8 MiB, 32 at once, 0.2 s for each write".to_owned();
  let scenario = download.race_of(name, &[contender])?;
  Ok(vec![scenario.within_mib(128.0)])
}

/// In microseconds.
const SLOW_WRITE_US: u32 = 200_000;

/// What servers compress, decoded on the way.
pub fn coded(world: &World) -> Result<Vec<Scenario>> {
  let codings = ["gzip", "br", "zstd"].into_iter();
  let each = codings.map(|coding| {
    let files = Files::coded(world, coding, 400 * MIB)?;
    let urls = files.urls(|path| world.server.http(path));
    let job = Job {
      decode: true,
      ..Job::of(&urls)
    };
    let scenario = Download { world, files, job }
      .race(format!("400 MiB of text as {coding}, decoded"), &["curl"])?;
    Ok(scenario.faster("curl", 1.1))
  });
  each.collect()
}

/// A job, and what it has to end with.
struct Download<'a> {
  world: &'a World,
  files: Files,
  job: Job<'a>,
}

impl Download<'_> {
  fn race(&self, name: String, peers: &[&str]) -> Result<Scenario> {
    let Self { world, job, .. } = self;
    let places = world.places();
    let mut contenders = vec![world.peers.bgfetch(job, &places, &[])];
    for peer in peers {
      contenders.push(match *peer {
        "curl" => world.peers.curl(job, &places),
        "aria2c" => world.peers.aria2(job, &places, &[]),
        "wget" => world.peers.wget(&places),
        other => world.peers.bare(job, &places, other == SYNCED)?,
      });
    }
    self.race_of(name, &contenders)
  }

  fn race_of(
    &self,
    name: String,
    contenders: &[Contender],
  ) -> Result<Scenario> {
    let places = self.world.places();
    write_lists(self.job.urls, &places)?;
    let rows = race(contenders, &places, self.world.runs, &|| {
      self.check(&places)
    })?;
    self.files.remove()?;
    Ok(Scenario {
      name,
      rows,
      targets: Vec::new(),
    })
  }

  fn check(&self, places: &Places) -> Result<()> {
    for (name, wanted) in &self.files.hashes {
      if content::hash(&places.out.join(name))? != *wanted {
        return Err(format!("{name} is not what the server has").into());
      }
    }
    Ok(())
  }
}

/// What the server has for a scenario: a folder of files.
struct Files {
  folder: &'static str,
  directory: std::path::PathBuf,
  /// Name and hash of each, decoded.
  hashes: Vec<(String, Hash)>,
}

impl Files {
  fn random(
    world: &World,
    folder: &'static str,
    number: u32,
    bytes: u64,
  ) -> Result<Self> {
    let directory = world.server.root.join(folder);
    let mut hashes = Vec::new();
    for n in 0..number {
      let name = format!("{n:06}.bin");
      let hash = content::random(&directory.join(&name), bytes, n.into())?;
      hashes.push((name, hash));
    }
    rustix::fs::sync();
    Ok(Self {
      folder,
      directory,
      hashes,
    })
  }

  /// One file of words, of which the server has a coded form only.
  fn coded(world: &World, coding: &'static str, bytes: u64) -> Result<Self> {
    let directory = world.server.root.join(coding);
    let name = "words.txt".to_owned();
    let plain = world.directory.join(&name);
    let hash = content::words(&plain, bytes)?;
    std::fs::create_dir_all(&directory)?;
    tokio::runtime::Runtime::new()?.block_on(encode(
      coding,
      &plain,
      &directory.join(&name),
    ))?;
    std::fs::remove_file(plain)?;
    rustix::fs::sync();
    Ok(Self {
      folder: coding,
      directory,
      hashes: vec![(name, hash)],
    })
  }

  fn urls(&self, url: impl Fn(&str) -> String) -> Vec<String> {
    let paths = self
      .hashes
      .iter()
      .map(|(name, _)| format!("{}/{name}", self.folder));
    paths.map(|path| url(&path)).collect()
  }

  fn remove(&self) -> Result<()> {
    clear_away(&self.directory)
  }
}

async fn encode(coding: &str, from: &Path, to: &Path) -> Result<()> {
  let file = tokio::io::BufWriter::new(tokio::fs::File::create(to).await?);
  let mut encoder: Box<dyn AsyncWrite + Unpin> = match coding {
    "gzip" => Box::new(GzipEncoder::with_quality(file, Level::Fastest)),
    "br" => Box::new(BrotliEncoder::with_quality(file, Level::Fastest)),
    _ => Box::new(ZstdEncoder::with_quality(file, Level::Precise(3))),
  };
  let mut plain = tokio::fs::File::open(from).await?;
  tokio::io::copy(&mut plain, &mut encoder).await?;
  Ok(encoder.shutdown().await?)
}
