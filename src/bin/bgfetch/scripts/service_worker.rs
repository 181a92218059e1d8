//! Service workers of `bgfetch run --sw`: their scripts are files.

use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use background_fetch::engine::ServiceWorkerHost;
use background_fetch::extension::Console;
use background_fetch::extension::ExtensionOptions;
use background_fetch::extension::WorkerThreads;
use background_fetch::service_worker::ScriptResponse;
use background_fetch::spec::HeaderList;
use parking_lot::Mutex;
use url::Url;

use crate::failure::Failure;
use crate::file_names::percent_decoded;
use crate::screen::Screen;

/// Called with a worker's URL and what has failed there.
type Report = Arc<dyn Fn(&Url, &str) + Send + Sync>;

/// What is known of the service workers of this process.
#[derive(Default)]
pub struct WorkerFiles {
  /// Each script's URL and file.
  scripts: Mutex<Vec<(Url, PathBuf)>>,
  has_failed: AtomicBool,
}

impl WorkerFiles {
  /// From now on the file `script` is at its name beside `base`: at the URL
  /// that is returned.
  ///
  /// # Errors
  ///
  /// The path has no file name.
  pub fn serve(&self, base: &Url, script: &Path) -> Result<Url, Failure> {
    // Its bytes are escaped as those of a file's URL, UTF-8 or not.
    let file = Url::from_file_path(script).ok();
    let name = file
      .as_ref()
      .and_then(|file| file.path_segments()?.next_back());
    let beside = name.and_then(|name| base.join(&format!("./{name}")).ok());
    let Some(url) = beside else {
      return Err(Failure::usage(format!(
        "{} has no name that could be in a URL",
        script.display()
      )));
    };
    let served = (url.clone(), script.to_path_buf());
    self.scripts.lock().push(served);
    Ok(url)
  }

  /// Whether a worker has failed: its script threw, or it took too long.
  pub fn has_failed(&self) -> bool {
    self.has_failed.load(Ordering::Relaxed)
  }

  /// Runs workers on threads of their own; what they say goes to `screen`.
  pub fn host(
    self: &Arc<Self>,
    screen: &Arc<Screen>,
  ) -> Arc<dyn ServiceWorkerHost> {
    let files = self.clone();
    let of_console = screen.clone();
    let report = self.report_to(screen);
    let of_events = report.clone();
    let host = WorkerThreads::new()
      .with_scripts(move |request| {
        let file = files.file(&request.url)?;
        let response = read(&file);
        Some(Box::pin(async { response }))
      })
      .with_options(move |url| {
        let screen = of_console.clone();
        let (report, url) = (of_events.clone(), url.clone());
        ExtensionOptions {
          console: Console::Custom(Rc::new(move |text: &str, is_error| {
            screen.console(text, is_error);
          })),
          report_error: Some(Rc::new(move |text: &str| report(&url, text))),
          ..ExtensionOptions::default()
        }
      })
      .with_report(move |url, message| report(url, message));
    Arc::new(host)
  }

  fn report_to(self: &Arc<Self>, screen: &Arc<Screen>) -> Report {
    let (files, screen) = (self.clone(), screen.clone());
    Arc::new(move |url: &Url, message: &str| {
      files.report(&screen, url, message);
    })
  }

  /// Shows what fails in the worker at `url`, and takes note of it.
  pub fn report(&self, screen: &Screen, url: &Url, message: &str) {
    self.has_failed.store(true, Ordering::Relaxed);
    let mut segments = url.path_segments().into_iter().flatten();
    let name = percent_decoded(segments.next_back().unwrap_or_default());
    screen.error(&format!("{name}: {message}"));
  }

  /// The file that is at `url`: a worker's script, or one beside it or below.
  /// Any other script comes from the network.
  fn file(&self, url: &Url) -> Option<PathBuf> {
    let mut url = url.clone();
    url.set_query(None);
    let scripts = self.scripts.lock();
    scripts.iter().find_map(|(script_url, script)| {
      if url == *script_url {
        return Some(script.clone());
      }
      let directory = script_url.join("./").ok()?;
      let below = url.as_str().strip_prefix(directory.as_str())?;
      let mut file = script.parent()?.to_path_buf();
      for segment in below.split('/') {
        file.push(plain(&percent_decoded(segment))?);
      }
      file.is_file().then_some(file)
    })
  }
}

/// A segment that is one file name, and no way elsewhere.
fn plain(segment: &str) -> Option<&str> {
  let mut components = Path::new(segment).components();
  match (components.next(), components.next()) {
    (Some(Component::Normal(name)), None) if name == segment => Some(segment),
    _ => None,
  }
}

fn read(file: &Path) -> Result<ScriptResponse, String> {
  let body = std::fs::read(file)
    .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
  let mut headers = HeaderList::new();
  headers.append("content-type", "text/javascript");
  Ok(ScriptResponse {
    status: 200,
    headers,
    body: body.into(),
  })
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn a_url_is_a_file_beside_the_script_and_never_one_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let app = directory.path().join("app");
    std::fs::create_dir_all(app.join("lib")).unwrap();
    for file in ["secret.js", "app/sw 1.js", "app/lib/a.js"] {
      std::fs::write(directory.path().join(file), "").unwrap();
    }
    let files = WorkerFiles::default();
    let base = Url::parse("https://a.test/x/page.html?q#f").unwrap();
    let url = files.serve(&base, &app.join("sw 1.js")).unwrap();
    assert_eq!(url.as_str(), "https://a.test/x/sw%201.js");
    let at = |text: &str| files.file(&Url::parse(text).unwrap());
    assert_eq!(
      at("https://a.test/x/sw%201.js?v=2"),
      Some(app.join("sw 1.js"))
    );
    assert_eq!(at("https://a.test/x/lib/a.js"), Some(app.join("lib/a.js")));
    for elsewhere in [
      "https://a.test/x/missing.js",
      "https://a.test/x/lib",
      "https://a.test/sw%201.js",
      "https://b.test/x/lib/a.js",
      "https://a.test/x/..%2Fsecret.js",
      "https://a.test/x/lib/..%2F..%2F..%2Fsecret.js",
      "https://a.test/x//etc/passwd",
      "https://a.test/x/%2Fetc%2Fpasswd",
    ] {
      assert_eq!(at(elsewhere), None, "{elsewhere}");
    }
  }
}
