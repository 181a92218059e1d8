//! Pages whose requests their service worker answers.

use crate::browser::site::Site;
use support::Behaviour;
use support::Resource;

/// Waits until a worker controls the page.
const CONTROLLED: &str = "
  const { serviceWorker } = navigator;
  const controlled = new Promise((done) => {
    serviceWorker.oncontrollerchange = done;
  });
  await serviceWorker.register('sw.js');
  await controlled;
";

const CLAIM: &str = "
  oninstall = () => skipWaiting();
  onactivate = (event) => event.waitUntil(clients.claim());
";

#[test]
fn a_worker_answers_passes_on_refuses_and_leaves_requests_alone() {
  let site = Site::new();
  site.server.serve("/app/real", Resource::text("real"));
  site.server.serve("/echo", Resource::echo());
  site.other.serve("/opaque", Resource::text("opaque"));
  let page = format!(
    "await say('before', async () => (await fetch('made')).status);
    {CONTROLLED}
    const get = (url, options) => async () => {{
      const r = await fetch(url, options);
      return [r.status, r.type, r.url.split('/').pop(), await r.text()];
    }};
    await say('made', get('made', {{ method: 'POST', body: 'sent', headers: {{ 'x-mine': '1' }} }}));
    await say('real', get('real'));
    await say('passed', get('passed'));
    await say('late', get('late'));
    await say('stream', get('stream'));
    await say('echo', get('/echo', {{ method: 'POST', body: 'body' }}));
    await say('error', get('error'));
    await say('rejected', get('rejected'));
    await say('nothing', get('nothing'));
    await say('prevented', get('prevented'));
    await say('opaque', get('opaque'));
    await say('opaque', get('opaque', {{ mode: 'no-cors' }}));
    await say('throws', get('throws'));
    await say('used', get('used'));"
  );
  let worker = format!(
    "{CLAIM}
    const answers = {{
      async made(event) {{
        const {{ request, clientId }} = event;
        const client = await clients.get(clientId);
        return new Response([request.method, request.headers.get('x-mine'), await request.text(), request.mode, client.url.endsWith('/app/'), event.isTrusted].join());
      }},
      passed: () => fetch('real'),
      late: () => new Promise((done) => setTimeout(() => done(new Response('late')), 20)),
      stream: () => new Response(new ReadableStream({{
        async pull(controller) {{
          this.n = (this.n ?? 0) + 1;
          if (this.n > 3) controller.close();
          else controller.enqueue(new TextEncoder().encode(String(this.n)));
        }},
      }})),
      error: () => Response.error(),
      rejected: () => Promise.reject(new Error('mine')),
      nothing: () => 'no response',
      opaque: () => fetch('@OTHER@/opaque', {{ mode: 'no-cors' }}),
      async used() {{
        const response = new Response('x');
        await response.text();
        return response;
      }},
    }};
    addEventListener('fetch', (event) => {{
      const name = new URL(event.request.url).pathname.split('/').pop();
      if (name === 'prevented') event.preventDefault();
      if (name === 'throws') {{
        try {{
          event.respondWith(new Response('first'));
          event.respondWith(new Response('second'));
        }} catch (error) {{
          console.log(error.name);
        }}
      }}
      if (answers[name]) {{
        // What is rejected is the page's error, and not this worker's.
        const answer = (async () => answers[name](event))();
        event.respondWith(answer);
      }}
    }});"
  );
  let ended = site.run(&page, Some(&worker));
  let lines: Vec<&str> = ended.stdout.lines().collect();
  let expected = [
    "before: 404",
    "made: 200 default made POST,1,sent,cors,true,true",
    "real: 200 basic real real",
    "passed: 200 basic real real",
    "late: 200 default late late",
    "stream: 200 default stream 123",
    "echo: 200 basic echo body",
    "error: TypeError",
    "rejected: TypeError",
    "nothing: TypeError",
    "prevented: TypeError",
    "opaque: TypeError",
    "opaque: 0 opaque  ",
    "InvalidStateError",
    "throws: 200 default throws first",
    "used: TypeError",
  ];
  assert_eq!(lines, expected, "{ended:#?}");
}

#[test]
fn an_offline_page_comes_from_the_cache() {
  let site = Site::new();
  site.server.serve("/app/shell", Resource::text("shell"));
  let page = format!(
    "{CONTROLLED}
    await say('shell', async () => (await fetch('shell')).text());
    await say('other', async () => (await fetch('other')).text());"
  );
  let worker = "
    addEventListener('install', (event) => event.waitUntil((async () => {
      const cache = await caches.open('shell');
      await cache.addAll(['shell']);
      await cache.put('offline', new Response('you are offline'));
      await skipWaiting();
    })()));
    addEventListener('activate', (event) => event.waitUntil(clients.claim()));
    addEventListener('fetch', (event) => event.respondWith((async () => {
      const cached = await caches.match(event.request);
      if (cached) return cached;
      const response = await fetch(event.request);
      return response.ok ? response : caches.match('offline');
    })()));";
  let lines = site.lines_with(&page, worker);
  assert_eq!(lines, ["shell: shell", "other: you are offline"]);
  // Once, when the worker was installed.
  assert_eq!(site.server.requests_for("/app/shell").len(), 1);
}

