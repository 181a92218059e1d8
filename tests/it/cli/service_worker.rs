//! Pages with a service worker.

use crate::cli::place::BOUND;
use crate::cli::place::Ended;
use crate::cli::place::Place;
use support::Behaviour;
use support::FaultServer;
use support::Resource;

/// Registers the worker as a web page does, and starts a background fetch.
const PAGE: &str = "
  console.log('page', location.href);
  const { serviceWorker } = navigator;
  await serviceWorker.register('sw.js');
  const registration = await serviceWorker.ready;
  await registration.backgroundFetch.fetch('my', ['x.txt', '/held'], { title: 'Two' });
  console.log('the page is done');
";

/// Reads every record.
const WORKER: &str = "
  importScripts('lib/names.js');
  console.log('worker', location.href);
  onbackgroundfetchsuccess = (event) => event.waitUntil((async () => {
    for (const record of await event.registration.matchAll()) {
      const response = await record.responseReady;
      console.log(name(response.url), await response.text());
    }
  })());
";

fn write(place: &Place, page: &str, worker: &str) -> [String; 2] {
  std::fs::create_dir_all(place.path("lib")).unwrap();
  place.write(
    "lib/names.js",
    "const name = (url) => new URL(url).pathname;",
  );
  [place.write("sw.js", worker), place.write("page.js", page)]
}

fn serve(server: &FaultServer) {
  let held = Resource::text("held").script([Behaviour::Hold]);
  server.serve("/held", held);
  server.serve("/app/x.txt", Resource::text("x"));
}

fn run(place: &Place, arguments: &[&str], page: &str, worker: &str) -> Ended {
  let [sw, page] = write(place, page, worker);
  let arguments = [arguments, &["--sw", &sw, &page]].concat();
  place.bgfetch("run", &arguments)
}

#[test]
fn a_page_registers_its_worker_which_reads_every_record() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  serve(&server);
  let base = server.url("/app/page.html");
  let [sw, page] = write(&place, PAGE, WORKER);
  let out = place.out();
  let arguments = ["--base", &base, "--out", &out, "--sw", &sw, &page];
  let running = place.start("run", &arguments);
  running.line(|line| line == "the page is done");
  server.block_on(server.wait_until_stalled("/held", BOUND));
  server.release("/held");
  let ended = running.ended().code(0);
  assert_eq!(ended.stdout, "/app/x.txt x\n/held held\n");
  for line in ["my: \"Two\", 2 requests", "my: done"] {
    assert!(ended.stderr.contains(line), "{line}: {ended:#?}");
  }
  assert!(
    place.path("out/held").is_file() && place.path("out/x.txt").is_file()
  );
  // Its scripts came from the disk.
  let targets: Vec<_> =
    server.requests().into_iter().map(|r| r.target).collect();
  assert!(targets.iter().all(|t| !t.ends_with(".js")), "{targets:?}");
}

#[test]
fn a_page_that_was_killed_is_gone_and_its_worker_reads_every_record() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  serve(&server);
  let base = server.url("/app/");
  let [sw, page] = write(&place, PAGE, WORKER);
  let arguments = ["--base", &base, "--sw", &sw, &page];
  let running = place.start("run", &arguments);
  running.line(|line| line == "the page is done");
  server.block_on(server.wait_until_stalled("/held", BOUND));
  running.kill();
  // What is stored of them is enough.
  for file in [&sw, &page] {
    std::fs::remove_file(file).unwrap();
  }
  server.serve("/held", Resource::text("held"));
  let resumed = place.bgfetch("resume", &["--json"]).code(0);
  let objects = |line: &&str| line.starts_with("{\"event\":");
  assert!(
    resumed.stdout.lines().all(|line| objects(&line)),
    "{resumed:#?}"
  );
  let own = resumed
    .stderr
    .lines()
    .filter(|l| !l.starts_with("bgfetch: "));
  assert_eq!(
    own.collect::<Vec<_>>(),
    [
      &format!("worker {}", server.url("/app/sw.js")),
      "/app/x.txt x",
      "/held held"
    ],
  );
  assert_eq!(place.bgfetch("list", &[]).code(0).stdout, "");
}

