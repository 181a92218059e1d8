//! `bgfetch demo`: the main job, with nothing else needed.

mod child;
mod content;
mod film;
mod server;

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use background_fetch::display::text;
use url::Url;

use self::content::Content;
use self::content::sha256_of_file;
use self::server::Resource;
use self::server::Server;
use super::run;
use crate::arguments::Demo;
use crate::arguments::EngineOptions;
use crate::arguments::HandlerOptions;
use crate::arguments::Run;
use crate::arguments::StoreOptions;
use crate::failure::FAILED;
use crate::failure::Failure;
use crate::failure::INTERRUPTED;
use crate::failure::SUCCESS;
use crate::interrupt::Interrupt;
use crate::output::line;

const SCRIPT: &str = include_str!("episode.js");
const EPISODE: Content = Content {
  size: 12 * 1024 * 1024,
  seed: 5,
};
const ARTWORK: Content = Content {
  size: 300 * 1024,
  seed: 55,
};
/// How long the server takes for the whole film: long enough to be watched.
const FILM_PACE: Duration = Duration::from_secs(3);

/// Runs the demo; succeeds when everything was as it should be.
pub async fn demo(arguments: &Demo) -> Result<u8, Failure> {
  let started = Instant::now();
  let interrupt = Interrupt::install()?;
  let directory = Directory::new()?;
  let film = Content {
    size: arguments.size * 1024 * 1024,
    seed: 24,
  };
  let server = Server::start(resources(film)).map_err(failed)?;
  line(&format!(
    "A server on {} has a podcast and a film, for this demo alone.",
    server.address
  ));

  line("\n1. A script asks for the podcast, and hears when it is there:");
  for code in SCRIPT.lines() {
    line(&format!("   | {code}"));
  }
  let status = podcast(&directory.0, &server, &interrupt).await?;
  if status == INTERRUPTED {
    return Ok(status);
  }
  let saved = |name: &str, content: Content| {
    let sha256 = sha256_of_file(&directory.0.join("podcast").join(name));
    sha256.is_ok_and(|sha256| sha256 == content.sha256())
  };
  let podcast = status == SUCCESS
    && saved("ep-5.mp3", EPISODE)
    && saved("ep-5-artwork.jpg", ARTWORK);

  let Some(film) = film::show(&directory.0, &server, film, &interrupt)? else {
    return Ok(INTERRUPTED);
  };
  let checks = [
    (
      podcast,
      "the script got its event, and both files are whole",
    ),
    (film.killed, "the film's process was killed in the middle"),
    (
      film.continued,
      "only the bytes that were missing were asked for",
    ),
    (film.whole, "the film is byte for byte what the server has"),
  ];
  line("");
  for (holds, what) in checks {
    line(&format!("{} {what}", if holds { "✓" } else { "✗" }));
  }
  let all = checks.iter().all(|(holds, _)| *holds);
  line(&format!(
    "{} {}, and nothing of it is left on the disk.",
    if all {
      "All this took"
    } else {
      "Something is wrong. It took"
    },
    text::duration(started.elapsed())
  ));
  Ok(if all { SUCCESS } else { FAILED })
}

fn resources(film: Content) -> Vec<Resource> {
  let resource = |path, content_type, content| Resource {
    path,
    content_type,
    content,
    pace: None,
    hold_first_at: None,
  };
  vec![
    resource("/ep-5.mp3", "audio/mpeg", EPISODE),
    resource("/ep-5-artwork.jpg", "image/jpeg", ARTWORK),
    Resource {
      pace: Some(FILM_PACE),
      hold_first_at: Some(film.size / 3 * 2),
      ..resource(film::PATH, "video/mp4", film)
    },
  ]
}

/// What `bgfetch run --out podcast episode.js` does.
async fn podcast(
  directory: &Path,
  server: &Server,
  interrupt: &Interrupt,
) -> Result<u8, Failure> {
  let script = directory.join("episode.js");
  std::fs::write(&script, SCRIPT).map_err(failed)?;
  let base = format!("http://{}/", server.address);
  let arguments = Run {
    handlers: HandlerOptions::default(),
    sw: None,
    script,
    base: Url::parse(&base).map_err(Failure::failed)?,
    out: Some(directory.join("podcast")),
    engine: EngineOptions {
      store: StoreOptions {
        directory: Some(directory.join("store")),
      },
      quiet: true,
      ..EngineOptions::default()
    },
  };
  run::run_until(arguments, interrupt).await
}

/// A directory of its own, gone with the demo.
struct Directory(PathBuf);

impl Directory {
  fn new() -> Result<Self, Failure> {
    let name = format!("bgfetch-demo-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    // One that is there already is not this demo's.
    std::fs::create_dir(&path).map_err(|error| {
      let path = path.display();
      Failure::usage(format!("{path} cannot be created: {error}"))
    })?;
    Ok(Self(path))
  }
}

impl Drop for Directory {
  fn drop(&mut self) {
    // What cannot be removed is left to the system's own tidying.
    let _ = std::fs::remove_dir_all(&self.0);
  }
}

fn failed(error: std::io::Error) -> Failure {
  Failure::failed(format!("the demo cannot continue: {error}"))
}
