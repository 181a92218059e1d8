//! Whole screens, as they were accepted. What differs from run to run is
//! written as `#` (ports), `HOST`, `RATE` and `TIME`.

use std::time::Instant;

use crate::cli::place::BOUND;
use crate::cli::place::Place;
use crate::cli::terminal::Terminal;
use crate::cli::terminal::films;
use crate::cli::terminal::get_with_keys;
use crate::cli::terminal::get_without_keys;
use support::Behaviour;
use support::FaultServer;
use support::Resource;

/// Without what differs from run to run. Films that are beside each other come
/// in any order.
fn lasting(screen: &str) -> String {
  let rows = screen.lines().map(|row| lasting_row(row.trim_end()));
  let mut rows: Vec<_> = rows.collect();
  for films in rows.chunk_by_mut(|a, b| a.is_film() == b.is_film()) {
    if films[0].is_film() {
      films.sort();
    }
  }
  rows.join("\n").trim_end().to_string() + "\n"
}

trait Row {
  fn is_film(&self) -> bool;
}

impl Row for String {
  fn is_film(&self) -> bool {
    self.starts_with("film-") && self.contains('(')
  }
}

/// What stands from the first row about a film on; what is above has ended, in
/// any order.
fn from_films(screen: &str) -> String {
  let rows = screen.lines().skip_while(|row| !row.starts_with("film"));
  rows.map(|row| format!("{row}\n")).collect()
}

fn lasting_row(row: &str) -> String {
  let mut row = row.to_string();
  if let Some(unit) = row.find("B/s") {
    let number = row[..unit]
      .trim_end_matches(['K', 'M', 'G', 'i'])
      .trim_end();
    let number =
      number.trim_end_matches(|c: char| c == '.' || c.is_ascii_digit());
    // A rate that takes more room leaves less for the host.
    let words = number.split_whitespace().map(|word| {
      match word.starts_with("(127.0.0.1") {
        true => "(HOST)",
        false => word,
      }
    });
    let words: Vec<_> = words.collect();
    return format!("{} RATE", words.join(" "));
  }
  if let Some((before, _)) = row.split_once(" in ")
    && before.starts_with('✓')
  {
    row = format!("{before} in TIME");
  }
  let mut parts = row.split("127.0.0.1:");
  let mut lasting = parts.next().unwrap_or_default().to_string();
  for part in parts {
    let digits = part.find(|c: char| !c.is_ascii_digit());
    let digits = digits.unwrap_or(part.len());
    lasting += "127.0.0.1:";
    lasting += &"#".repeat(digits);
    lasting += &part[digits..];
  }
  lasting
}

fn assert_screen(name: &str, screen: &str) {
  let mut settings = insta::Settings::clone_current();
  settings.set_snapshot_path("screens");
  settings.set_prepend_module_to_snapshot(false);
  settings.set_omit_expression(true);
  settings.bind(|| insta::assert_snapshot!(name, screen));
}

impl Terminal {
  /// Waits until the screen is the accepted one; else what it shows in the end
  /// is compared with that.
  fn assert_shows(&mut self, name: &str) {
    let file = format!(
      "{}/tests/it/cli/screens/{name}.snap",
      env!("CARGO_MANIFEST_DIR")
    );
    let accepted = std::fs::read_to_string(file).unwrap_or_default();
    let accepted = accepted.splitn(3, "---\n").nth(2).unwrap_or_default();
    // One that is not there yet is what is shown in a while.
    let is_new = accepted.trim().is_empty();
    let bound = if is_new { BOUND / 12 } else { BOUND };
    let begin = Instant::now();
    loop {
      let shown = from_films(&lasting(&self.rows()));
      let is_accepted = !is_new && shown.trim() == accepted.trim();
      if is_accepted || begin.elapsed() > bound {
        return assert_screen(name, &shown);
      }
      self.read_a_little();
    }
  }
}

/// Two films under way, a file that is there and one that is missing.
fn four(server: &FaultServer) -> Vec<String> {
  let mut urls = films(server, 2);
  urls.push(server.serve("/small.txt", Resource::bytes(1000, 3)));
  let missing = Resource::text("").script([Behaviour::Status(404)]);
  urls.push(server.serve("/missing.txt", missing));
  urls
}

