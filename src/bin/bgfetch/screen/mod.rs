//! Everything that `run`, `get` and `resume` say, on both standard streams.

mod json;

use std::collections::HashSet;
use std::io::IsTerminal;
use std::io::Write;
use std::path::Path;

use background_fetch::display::Display;
use background_fetch::display::Lines;
use background_fetch::display::Terminal;
use background_fetch::display::text;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::spec::BackgroundFetchResult;
use background_fetch::store::BackgroundFetchKey;
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use self::json::Json;
use crate::arguments::EngineOptions;
use crate::download::Download;
use crate::download::Ended;
use crate::failure::PREFIX;
use crate::handing_over::News;
use crate::started_by::StartedBy;

/// Where the user looks.
pub struct Screen {
  display: Output,
  /// Those of which it was shown that they have settled. Held while something
  /// is shown, so that a display is never called twice at once.
  settled: Mutex<HashSet<BackgroundFetchKey>>,
  watchers: Mutex<Vec<Watcher>>,
}

/// Another command, whose downloads this process has taken over.
struct Watcher {
  downloads: HashSet<Download>,
  news: UnboundedSender<News>,
}

enum Output {
  Bars(Terminal),
  Lines(Lines),
  Json(Json),
  /// Nothing but errors.
  Quiet,
  /// The screen of another command.
  Far(UnboundedSender<News>),
}

impl Screen {
  pub fn new(options: &EngineOptions) -> Self {
    let display = match (options.json, options.quiet) {
      (true, _) => Output::Json(Json::default()),
      (_, true) => Output::Quiet,
      _ if std::io::stderr().is_terminal() => {
        Output::Bars(Terminal::new(PREFIX).with_owner(Box::new(owner)))
      }
      _ => Output::Lines(Lines::new(std::io::stderr(), PREFIX)),
    };
    Self::with(display)
  }

  /// The screen of a command that has handed its downloads over.
  pub fn far(news: UnboundedSender<News>) -> Self {
    Self::with(Output::Far(news))
  }

  fn with(display: Output) -> Self {
    Self {
      display,
      settled: Mutex::default(),
      watchers: Mutex::default(),
    }
  }

  /// So many background fetches are going to come: few are shown each, of many
  /// the first are not shown either.
  pub fn announce(&self, number: usize) {
    match &self.display {
      Output::Bars(bars) => bars.announce(number),
      Output::Lines(lines) => lines.announce(number),
      Output::Json(_) | Output::Quiet | Output::Far(_) => {}
    }
  }

  /// How `downloads` end is said to `news`, too.
  pub fn watch(
    &self,
    downloads: HashSet<Download>,
    news: UnboundedSender<News>,
  ) {
    self.watchers.lock().push(Watcher { downloads, news });
  }

  /// Ends what [`Screen::watch`] has begun.
  pub fn unwatch(&self, news: &UnboundedSender<News>) {
    let mut watchers = self.watchers.lock();
    watchers.retain(|watcher| !watcher.news.same_channel(news));
  }

  /// The engine reports a background fetch. That it has settled is shown by
  /// [`Screen::settled`], when its files are saved.
  pub fn observed(&self, background_fetch: &BackgroundFetchSnapshot) {
    let settled = self.settled.lock();
    // What was seen before it has settled may come later than that.
    if background_fetch.is_settled() == settled.contains(&background_fetch.key)
    {
      self.show(background_fetch);
    }
  }

  /// The background fetch has settled: what is done before its event begins.
  pub fn begun(&self, background_fetch: &BackgroundFetchSnapshot) {
    if let Output::Lines(lines) = &self.display {
      lines.begin(background_fetch);
    }
  }

  /// The background fetch has settled, and all that has to be done before its
  /// event is done.
  pub fn settled(&self, background_fetch: &BackgroundFetchSnapshot) {
    let mut settled = self.settled.lock();
    settled.insert(background_fetch.key);
    self.show(background_fetch);
    // The other displays say so themselves.
    let silent = matches!(self.display, Output::Json(_) | Output::Quiet);
    if silent && background_fetch.result == BackgroundFetchResult::Failure {
      self.error(&text::failure(background_fetch));
    }
  }

  /// A download has settled, and this has come of it. Why one has failed is
  /// said at the end, when nothing scrolls it away.
  pub fn download_ended(&self, b: &BackgroundFetchSnapshot, ended: &Ended) {
    let mut settled = self.settled.lock();
    settled.insert(b.key);
    let id = text::printable(&b.id);
    let failed = |mark: &str| match ended.is_success() {
      true => None,
      false => Some(format!("{mark}{id}: failed")),
    };
    match &self.display {
      Output::Bars(bars) => {
        let done = || format!("{}{}", bars.succeeded(b), other_name(b, ended));
        bars.end(b, &failed("✗ ").unwrap_or_else(done));
      }
      Output::Lines(lines) => {
        let done = || format!("{}{}", lines.succeeded(b), other_name(b, ended));
        lines.end(b, &failed("").unwrap_or_else(done));
      }
      Output::Json(json) => json.download_ended(b, ended),
      Output::Quiet | Output::Far(_) => {}
    }
    self.tell_watchers(b, ended);
  }