#[test]
fn a_worker_may_be_a_module() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  serve(&server);
  place.write("own.js", "export const own = 'from the disk';");
  let other = Resource::text("export const other = 'from the network';");
  server.serve("/app/other.js", other.content_type("text/javascript"));
  let ended = run(
    &place,
    &["--base", &server.url("/app/")],
    "await navigator.serviceWorker.register('sw.js', { type: 'module' });",
    "import { own } from './own.js';
    import { other } from './other.js';
    oninstall = (event) => event.waitUntil((async () => {
      await new Promise((done) => setTimeout(done, 100));
      console.log(own, other);
    })());",
  );
  // The page has long been done when its worker is.
  let ended = ended.code(0);
  assert_eq!(ended.stdout, "from the disk from the network\n");
  assert_eq!(ended.stderr, "");
}

#[test]
fn what_fails_ends_with_status_1() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  serve(&server);
  let base = server.url("/app/");
  let run = |page, worker| run(&place, &["--base", &base], page, worker);
  let page = "await navigator.serviceWorker.register('sw.js');";
  let throws = run(page, "throw new Error('in the worker');").code(1);
  assert!(
    throws
      .stderr
      .contains("bgfetch: sw.js: Error: in the worker")
  );
  assert!(
    throws.stderr.contains("bgfetch: page.js: TypeError"),
    "{throws:?}"
  );
  let ended = run("throw new Error('in the page');", "").code(1);
  ended.says("page.js: Error: in the page");
  let late = "setTimeout(() => { throw new Error('late'); }, 1);
    oninstall = (e) => e.waitUntil(new Promise((r) => setTimeout(r, 200)));";
  run(page, late).code(1).says("sw.js: Error: late");
  let aborts = "
    await navigator.serviceWorker.register('sw.js');
    const { backgroundFetch } = await navigator.serviceWorker.ready;
    const my = await backgroundFetch.fetch('my', '/held');
    console.log(await my.abort());";
  let worker = "onbackgroundfetchabort = () => console.log('aborted');";
  let ended = run(aborts, worker).code(1);
  // The page and its worker are two threads: either may be first.
  let mut said: Vec<_> = ended.stdout.lines().collect();
  said.sort();
  assert_eq!(said, ["aborted", "true"]);
  ended.says("my was aborted");
}

#[test]
fn a_worker_that_cannot_start_any_more_keeps_its_event() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  serve(&server);
  let base = server.url("/app/");
  let worker = format!(
    "if (serviceWorker.state === 'activated') throw new Error('no more');
    {WORKER}"
  );
  let [sw, page] = write(&place, PAGE, &worker);
  let running = place.start("run", &["--base", &base, "--sw", &sw, &page]);
  running.line(|line| line == "the page is done");
  server.block_on(server.wait_until_stalled("/held", BOUND));
  running.kill();
  server.serve("/held", Resource::text("held"));
  // Each time, it is tried and given up.
  for _ in 0..2 {
    let ended = place.bgfetch("resume", &[]).code(1);
    assert!(ended.stderr.contains("sw.js: Error: no more"), "{ended:#?}");
    assert!(
      ended
        .stderr
        .contains("wait for a service worker that cannot")
    );
    let listed = place.bgfetch("list", &[]).code(0).stdout;
    assert!(listed.starts_with("my  succeeded"), "{listed}");
  }
}

