//! Pages with a service worker.

use crate::place::BOUND;
use crate::place::Ended;
use crate::place::Place;
use crate::support::Behaviour;
use crate::support::FaultServer;
use crate::support::Resource;

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
