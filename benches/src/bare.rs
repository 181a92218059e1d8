//! The bare loop: as little as it takes to get a URL into a file with the
//! HTTP library that `bgfetch` has, too. No store, no retries, no promise.

use std::path::{Path, PathBuf};
use std::time::Instant;

use futures::{StreamExt, TryStreamExt};
use tokio::io::AsyncWriteExt;

use crate::Result;

#[derive(clap::Args)]
pub struct Bare {
  /// Flush each file to the disk
  #[arg(long)]
  sync: bool,
  /// How many are fetched at a time
  #[arg(long, default_value_t = 1)]
  parallel: usize,
  /// Accept the certificate of the server, whatever it is
  #[arg(long)]
  insecure: bool,
  /// Where the files go
  #[arg(long)]
  out: PathBuf,
  /// A file with one URL a line
  list: PathBuf,
}

impl Bare {
  pub fn run(self) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(self.fetch_all())
  }

  async fn fetch_all(self) -> Result<()> {
    let client = reqwest::Client::builder()
      .tls_danger_accept_invalid_certs(self.insecure)
      .no_proxy()
      .build()?;
    let list = std::fs::read_to_string(&self.list)?;
    futures::stream::iter(list.lines())
      .map(|url| self.fetch(&client, url))
      .buffer_unordered(self.parallel)
      .try_collect()
      .await
  }

  async fn fetch(&self, client: &reqwest::Client, url: &str) -> Result<()> {
    let name = url.rsplit('/').next().unwrap_or(url);
    let mut response = client.get(url).send().await?.error_for_status()?;
    let mut file = tokio::fs::File::create(self.out.join(name)).await?;
    while let Some(chunk) = response.chunk().await? {
      file.write_all(&chunk).await?;
    }
    file.flush().await?;
    if self.sync {
      file.sync_all().await?;
    }
    Ok(())
  }
}

/// Prints the milliseconds that it takes to read `file` to its end from the
/// disk: what the store has received is not in the page cache, either.
pub fn read(file: &Path) -> Result<()> {
  use std::io::Read;
  let mut file = std::fs::File::open(file)?;
  rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
  let begin = Instant::now();
  let mut buffer = vec![0; 1 << 20];
  while file.read(&mut buffer)? > 0 {}
  println!("{}", begin.elapsed().as_secs_f64() * 1000.0);
  Ok(())
}
