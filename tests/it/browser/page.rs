//! Pages that are HTML files.

use crate::browser::site::Site;
use support::Resource;

/// Runs `html` at `/app/`, with `worker` as its service worker.
fn run(site: &Site, html: &str, worker: &str) -> crate::cli::place::Ended {
  let page = site.place.write("page.html", html);
  let sw = site.place.write("sw.js", worker);
  let base = site.server.url("/app/");
  let arguments = [
    "--policy", "browser", "--quiet", "--base", &base, "--sw", &sw, &page,
  ];
  site.place.bgfetch("run", &arguments)
}

#[test]
fn scripts_run_in_the_order_of_html() {
  let site = Site::new();
  site
    .place
    .write("classic.js", "console.log('classic', shared());");
  site
    .place
    .write("late.js", "console.log('deferred', document.readyState);");
  site.place.write("value.js", "export const value = 5;");
  site
    .place
    .write("own.js", "await 0; console.log('own module');");
  let ended = run(
    &site,
    r#"<!doctype html>
    <title>Page</title>
    <script>function shared() { return 'of all'; } console.log(document.readyState);</script>
    <script defer src="late.js"></script>
    <body class="one two">
    <script type="module">
      import { value } from './value.js';
      console.log('module', value, shared());
    </script>
    <script src="classic.js"></script>
    <script type="module" src="own.js"></script>
    <script>
      document.addEventListener('DOMContentLoaded', (event) => console.log('content', event.isTrusted));
      addEventListener('DOMContentLoaded', () => console.log('content of the window'));
      addEventListener('load', () => console.log('load', document.readyState));
      document.onreadystatechange = () => console.log('now', document.readyState);
    </script>
    <script type="text/plain">no script</script>"#,
    "",
  );
  let expected = [
    "loading",
    "classic of all",
    "now interactive",
    "deferred interactive",
    "module 5 of all",
    "own module",
    "content true",
    "content of the window",
    "now complete",
    "load complete",
  ];
  let ended = ended.code(0);
  let lines: Vec<&str> = ended.stdout.lines().collect();
  assert_eq!(lines, expected, "{ended:#?}");
}

#[test]
fn a_script_that_throws_or_is_missing_stops_no_other_one() {
  let site = Site::new();
  let ended = run(
    &site,
    r#"<script>throw new Error('in the first');</script>
    <script src="no.js"></script>
    <script src="https://cdn.test/x.js"></script>
    <script type="module">throw new Error('in the module');</script>
    <script>addEventListener('load', () => console.log('load'));</script>"#,
    "",
  );
  let ended = ended.code(1);
  assert_eq!(ended.stdout, "load\n");
  for text in ["in the first", "in the module", "no.js", "cdn.test"] {
    assert!(ended.stderr.contains(text), "{text}: {ended:#?}");
  }
}

#[test]
fn elements_are_found_changed_and_clicked() {
  let site = Site::new();
  let ended = run(
    &site,
    r#"<main id="app"><p class="note big">Hello <b>you</b></p>
      <button data-url-name="film.mp4">Download</button></main>
    <script>
      const app = document.getElementById('app');
      const button = document.querySelector('#app > button[data-url-name]');
      button.addEventListener('click', (event) => console.log(event.type, event.isTrusted, button.dataset.urlName));
      button.click();
      const note = document.querySelector('main .note');
      note.classList.toggle('big');
      console.log(note.textContent, note.className, note.closest('main') === app);
      const bar = document.createElement('progress');
      bar.value = 3;
      app.append(bar, 'end');
      console.log(app.children.length, document.querySelectorAll('main > *').length, bar.parentElement === app, bar.value);
      bar.remove();
      button.disabled = true;
      console.log(app.lastChild === undefined, button.hasAttribute('disabled'), document.querySelector('#no'));
      try { document.querySelector('a:hover'); } catch (error) { console.log(error.name); }
    </script>"#,
    "",
  );
  let ended = ended.code(0);
  let expected = [
    "click true film.mp4",
    "Hello you note true",
    "3 3 true 3",
    "true true null",
    "SyntaxError",
  ];
  let lines: Vec<&str> = ended.stdout.lines().collect();
  assert_eq!(lines, expected, "{ended:#?}");
}

#[test]
fn a_page_downloads_and_its_own_policy_governs_it() {
  let site = Site::new();
  site.server.serve("/app/x", Resource::text("x"));
  let ended = run(
    &site,
    r#"<meta http-equiv="Content-Security-Policy" content="connect-src 'self'">
    <script type="module">
      addEventListener('load', async () => {
        await navigator.serviceWorker.register('sw.js');
        const registration = await navigator.serviceWorker.ready;
        await registration.backgroundFetch.fetch('x', 'x');
        fetch('http://127.0.0.1:9/').catch((error) => console.log(error.name));
      });
    </script>"#,
    "onbackgroundfetchsuccess = () => console.log('success');",
  );
  let ended = ended.code(0);
  let mut lines: Vec<&str> = ended.stdout.lines().collect();
  lines.sort_unstable();
  assert_eq!(lines, ["TypeError", "success"], "{ended:#?}");
}