/// `get` of these, when the films stand still and the others have ended.
fn started(
  place: &Place,
  server: &FaultServer,
  columns: u16,
  keys: bool,
) -> Terminal {
  let urls = four(server);
  let mut command = match keys {
    true => get_with_keys(place, &urls),
    false => get_without_keys(place, &urls),
  };
  // The others end before it, in this order.
  command.args(["-j", "4"]);
  let mut terminal = Terminal::start_with(command, columns, keys);
  terminal.wait_for_row(|row| row.starts_with("✓ small.txt"));
  terminal.wait_for_row(|row| row.starts_with("✗ missing.txt"));
  for film in ["/film-0.bin", "/film-1.bin"] {
    server.block_on(server.wait_until_stalled(film, BOUND));
  }
  terminal
}

#[test]
fn keys_and_what_they_do() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let mut terminal = started(&place, &server, 80, true);
  terminal.assert_shows("under_way");
  terminal.press("d");
  terminal.wait_for_row(|row| row.starts_with("film-1.bin: 1 MiB of 4 MiB"));
  terminal.press("p");
  terminal.wait_for_row(|row| {
    row.starts_with("film-1.bin (") && row.trim_end().ends_with("paused")
  });
  terminal.press("a");
  terminal.assert_shows("paused_and_asked");
  terminal.press("n");
  terminal.wait_for_row(|row| row.starts_with("p pause"));
  terminal.press("q");
  let (code, screen) = terminal.end();
  assert_eq!(code, Some(130), "{screen}");
  assert_screen("quit", &from_films(&lasting(&screen)));
}

#[test]
fn a_narrow_terminal_that_is_made_wide() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let urls = films(&server, 2);
  let command = get_without_keys(&place, &urls);
  let mut terminal = Terminal::start_with(command, 60, false);
  for film in ["/film-0.bin", "/film-1.bin"] {
    server.block_on(server.wait_until_stalled(film, BOUND));
  }
  terminal.assert_shows("narrow");
  terminal.resize(100);
  // A part of what was there is drawn again.
  terminal.wait_for_row(|row| {
    row.starts_with("0 of 2 done") && row.contains("2.00 MiB of 8.00 MiB")
  });
  for film in ["/film-0.bin", "/film-1.bin"] {
    server.release(film);
  }
  let (code, screen) = terminal.end();
  assert_eq!(code, Some(0), "{screen}");
  // Nothing is left of the bars.
  assert!(!screen.contains("0 of 2 done"), "{screen}");
}

#[test]
fn hundreds_of_files_are_counted_and_few_are_shown() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let held =
    Resource::bytes(4 << 20, 1).script([Behaviour::StallAfter(1 << 20)]);
  let held = server.serve("/film.bin", held);
  let mut urls = Vec::new();
  for index in 0..200 {
    let small = Resource::text("x");
    urls.push(server.serve(&format!("/{index}.txt"), small));
  }
  urls.push(held);
  let command = get_without_keys(&place, &urls);
  let mut terminal = Terminal::start_with(command, 80, false);
  server.block_on(server.wait_until_stalled("/film.bin", BOUND));
  terminal.wait_for_row(|row| row.starts_with("200 of 201 done"));
  terminal.assert_shows("many");
  server.release("/film.bin");
  let (code, screen) = terminal.end();
  assert_eq!(code, Some(0), "{screen}");
  assert_screen("many_done", &lasting(&screen));
}

#[test]
fn nothing_is_coloured_where_that_is_not_wanted() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let missing = Resource::text("").script([Behaviour::Status(404)]);
  let url = server.serve("/missing", missing);
  let mut command = get_without_keys(&place, &[url]);
  command.env("NO_COLOR", "1");
  let mut terminal = Terminal::start_with(command, 80, false);
  terminal.wait_for_row(|row| row.starts_with("✗ missing: failed"));
  let screen = terminal.screen.screen();
  let (rows, columns) = screen.size();
  for row in 0..rows {
    for column in 0..columns {
      let cell = screen.cell(row, column).unwrap();
      assert_eq!(cell.fgcolor(), vt100::Color::Default);
      assert_eq!(cell.bgcolor(), vt100::Color::Default);
    }
  }
  let (code, screen) = terminal.end();
  assert_eq!(code, Some(1));
  assert_screen("failed", &lasting(&screen));
}
