//! `bgfetch verify`

use std::io::Read;
use std::path::Path;

use background_fetch::display::text::printable;
use background_fetch::spec::Request;

use super::get::look::Look;
use crate::arguments::Verify;
use crate::download;
use crate::download::Checksum;
use crate::download::Expected;
use crate::download::Hasher;
use crate::download::Saved;
use crate::download::SavedFile;
use crate::failure::FAILED;
use crate::failure::Failure;
use crate::failure::PREFIX;
use crate::failure::SUCCESS;
use crate::output;
use crate::paths;
use crate::session::Setup;

/// How many bytes are read at a time.
const CHUNK: usize = 1024 * 1024;

pub async fn verify(arguments: Verify) -> Result<u8, Failure> {
  let saved = Saved::open(&paths::store_directory(&arguments.store)?);
  let mut status = SUCCESS;
  for file in &arguments.files {
    let shown = printable(&file.to_string_lossy());
    match verify_one(&arguments, &saved, file).await {
      Ok(how) if arguments.quiet => drop(how),
      Ok(how) => output::line(&format!("{shown}: {how}")),
      Err(why) => {
        eprintln!("{PREFIX}{shown}: {why}");
        status = FAILED;
      }
    }
  }
  Ok(status)
}

/// How it was checked, or what is wrong.
async fn verify_one(
  arguments: &Verify,
  saved: &Saved,
  file: &Path,
) -> Result<String, String> {
  let path = file.canonicalize().map_err(|error| error.to_string())?;
  let entry = saved.of_file(&path);
  let expected = expected(arguments, entry.as_ref()).await?;
  let found = hash(&path, &expected).map_err(|error| error.to_string())?;
  match download::mismatch(&expected, &found) {
    Some(why) => Err(why),
    None => {
      let found: Vec<_> = found.iter().map(Checksum::to_string).collect();
      Ok(format!("ok, {}", found.join(", ")))
    }
  }
}

/// The digests that the file should have.
async fn expected(
  arguments: &Verify,
  entry: Option<&SavedFile>,
) -> Result<Vec<Expected>, String> {
  let by = |source: &str, checksums: &[Checksum]| -> Vec<Expected> {
    let expected = |checksum: &Checksum| Expected {
      checksum: checksum.clone(),
      source: source.to_string(),
    };
    checksums.iter().map(expected).collect()
  };
  if !arguments.checksums.is_empty() {
    return Ok(by("the command", &arguments.checksums));
  }
  let Some(entry) = entry else {
    return Err(
      "it was not saved by `bgfetch get` with this store; name its digest with \
       --checksum"
        .to_string(),
    );
  };
  if !entry.checksums.is_empty() {
    return Ok(by("the download", &entry.checksums));
  }
  let none = "no digest of it is known; name one with --checksum";
  if arguments.offline {
    return Err(none.to_string());
  }
  let sent = sent(arguments, entry).await.map_err(|f| f.message)?;
  sent.map(|expected| vec![expected]).ok_or(none.to_string())
}

/// The digest that the server sends today, if it has the same still.
async fn sent(
  arguments: &Verify,
  entry: &SavedFile,
) -> Result<Option<Expected>, Failure> {
  let url = entry.download.url.clone();
  let (secrets, cookies) =
    download::shown_again(&arguments.credentials, std::slice::from_ref(&url))?;
  let setup = Setup {
    secrets,
    cookies: Some(cookies),
    ..Setup::default()
  };
  let look = Look::new(setup.network(&arguments.network)?);
  let head = look.head(Request::get(url), &[]).await;
  let head = head.map_err(Failure::failed)?;
  let is_same = head.is_ok()
    && head.internal_headers().get("etag") == entry.etag
    && head
      .complete_length()
      .is_none_or(|length| length == entry.size());
  Ok(is_same.then(|| download::sent_with(&head)).flatten())
}

fn hash(path: &Path, expected: &[Expected]) -> std::io::Result<Vec<Checksum>> {
  let mut file = std::fs::File::open(path)?;
  let mut hasher = Hasher::new(expected.iter().map(|e| &e.checksum));
  let mut buffer = vec![0; CHUNK];
  loop {
    match file.read(&mut buffer)? {
      0 => return Ok(hasher.finish()),
      length => hasher.update(&buffer[..length]),
    }
  }
}
