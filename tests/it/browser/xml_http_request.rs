//! `XMLHttpRequest`, in pages and workers.

use crate::browser::site::Site;
use support::Behaviour;
use support::Resource;

/// Sends, and says what came: the events, and what `look` finds at the end.
const SEND: &str = "
  function send(method, url, { prepare = () => {}, body, look = () => [] } = {}) {
    return new Promise((done) => {
      const xhr = new XMLHttpRequest();
      const events = [];
      const note = (prefix) => ({ type, loaded }) =>
        events.push(prefix + type + (loaded ? ` ${loaded}` : ''));
      xhr.onreadystatechange = () => events.push(xhr.readyState);
      for (const type of ['loadstart', 'progress', 'load', 'error', 'abort', 'timeout', 'loadend']) {
        xhr.addEventListener(type, note(''));
      }
      xhr.onloadend = () => done([events.join(), ...look(xhr)].join('; '));
      xhr.open(method, url);
      prepare(xhr, note);
      xhr.send(body);
    });
  }
";

#[test]
fn a_request_brings_its_answer() {
  let site = Site::new();
  let text = Resource::text("hello")
    .header("X-Two", "2")
    .header("A-One", "1");
  site.server.serve("/text", text);
  let json = Resource::text(r#"{"a": [1]}"#);
  site
    .server
    .serve("/json", json.content_type("application/json"));
  let latin =
    Resource::text("\u{e9}").content_type("text/plain;charset=latin1");
  site.server.serve("/latin", latin);
  site.server.serve("/echo", Resource::echo());
  let moved = Behaviour::Redirect("/text".into(), 302);
  site
    .server
    .serve("/moved", Resource::text("").script([moved]));
  let page = format!(
    "{SEND}
    const type = (value) => ({{ prepare: (xhr) => xhr.responseType = value }});
    await say('text', () => send('get', '/text', {{ look: (x) => [
      x.status, x.statusText, x.responseText, x.response, x.responseURL.split('/').pop(),
      x.getResponseHeader('x-TWO'), x.getResponseHeader('none'),
      x.getAllResponseHeaders().split('\\r\\n').filter((l) => /-(one|two)/.test(l)),
    ] }}));
    await say('json', () => send('GET', '/json', {{ ...type('json'), look: (x) => [x.response.a] }}));
    await say('bytes', () => send('GET', '/text', {{ ...type('arraybuffer'), look: (x) => [
      x.response instanceof ArrayBuffer, x.response === x.response, x.response.byteLength] }}));
    let blob;
    await say('blob', () => send('GET', '/text', {{ ...type('blob'), look: (x) => [
      (blob = x.response) instanceof Blob, x.response.type] }}));
    console.log(await blob.text());
    await say('label', () => send('GET', '/latin', {{ look: (x) => [x.responseText] }}));
    await say('override', () => send('GET', '/latin', {{
      prepare: (x) => x.overrideMimeType('text/plain;charset=utf-8'),
      look: (x) => [x.responseText],
    }}));
    await say('moved', () => send('GET', '/moved', {{ look: (x) => [x.responseURL.split('/').pop(), x.responseText] }}));
    await say('post', () => send('POST', '/echo', {{
      body: 'gr\u{fc}n',
      prepare(x, note) {{
        x.setRequestHeader('x-mine', ' a ');
        x.setRequestHeader('X-Mine', 'b');
        x.setRequestHeader('cookie', 'forbidden');
        for (const type of ['loadstart', 'progress', 'load', 'loadend']) x.upload.addEventListener(type, note('up '));
      }},
      look: (x) => [x.responseText],
    }}));
    const form = new FormData();
    form.set('a', 'b');
    await say('form', () => send('PUT', '/echo', {{ body: form, look: (x) => [/name=\"a\"/.test(x.responseText)] }}));
    const url = URL.createObjectURL(new Blob(['made']));
    await say('own blob', () => send('GET', url, {{
      prepare: () => URL.revokeObjectURL(url),
      look: (x) => [x.responseText],
    }}));
    await say('replaced', () => send('GET', '/text', {{
      prepare: (x) => x.overrideMimeType('text/plain;charset=iso-2022-kr'),
      look: (x) => [x.responseText],
    }}));"
  );
  let lines = site.lines_with(&page, "");
  let ok = "1,loadstart,2,3,progress 5,progress 5,4,load 5,loadend 5";
  assert_eq!(
    lines,
    [
      &format!(
        "text: {ok}; 200; OK; hello; hello; text; 2; ; a-one: 1,x-two: 2"
      ),
      "json: 1,loadstart,2,3,progress 10,progress 10,4,load 10,loadend 10; 1",
      &format!("bytes: {ok}; true; true; 5"),
      &format!("blob: {ok}; true; text/plain;charset=utf-8"),
      "hello",
      "label: 1,loadstart,2,3,progress 2,progress 2,4,load 2,loadend 2; Ã©",
      "override: 1,loadstart,2,3,progress 2,progress 2,4,load 2,loadend 2; é",
      &format!("moved: {ok}; text; hello"),
      "post: 1,loadstart,up loadstart,up progress 5,up load 5,up loadend 5,\
       2,3,progress 5,progress 5,4,load 5,loadend 5; grün",
      &lines[9],
      "own blob: 1,loadstart,2,3,progress 4,progress 4,4,load 4,loadend 4; made",
      &format!("replaced: {ok}; \u{fffd}"),
    ]
  );
  assert!(lines[9].ends_with("; true"), "{}", lines[9]);
  let seen = site.server.requests_for("/echo");
  assert_eq!(seen[0].header("x-mine"), Some("a, b"));
  assert_eq!(seen[0].header("cookie"), None);
  let content_type = seen[0].header("content-type");
  assert_eq!(content_type, Some("text/plain;charset=UTF-8"));
}

#[test]
fn what_fails_is_an_error_and_what_is_aborted_an_abort() {
  let site = Site::new();
  site
    .server
    .serve("/held", Resource::text("").script([Behaviour::Hold]));
  let half = Behaviour::TruncateAfter(2);
  site
    .server
    .serve("/half", Resource::text("whole").script([half]));
  site.server.serve("/x", Resource::text("x"));
  site.other.serve("/closed", Resource::text("secret"));
  let page = format!(
    "{SEND}
    const end = (x) => [x.readyState, x.status, x.statusText, x.responseText, x.getAllResponseHeaders()];
    await say('other', () => send('GET', '@OTHER@/closed', {{ look: end }}));
    await say('half', () => send('GET', '/half', {{ look: end }}));
    await say('late', () => send('GET', '/held', {{ look: end, prepare: (x) => x.timeout = 50 }}));
    await say('aborted', () => send('POST', '/held', {{
      body: 'b',
      look: end,
      prepare(x, note) {{
        x.upload.onabort = note('up ');
        setTimeout(() => x.abort(), 20);
      }},
    }}));
    const again = new XMLHttpRequest();
    again.open('GET', '/held');
    again.send();
    again.onload = () => console.log('again:', again.responseText);
    again.open('GET', '/x');
    again.send();"
  );
  let lines = site.lines_with(&page, "");
  let failed = |what: &str| format!("4,{what},loadend; 4; 0; ; ; ");
  assert_eq!(lines[0], format!("other: 1,loadstart,{}", failed("error")));
  assert!(lines[1].ends_with(&failed("error")), "{}", lines[1]);
  assert_eq!(lines[2], format!("late: 1,loadstart,{}", failed("timeout")));
  let aborted = format!("aborted: 1,loadstart,{}", failed("up abort,abort"));
  assert_eq!(lines[3], aborted);
  assert_eq!(lines[4..], ["again: x"]);
}

#[test]
fn what_cannot_be_asked_for_throws() {
  let site = Site::new();
  site.server.serve("/x", Resource::text("x"));
  let page = "
    const opened = () => {
      const xhr = new XMLHttpRequest();
      xhr.open('GET', '/x');
      return xhr;
    };
    const sent = () => {
      const xhr = opened();
      xhr.send();
      return xhr;
    };
    await say('method', () => new XMLHttpRequest().open('a b', '/x'));
    await say('forbidden', () => new XMLHttpRequest().open('Trace', '/x'));
    await say('URL', () => new XMLHttpRequest().open('GET', 'http://['));
    await say('blocks', () => new XMLHttpRequest().open('GET', '/x', false));
    await say('unopened', () => new XMLHttpRequest().send());
    await say('twice', () => sent().send());
    await say('header', () => opened().setRequestHeader('a b', 'c'));
    await say('value', () => opened().setRequestHeader('a', 'b\\nc'));
    await say('late header', () => sent().setRequestHeader('a', 'b'));
    await say('credentials', () => { sent().withCredentials = true; });
    await say('target', () => new XMLHttpRequestUpload());
    const xhr = opened();
    xhr.responseType = 'nonsense';
    console.log(`[${xhr.responseType}]`);
    xhr.responseType = 'json';
    await say('text', () => xhr.responseText);
    await say('document', () => xhr.responseXML);
    await say('foreign', () => Object.getOwnPropertyDescriptor(
      XMLHttpRequest.prototype, 'status').get.call({}));
    console.log(XMLHttpRequest.DONE, xhr.OPENED, xhr instanceof XMLHttpRequestEventTarget);
    const worker = new Worker('data:text/javascript,' + encodeURIComponent(`
      const xhr = new XMLHttpRequest();
      xhr.onload = () => postMessage(xhr.responseText);
      xhr.open('GET', 'data:,in a worker');
      xhr.send();
    `));
    console.log(await new Promise((done) => worker.onmessage = ({ data }) => done(data)));
    worker.terminate();
  ";
  let lines = site.lines_with(page, "");
  assert_eq!(
    lines,
    [
      "method: SyntaxError",
      "forbidden: SecurityError",
      "URL: SyntaxError",
      "blocks: InvalidAccessError",
      "unopened: InvalidStateError",
      "twice: InvalidStateError",
      "header: SyntaxError",
      "value: SyntaxError",
      "late header: InvalidStateError",
      "credentials: InvalidStateError",
      "target: TypeError",
      "[]",
      "text: InvalidStateError",
      "document: InvalidStateError",
      "foreign: TypeError",
      "4 1 true",
      "in a worker",
    ]
  );
}

#[test]
fn a_request_that_is_answered_while_it_is_aborted_ends_its_connection() {
  let site = Site::new();
  let worker = "const xhr = new XMLHttpRequest();
    xhr.open('GET', '/stalled');
    xhr.send();
    importScripts('/held.js');
    xhr.abort();
    fetch('/end').then(() => postMessage(xhr.readyState));";
  site.place.write("worker.js", worker);
  let page = "const worker = new Worker('worker.js');
    await say('state', () => new Promise((done) => {
      worker.onmessage = ({ data }) => done(data);
    }));
    worker.terminate();";
  let ended = site.run_unheard(Resource::text("hello"), page, Some(""));
  assert_eq!(ended.stdout, "state: 0\n", "{ended:#?}");
}