#[test]
fn an_event_whose_handler_was_killed_comes_again() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  server.serve("/app/x.txt", Resource::text("x"));
  server.serve("/held", Resource::text("held"));
  let base = server.url("/app/");
  let worker = "
    onbackgroundfetchsuccess = (event) => {
      console.log('at work');
      event.waitUntil(new Promise(() => {}));
    };";
  let [sw, page] = write(&place, PAGE, worker);
  let running = place.start("run", &["--base", &base, "--sw", &sw, &page]);
  running.line(|line| line == "at work");
  running.kill();
  for _ in 0..2 {
    let resumed = place.start("resume", &[]);
    resumed.line(|line| line == "at work");
    resumed.kill();
  }
  let listed = place.bgfetch("list", &[]).code(0).stdout;
  assert!(listed.starts_with("my  succeeded"), "{listed}");
  assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_scope_goes_from_one_form_to_the_other_when_it_is_free() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  serve(&server);
  server.serve("/held", Resource::text("held"));
  let base = server.url("/app/");
  run(&place, &["--base", &base], PAGE, WORKER).code(0);
  let script = place.write(
    "script.js",
    "onbackgroundfetchsuccess = ({ registration }) =>
      console.log('script', registration.id);
    console.log(registration.active.scriptURL === location.href);
    await registration.backgroundFetch.fetch('own', 'x.txt');",
  );
  // The page's worker is not asked.
  let ended = place.bgfetch("run", &["--base", &base, &script]).code(0);
  assert_eq!(ended.stdout, "true\nscript own\n");
  // And back, but not before everything is finished.
  let held = Resource::text("held").script([Behaviour::Hold]);
  server.serve("/held", held);
  let [sw, page] = write(&place, PAGE, WORKER);
  let running = place.start("run", &["--base", &base, "--sw", &sw, &page]);
  running.line(|line| line == "the page is done");
  server.block_on(server.wait_until_stalled("/held", BOUND));
  running.kill();
  for arguments in [
    &["--base", &base, &page] as &[&str],
    &["--base", &base, &script],
  ] {
    place.bgfetch("run", arguments).code(2).says("page.js");
  }
  // The same page may come again: its background fetch is still there.
  let held = Resource::text("held").script([Behaviour::Hold]);
  server.serve("/held", held);
  let page = PAGE.replace(
    "title: 'Two' });",
    "}).catch(({ name }) => console.log(name));",
  );
  let [sw, page] = write(&place, &page, WORKER);
  let again = place.start("run", &["--base", &base, "--sw", &sw, &page]);
  again.line(|line| line == "TypeError");
  server.release("/held");
  assert!(again.ended().code(0).stdout.ends_with("/held held\n"));
}

#[test]
fn a_worker_whose_file_has_changed_is_replaced_before_the_page_runs() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  serve(&server);
  server.serve("/held", Resource::text("held"));
  let base = server.url("/app/");
  for version in ["one", "two"] {
    let worker =
      format!("onbackgroundfetchsuccess = () => console.log('{version}');");
    let ended = run(&place, &["--base", &base], PAGE, &worker).code(0);
    // The event may come before the page has said its last.
    assert!(
      ended.stdout.lines().any(|line| line == version),
      "{ended:#?}"
    );
  }
  // One that does not work any more is notified of, and the old one stays.
  let ended = run(&place, &["--base", &base], PAGE, "((").code(1);
  let mut errors = ended.stderr.lines();
  assert!(
    errors.any(|line| line.starts_with("bgfetch: sw.js: ")
      && line.contains("SyntaxError")),
    "{ended:#?}"
  );
  assert!(ended.stdout.ends_with("two\n"), "{ended:#?}");
}

/// The file can be opened when the command starts, and not be read when the
/// worker is looked for: no host has it to report.
#[cfg(target_os = "linux")]
#[test]
fn a_worker_whose_file_cannot_be_read_any_more_ends_with_status_1() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let base = server.url("/app/");
  let page = place.write(
    "page.js",
    "await navigator.serviceWorker.register('mem');
    const { active } = await navigator.serviceWorker.ready;
    console.log(active.state);",
  );
  let worker = place.write("mem", "onmessage = () => {};");
  let run =
    |sw: &str| place.bgfetch("run", &["--base", &base, "--sw", sw, &page]);
  run(&worker).code(0);
  let ended = run("/proc/self/mem").code(1);
  let errors: Vec<_> = ended.stderr.lines().collect();
  let is_said = |line: &&&str| {
    line.starts_with("bgfetch: mem: ") && line.contains("cannot be read")
  };
  assert_eq!(errors.iter().filter(is_said).count(), 1, "{ended:#?}");
  // The one before stays.
  assert_eq!(ended.stdout, "activated\n");
}

