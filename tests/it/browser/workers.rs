//! Dedicated workers, and `EventSource`.

use crate::browser::site::Site;
use support::Behaviour;
use support::Resource;

const HELPERS: &str = "
  const of = (code, options) => new Worker(
    URL.createObjectURL(new Blob([code], { type: 'text/javascript' })), options);
  const first = (worker) => new Promise((done, fail) => {
    worker.onmessage = (event) => done(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      fail(Object.assign(new Error(), { name: event.message ?? event.type }));
    };
  });
";

#[test]
fn a_worker_computes_and_hands_its_result_back() {
  let site = Site::new();
  site.place.write("worker.js", "importScripts('lib/double.js'); onmessage = (e) => postMessage(double(e.data));");
  std::fs::create_dir_all(site.place.path("lib")).unwrap();
  site
    .place
    .write("lib/double.js", "var double = (n) => n * 2;");
  site.place.write("module.js", "import { triple } from './lib/triple.js'; onmessage = (e) => postMessage(triple(e.data));");
  site
    .place
    .write("lib/triple.js", "export const triple = (n) => n * 3;");
  let page = format!(
    "{HELPERS}
    const ask = (worker, message, transfer) => {{
      const answer = first(worker);
      worker.postMessage(message, transfer);
      return answer;
    }};
    const classic = new Worker('worker.js');
    await say('classic', () => ask(classic, 21));
    await say('again', () => ask(classic, 22));
    const module = new Worker('module.js', {{ type: 'module' }});
    await say('module', () => ask(module, 5));
    await say('blob', () => first(of('postMessage([name, self instanceof DedicatedWorkerGlobalScope, typeof fetch, typeof window])', {{ name: 'mine' }})));
    await say('nested', () => first(of(`
      const inner = new Worker(URL.createObjectURL(new Blob(['postMessage(7)'])));
      inner.onmessage = (event) => postMessage(event.data + 1);`)));
    const buffer = new ArrayBuffer(5);
    await say('transferred', async () => {{
      const back = await ask(of('onmessage = (e) => postMessage(e.data, [e.data])'), buffer, [buffer]);
      return [buffer.byteLength, back.byteLength];
    }});
    await say('port', () => {{
      const {{ port1, port2 }} = new MessageChannel();
      of('onmessage = (e) => e.ports[0].postMessage(1)').postMessage(0, [port2]);
      return new Promise((done) => port1.onmessage = (e) => {{ port1.close(); done(e.data); }});
    }});
    // Whatever they have to do still is waited for, and what they are is not.
    of('setTimeout(() => postMessage(0), 300)').onmessage = () => console.log('late');"
  );
  let lines = site.lines_with(&page, "");
  let expected = [
    "classic: 42",
    "again: 44",
    "module: 15",
    "blob: mine true function undefined",
    "nested: 8",
    "transferred: 0 5",
    "port: 1",
    "late",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn a_worker_that_fails_says_so_and_one_that_loops_is_terminated() {
  let site = Site::new();
  let page = format!(
    "{HELPERS}
    await say('throws', () => first(of('throw new TypeError(\"mine\")')));
    await say('later', () => first(of('setTimeout(() => {{ throw new Error(\"later\") }})')));
    await say('syntax', () => first(of('let let')));
    await say('missing', () => first(new Worker('no.js')));
    await say('other origin', () => first(new Worker('@OTHER@/x.js')));
    await say('clone', async () => of('').postMessage(() => {{}}));
    await say('url', async () => new Worker('http://['));
    const loops = of('postMessage(1); for (;;);');
    await say('loops', () => first(loops));
    loops.terminate();
    await say('closed', () => first(of('postMessage(2); close(); for (let i = 0; i < 9; i++);')));"
  );
  let lines = site.lines_with(&page, "");
  let expected = [
    "throws: TypeError: mine",
    "later: Error: later",
    "loops: 1",
    "closed: 2",
    "clone: DataCloneError",
    "url: SyntaxError",
    "other origin: error",
  ];
  for line in expected {
    assert!(lines.iter().any(|said| said == line), "{line}: {lines:#?}");
  }
  assert_eq!(lines.len(), 9, "{lines:#?}");
}

#[test]
fn whatever_a_worker_throws_wherever_its_owner_hears_of_it() {
  let site = Site::new();
  site.place.write("throws.js", "throw Symbol('imported')");
  let page = format!(
    "{HELPERS}
    const fails = (worker, message) => new Promise((done) => {{
      worker.onerror = (event) => {{
        event.preventDefault();
        worker.terminate();
        done('error');
      }};
      if (message !== undefined) worker.postMessage(message);
    }});
    const thrown = ['Symbol()', 'undefined', 'Object.create(null)',
      'new Proxy({{}}, {{ get() {{ throw 1; }} }})', 'Object.freeze(new Error())'];
    for (const value of thrown) {{
      await say('classic', () => fails(of(`throw ${{value}}`)));
      await say('module', () => fails(of(`throw ${{value}}`, {{ type: 'module' }})));
      await say('listener', () => fails(of(`onmessage = () => {{ throw ${{value}}; }}`), 1));
      await say('rejection', () => fails(of(`Promise.reject(${{value}})`)));
    }}
    const importer = new Worker('importer.js');
    await say('import', () => fails(importer));"
  );
  site
    .place
    .write("importer.js", "importScripts('throws.js');");
  let lines = site.lines_with(&page, "");
  let each = ["classic", "module", "listener", "rejection"];
  let mut expected = each.repeat(5);
  expected.push("import");
  let expected: Vec<_> = expected
    .iter()
    .map(|name| format!("{name}: error"))
    .collect();
  assert_eq!(lines, expected);
}

#[test]
fn what_a_listener_in_a_worker_throws_is_the_scripts_error() {
  let site = Site::new();
  let page = format!(
    "{HELPERS}
    of('onmessage = () => {{ throw new Error(\"lost\"); }}').postMessage(1);"
  );
  let ended = site.run(&page, Some("")).code(1);
  assert!(ended.stderr.contains("lost"), "{ended:#?}");
}

#[test]
fn workers_of_workers_count_as_those_of_the_page() {
  let site = Site::new();
  let page = format!(
    "{HELPERS}
    const source = `onmessage = ({{ data: {{ source, depth }} }}) => {{
      const inner = new Worker(URL.createObjectURL(new Blob([source])));
      inner.onmessage = (event) => postMessage(event.data);
      inner.onerror = (event) => {{ event.preventDefault(); postMessage(depth); }};
      inner.postMessage({{ source, depth: depth + 1 }});
    }}`;
    const outer = of(source);
    await say('the last is at', () => {{
      const answer = first(outer);
      outer.postMessage({{ source, depth: 1 }});
      return answer;
    }});
    outer.terminate();"
  );
  assert_eq!(site.lines_with(&page, ""), ["the last is at: 32"]);
}

#[test]
fn a_blob_url_works_in_every_realm_of_its_origin() {
  let site = Site::new();
  let page = format!(
    "{HELPERS}
    const read = 'onmessage = async ({{ data }}) => postMessage(await fetch(data).then((r) => r.text(), (e) => e.name));';
    const url = URL.createObjectURL(new Blob(['from the page']));
    const reader = of(read);
    const ask = () => {{
      const answer = first(reader);
      reader.postMessage(url);
      return answer;
    }};
    await say('read', ask);
    URL.revokeObjectURL(url);
    await say('revoked', ask);
    const maker = of('postMessage(URL.createObjectURL(new Blob([\"from the worker\"])))');
    const made = await first(maker);
    await say('made', async () => (await fetch(made)).text());"
  );
  let expected = [
    "read: from the page",
    "revoked: TypeError",
    "made: from the worker",
  ];
  assert_eq!(site.lines_with(&page, ""), expected);
}

#[test]
fn a_broadcast_carries_blobs_to_every_channel() {
  let site = Site::new();
  let page = format!(
    "{HELPERS}
    const hear = (channel) => new Promise((done) =>
      channel.onmessage = async ({{ data }}) => {{
        channel.close();
        done(`${{await data.blob.text()}} ${{data.again === data.blob}} ${{await data.file.text()}} ${{data.file.name}}`);
      }});
    const heard = [hear(new BroadcastChannel('b')), hear(new BroadcastChannel('b'))];
    of(`const blob = new Blob(['one']);
      new BroadcastChannel('b').postMessage({{ blob, again: blob, file: new File(['two'], 'name') }});`);
    for (const one of heard) console.log(await one);"
  );
  let expected = ["one true two name", "one true two name"];
  assert_eq!(site.lines_with(&page, ""), expected);
}

#[test]
fn an_error_that_is_not_prevented_is_the_scripts() {
  let site = Site::new();
  let page =
    "new Worker(URL.createObjectURL(new Blob(['throw new Error(\"lost\")'])));";
  let ended = site.run(page, Some("")).code(1);
  assert!(ended.stderr.contains("lost"), "{ended:#?}");
}

#[test]
fn a_service_worker_has_event_sources_too() {
  let site = Site::new();
  let stream =
    Resource::text("data: one\n\n").content_type("text/event-stream");
  site.server.serve("/events", stream);
  let script = "const source = new EventSource('/events');
    source.onmessage = ({ data }) => { console.log(data); source.close(); };";
  assert_eq!(site.lines(script), ["one"]);
}

#[test]
fn an_event_source_that_opens_while_it_is_closed_ends_its_connection() {
  let site = Site::new();
  let stream =
    Resource::text("data: one\n\n").content_type("text/event-stream");
  let script = "const source = new EventSource('/stalled');
    importScripts('/held.js');
    source.close();
    fetch('/end').then(() => console.log('end', source.readyState));";
  let ended = site.run_unheard(stream, script, None);
  assert_eq!(ended.stdout, "end 2\n", "{ended:#?}");
}

#[test]
fn an_event_source_hears_events_and_comes_back_with_the_last_id() {
  let site = Site::new();
  let stream = "retry: 10\n: nothing\n\ndata: one\n\nevent: named\r\ndata: two\r\ndata:lines\r\nid: 7\r\n\r\ndata: unfinished";
  let stream = Resource::text(stream).content_type("text/event-stream");
  site.server.serve("/events", stream);
  site.server.serve("/text", Resource::text("no events"));
  let gone = Resource::text("").script([Behaviour::Status(204)]);
  site.server.serve("/gone", gone);
  let lines = site.lines_with(
    "const source = new EventSource('/events');
    console.log(source.readyState, source.withCredentials, source.url === origin + '/events');
    source.onopen = () => console.log('open', source.readyState);
    source.onmessage = (event) => console.log(event.data, JSON.stringify(event.lastEventId), event.origin === origin);
    let times = 0;
    await new Promise((done) => source.addEventListener('named', (event) => {
      console.log(event.data.replace('\\n', '|'), event.lastEventId);
      if (++times === 2) done();
    }));
    source.close();
    const failed = (url) => new Promise((done) => {
      const source = new EventSource(url);
      source.onerror = () => done(source.readyState);
    });
    await say('text', () => failed('/text'));
    await say('gone', () => failed('/gone'));",
    "",
  );
  let expected = [
    "0 false true",
    "open 1",
    "one \"\" true",
    "two|lines 7",
    "open 1",
    "one \"7\" true",
    "two|lines 7",
    "text: 2",
    "gone: 2",
  ];
  assert_eq!(lines, expected);
  let requests = site.server.requests_for("/events");
  let id = requests[1]
    .headers
    .iter()
    .find(|(n, _)| n == "last-event-id");
  assert_eq!(id.map(|(_, value)| value.as_str()), Some("7"));
}