#[test]
fn the_scripts_of_a_dedicated_worker_come_through_its_service_worker() {
  let site = Site::new();
  let page = format!(
    "{CONTROLLED}
    const first = (worker) => new Promise((done, fail) => {{
      worker.onmessage = (event) => done(event.data);
      worker.onerror = (event) => {{
        event.preventDefault();
        fail(new TypeError(event.message));
      }};
    }});
    await say('classic', () => first(new Worker('main-c.js')));
    await say('module', () => first(new Worker('main-m.js', {{ type: 'module' }})));
    await say('not a script', () => first(new Worker('main-t.js')));
    await say('missing', () => first(new Worker('main-404.js')));"
  );
  let worker = format!(
    "{CLAIM}
    const js = {{ headers: {{ 'content-type': 'text/javascript' }} }};
    const answers = {{
      'main-c.js': () => new Response('importScripts(`part-c.js`); postMessage(part);', js),
      'part-c.js': () => new Response('var part = `imported`;', js),
      'main-m.js': () => new Response(
        'import {{ part }} from `./part-m.js`;'.replaceAll('`', '\"') +
        'import(`./late.js`).then(({{ late }}) => postMessage(part + late));', js),
      'part-m.js': () => new Response('export const part = `static `;', js),
      'late.js': () => new Response('export const late = `and dynamic`;', js),
      'main-t.js': () => new Response('postMessage(1)'),
      'main-404.js': () => new Response('postMessage(1)', {{ ...js, status: 404 }}),
    }};
    addEventListener('fetch', (event) => {{
      const answer = answers[new URL(event.request.url).pathname.split('/').pop()];
      if (answer) event.respondWith(answer());
    }});"
  );
  let lines = site.lines_with(&page, &worker);
  let expected = [
    "classic: imported",
    "module: static and dynamic",
    "not a script: TypeError",
    "missing: TypeError",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn a_request_that_the_page_aborts_is_aborted_in_its_worker() {
  let site = Site::new();
  let slow = Resource::text("slow").script([Behaviour::Hold]);
  site.server.serve("/app/slow", slow);
  let page = format!(
    "{CONTROLLED}
    const controller = new AbortController();
    const heard = (what) => new Promise((done) => {{
      serviceWorker.addEventListener('message', ({{ data }}) => {{
        if (data === what) done(data);
      }});
    }});
    const asked = heard('asked');
    const aborted = heard('aborted AbortError');
    const slow = say('slow', () => fetch('slow', {{ signal: controller.signal }}));
    await asked;
    controller.abort();
    await slow;
    await say('worker', () => aborted);
    await say('answered', async () => (await fetch('made')).text());
    await say('still', async () => (await fetch('made')).text());"
  );
  let worker = format!(
    "{CLAIM}
    let last;
    onfetch = (event) => event.respondWith((async () => {{
      const {{ request }} = event;
      if (request.url.endsWith('made')) {{
        const before = last?.signal.aborted;
        last = request;
        return new Response(String(before));
      }}
      const client = await clients.get(event.clientId);
      client.postMessage('asked');
      try {{
        return await fetch(request);
      }} catch (error) {{
        client.postMessage('aborted ' + error.name);
        return new Response('nothing waits for it');
      }}
    }})());"
  );
  let lines = site.lines_with(&page, &worker);
  let expected = [
    "slow: AbortError",
    "worker: aborted AbortError",
    "answered: undefined",
    // What has its answer is not aborted.
    "still: false",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn an_event_is_over_before_the_body_of_its_answer_is() {
  let site = Site::new();
  let page = format!(
    "{CONTROLLED}
    const response = await fetch('slow');
    // All of the body comes, though nothing extends the event.
    console.log('body:', await response.text());
    console.log('then:', await (await fetch('then')).text());"
  );
  let worker = format!(
    "{CLAIM}
    let later;
    addEventListener('fetch', (event) => {{
      if (event.request.url.endsWith('then')) {{
        event.respondWith(later.then((name) => new Response(name)));
        return;
      }}
      let body;
      event.respondWith(new Response(new ReadableStream({{
        start(controller) {{
          body = controller;
        }},
      }})));
      later = new Promise((done) => setTimeout(() => {{
        try {{
          event.waitUntil(Promise.resolve());
          done('it was extended');
        }} catch (error) {{
          done(error.name);
        }}
        body.enqueue(new TextEncoder().encode('late'));
        body.close();
      }}, 20));
    }});"
  );
  let lines = site.lines_with(&page, &worker);
  assert_eq!(lines, ["body: late", "then: InvalidStateError"]);
}