#[test]
fn a_listener_of_the_worker_that_throws_ends_with_status_1() {
  let place = Place::new();
  let page = "await navigator.serviceWorker.register('sw.js');
    (await navigator.serviceWorker.ready).active.postMessage(1);
    await new Promise((done) => setTimeout(done, 300));";
  for (worker, says) in [
    (
      "onmessage = () => { throw new Error('message'); };",
      "sw.js: Error: message",
    ),
    (
      "oninstall = (e) => e.waitUntil(Promise.reject(new Error('install')));",
      "sw.js: Error: install",
    ),
    (
      "onactivate = () => { throw new Error('activate'); };",
      "sw.js: Error: activate",
    ),
  ] {
    let page = match says.contains("install") {
      true => "await navigator.serviceWorker.register('sw.js');",
      false => page,
    };
    run(&place, &[], page, worker).code(1).says(says);
  }
}

#[test]
fn blobs_files_and_buffers_come_to_the_worker_with_their_bytes() {
  let place = Place::new();
  let page = "await navigator.serviceWorker.register('sw.js');
    const { active } = await navigator.serviceWorker.ready;
    const blob = new Blob(['a blob']);
    const file = new File([blob, '!'], 'name', { lastModified: 5 });
    const bytes = new TextEncoder().encode('bytes');
    const answered = new Promise((resolve) =>
      navigator.serviceWorker.onmessage = resolve);
    active.postMessage(
      { blob, file, bytes, error: new RangeError('error') }, [bytes.buffer]);
    console.log(bytes.byteLength);
    console.log(await (await answered).data.text());";
  let worker = "onmessage = (event) => event.waitUntil((async () => {
      const { blob, file, bytes, error } = event.data;
      const { name, lastModified } = file;
      const text = [await blob.text(), await file.text(), name, lastModified,
        new TextDecoder().decode(bytes), error instanceof RangeError].join();
      event.source.postMessage(new Blob([text]));
    })());";
  let ended = run(&place, &[], page, worker).code(0);
  assert_eq!(ended.stdout, "0\na blob,a blob!,name,5,bytes,true\n");
}

#[test]
fn a_module_that_awaits_at_its_top_level_is_no_worker() {
  let page = "await navigator.serviceWorker.register(
      'sw.js', { type: 'module' }).then(
        () => console.log('registered'), ({ name }) => console.log(name));";
  for (worker, dependency, prints) in [
    ("await 0;", "", "TypeError\n"),
    ("const x = await 0;", "", "TypeError\n"),
    ("await new Promise(() => {});", "", "TypeError\n"),
    (
      "import './dep.js';",
      "export const y = await 1;",
      "TypeError\n",
    ),
    (
      "import './dep.js'; Promise.resolve().then(() => {});",
      "export const y = async () => { await 1; };",
      "registered\n",
    ),
  ] {
    let place = Place::new();
    place.write("dep.js", dependency);
    let ended = run(&place, &[], page, worker).code(0);
    assert_eq!(ended.stdout, prints, "{worker}");
  }
}

#[test]
fn a_module_has_no_import_scripts() {
  let place = Place::new();
  let page = "await navigator.serviceWorker.register(
      'sw.js', { type: 'module' });";
  let worker = "for (const urls of [[], ['./lib.js']]) {
      try { importScripts(...urls); } catch (error) { console.log(error.name); }
    }";
  let ended = run(&place, &[], page, worker).code(0);
  assert_eq!(ended.stdout, "TypeError\nTypeError\n");
}