  fn tell_watchers(&self, b: &BackgroundFetchSnapshot, ended: &Ended) {
    let watchers = self.watchers.lock();
    if watchers.is_empty() {
      return;
    }
    let Some(download) = StartedBy::download(b.embedder_data.as_deref()) else {
      return;
    };
    for watcher in watchers.iter() {
      if watcher.downloads.contains(&download) {
        // The other process is gone: the file is saved all the same.
        let _ = watcher.news.send(News::DownloadEnded {
          snapshot: Box::new(b.clone()),
          ended: ended.clone(),
        });
      }
    }
  }

  fn show(&self, background_fetch: &BackgroundFetchSnapshot) {
    match &self.display {
      Output::Bars(bars) => bars.show(background_fetch),
      Output::Lines(lines) => lines.show(background_fetch),
      Output::Json(json) => json.show(background_fetch),
      Output::Quiet | Output::Far(_) => {}
    }
  }

  /// So many files are not begun yet.
  pub fn queued(&self, count: usize) {
    match &self.display {
      Output::Bars(bars) => bars.queued(count),
      Output::Lines(lines) => lines.queued(count),
      Output::Json(_) | Output::Quiet | Output::Far(_) => {}
    }
  }

  /// Something that is good to know.
  pub fn note(&self, text: &str) {
    if let Output::Far(news) = &self.display {
      let text = text.to_string();
      let _ = news.send(News::Note { text });
    } else if matches!(self.display, Output::Bars(_) | Output::Lines(_)) {
      self.write(std::io::stderr(), &format!("{text}\n"));
    }
  }

  /// Something that a script wants its user to see: a line for people, an
  /// object for programs.
  pub fn told(&self, text: &str, event: serde_json::Value) {
    self.note(text);
    self.told_to_programs(event);
  }

  /// The same for programs alone.
  pub fn told_to_programs(&self, event: serde_json::Value) {
    if matches!(self.display, Output::Json(_)) {
      crate::output::json_line(&event);
    }
  }

  /// Something has gone wrong.
  pub fn error(&self, text: &str) {
    self.write(std::io::stderr(), &format!("{PREFIX}{text}\n"));
  }

  /// The file that was saved earlier for `url` is what the server has.
  pub fn unchanged(&self, id: &str, url: &str, path: &Path) {
    let shown = text::printable(&path.to_string_lossy());
    match &self.display {
      Output::Json(_) => json::unchanged(id, url, path),
      Output::Far(news) => {
        let _ = news.send(News::Unchanged {
          id: id.to_string(),
          url: url.to_string(),
          path: path.to_owned(),
        });
      }
      Output::Lines(lines) => lines.note(&format!("{shown}: unchanged")),
      _ => self.note(&format!("{shown}: unchanged")),
    }
  }

  /// A script's console: its lines go where the user expects them, undisturbed
  /// by the bars.
  pub fn console(&self, text: &str, is_error: bool) {
    if is_error || matches!(self.display, Output::Json(_)) {
      self.write(std::io::stderr(), text);
    } else {
      self.write(std::io::stdout(), text);
    }
  }

  /// Whether a user looks at bars, and may press keys.
  pub fn has_bars(&self) -> bool {
    matches!(self.display, Output::Bars(_))
  }

  /// Shows `text` below the bars.
  pub fn hint(&self, text: &str) {
    if let Output::Bars(bars) = &self.display {
      bars.hint(text);
    }
  }

  /// The terminal may have another size than before.
  pub fn refresh(&self) {
    if let Output::Bars(bars) = &self.display {
      bars.refresh();
    }
  }

  /// Takes the bars away for good.
  pub fn clear(&self) {
    if let Output::Bars(bars) = &self.display {
      bars.clear();
    }
  }

  fn write(&self, mut stream: impl Write, text: &str) {
    let mut write = || {
      // It is not read any more: that is no reason to stop a transfer.
      let _ = stream.write_all(text.as_bytes());
      let _ = stream.flush();
    };
    match &self.display {
      Output::Bars(bars) => bars.suspend(write),
      _ => write(),
    }
  }
}

/// What the file is called where one would not expect it.
fn other_name(b: &BackgroundFetchSnapshot, ended: &Ended) -> String {
  match ended {
    Ended::Saved(path) if !path.ends_with(&b.id) => {
      format!(", saved as {}", text::printable(&path.to_string_lossy()))
    }
    _ => String::new(),
  }
}

/// The host that a download comes from, or the origin whose script has started
/// a background fetch.
fn owner(b: &BackgroundFetchSnapshot) -> String {
  let started_by = StartedBy::parse(b.embedder_data.as_deref());
  let url = match &started_by {
    Some(StartedBy::Download { download, .. }) => &download.url,
    _ => &b.scope,
  };
  let host = url.host_str().unwrap_or("no host");
  match url.port() {
    Some(port) => format!("{host}:{port}"),
    None => host.to_string(),
  }
}
